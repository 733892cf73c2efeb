import type { EnvironmentSetup, Fact, RepositorySetup } from "../github/setup-port.ts";

/** One check: what was found, and how to mend it when it is not as it should be. */
export type Diagnosis = {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly remedy?: string;
};

/** What is asked of a repository besides its settings. */
export type Wanted = {
  /** Page of the repository. */
  readonly page: string;
  /** Workflow files that `whetstone init --workflow` writes. */
  readonly templates: readonly string[];
  /** Branch that the state is on. */
  readonly stateBranch: string;
};

/** The rules of the branches that matter, once they are asked for. */
export type Rules = { readonly ofDefault: Fact<readonly string[]>; readonly ofState: Fact<readonly string[]> };

type Setup = Omit<RepositorySetup, "rules"> & { readonly rules: Rules };

/**
 * Everything that a repository on GitHub needs for Whetstone's workflows, each with how to mend it; of a repository that
 * cannot be seen only that. Pure.
 */
export function judgeSetup(setup: Setup, wanted: Wanted): Diagnosis[] {
  const settings = `${wanted.page}/settings`;
  const name = "repository on GitHub";
  if (!setup.repository.seen) {
    const { why, remedy = SEE } = setup.repository;
    return [{ name, ok: false, found: `cannot be seen, nor can its settings: ${why}`, remedy }];
  }
  return [
    ...judge(name, setup.repository, ({ archived, issues, may, defaultBranch }) => [
      archived && fault("is archived: nothing can be written", `Unarchive it: ${settings}`),
      !issues && fault("has no issues: nobody is told when a run ends badly", `Turn issues on: ${settings}`),
      !may.push && fault("the token may only read", "Use one whose owner may write, to see what jobs need."),
      fine(`default branch ${defaultBranch}; the token's owner may ${may.admin ? "administer" : "write"}`),
    ]),
    ...judge("Actions", setup.actions, ({ enabled, allowed }) => [
      !enabled && fault("are off", `Turn them on: ${settings}/actions`),
      allowed === "local_only" &&
        fault("only the repository's own actions may run", `Allow Whetstone's and GitHub's: ${settings}/actions`),
      fine(allowed === "all" ? "on" : `on, ${allowed} actions: Whetstone's and GitHub's must be among them`),
    ]),
    ...judge("job token", setup.workflowToken, ({ access, opensPullRequests }) => [
      !opensPullRequests &&
        fault(
          "jobs may not open pull requests, so that no proposal can be opened",
          `Set "Allow GitHub Actions to create and approve pull requests" (Whetstone never approves): ${settings}/actions`,
        ),
      access !== "read" &&
        fault(
          "jobs that state no permissions may write",
          `Set the default to read: ${settings}/actions; Whetstone's workflows state what they need.`,
        ),
      fine("reads by default, may open pull requests"),
    ]),
    ...judge("workflow files", setup.workflowFiles, (files) => judgeFiles(files, wanted.templates)),
    ...judge("workflows", setup.workflowStates, (states) => judgeStates(states, setup.workflowFiles)),
    ...judge("secrets", setup.secrets, (secrets) => judgeSecrets(setup, secrets)),
    ...judge("environments", setup.environments, (found) => judgeEnvironments(setup, found, settings)),
    ...judge("default branch", setup.rules.ofDefault, (rules) => judgeDefault(rules, settings)),
    ...judge(wanted.stateBranch, setup.rules.ofState, (rules) => judgeState(rules, wanted.stateBranch, settings)),
  ];
}

type Found = Omit<Diagnosis, "name">;
const fault = (found: string, remedy: string): Found => ({ ok: false, found, remedy });
const fine = (found: string): Found => ({ ok: true, found });

const SEE = "Give a token whose owner administers the repository.";

/** The faults, or what is fine when there is none; what cannot be seen is a fault too. */
function judge<Value>(
  name: string,
  fact: Fact<Value>,
  look: (value: Value) => readonly (Found | false)[],
): Diagnosis[] {
  if (!fact.seen) {
    const remedy = `${SEE} ${fact.remedy ?? ""}`.trim();
    return [{ name, ok: false, found: `cannot be seen: ${fact.why}`, remedy }];
  }
  const found = look(fact.value).filter((one) => one !== false);
  const faults = found.filter(({ ok }) => !ok);
  return (faults.length > 0 ? faults : found.slice(-1)).map((one) => ({ name, ...one }));
}

function judgeFiles(files: ReadonlyMap<string, string>, templates: readonly string[]): Found[] {
  const write = "Write it with `whetstone init --workflow OWNER/REPO@COMMIT`, and commit it.";
  const faults = [...files].flatMap(([name, text]) =>
    loose(text).map((use) =>
      fault(`${name} uses ${use}, which can be moved to other code`, "Name a commit: 40 digits, not all 0."),
    ),
  );
  const missing = files.has("whetstone.yml")
    ? []
    : [fault("whetstone.yml is not there: nothing starts the loop", write)];
  const absent = templates.filter((name) => !files.has(name));
  const rest = absent.length === 0 ? "" : `; not there: ${absent.join(", ")}`;
  return [...missing, ...faults, fine(`${[...files.keys()].join(", ")}, pinned${rest}`)];
}

/** What a workflow uses by a name that can move; `./` and `$/` are the repository itself. */
function loose(text: string): string[] {
  const code = text.replaceAll(/(^|\s)#.*$/gm, "$1");
  const uses = [...code.matchAll(/(?:^|[\s{,])uses:\s*["']?([^\s"',}]+)/gm)].map(([, use = ""]) => use);
  return uses.filter((use) => !/^[.$]\//.test(use) && !isPinned(use));
}

/** By a whole commit that is no placeholder, or by the digest of an image. */
function isPinned(use: string): boolean {
  return (/@[0-9a-f]{40}$/.test(use) && !/@0+$/.test(use)) || /@sha256:[0-9a-f]{64}$/.test(use);
}

function judgeStates(states: ReadonlyMap<string, string>, files: Setup["workflowFiles"]): Found[] {
  const ours = files.seen ? [...files.value.keys()] : [];
  const off = ours.filter((name) => states.has(name) && states.get(name) !== "active");
  return [
    ...off.map((name) =>
      fault(`${name} is ${states.get(name)?.replaceAll("_", " ")}`, `Turn it on: gh workflow enable ${name}`),
    ),
    fine(`${ours.length} of Whetstone's, none is turned off`),
  ];
}

/** What a workflow file asks for. A job that waits for a variable to be `on` needs its secrets only then. */
function needsOf(text: string, variables: Setup["variables"]) {
  const all = (pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name))];
  const switches = all(/\bvars\.(\w+) == 'on'/g);
  const isOn = (name: string): boolean => variables.seen && variables.value.get(name) === "on";
  return {
    secrets: all(/\bsecrets\.(\w+)/g).filter((name) => name !== "GITHUB_TOKEN"),
    environments: all(/^\s+environment:\s*(?:\{\s*)?(?:name:\s*)?["']?([\w-]+)/gm),
    active: switches.length === 0 || switches.some(isOn),
  };
}

const needs = ({ workflowFiles, variables }: Setup) =>
  workflowFiles.seen ? [...workflowFiles.value].map(([file, text]) => ({ file, ...needsOf(text, variables) })) : [];

function judgeSecrets(setup: Setup, ofRepository: readonly string[]): Found[] {
  const faults = needs(setup)
    .filter(({ active }) => active)
    .flatMap(({ file, secrets, environments: named }) => {
      const own = environmentSecrets(setup, named);
      const missing = secrets.filter((name) => !ofRepository.includes(name) && own?.includes(name) === false);
      const at = named[0] === undefined ? "" : ` --env ${named[0]}`;
      return missing.map((name) =>
        fault(`${file} needs ${name}, which is not set`, `Set it: gh secret set ${name}${at}`),
      );
    });
  return [...faults, fine("every one that a workflow in force needs is set, as far as they can be seen")];
}

/** Names of the secrets of these environments; undefined where they cannot be seen, which has a line of its own. */
function environmentSecrets({ environments }: Setup, named: readonly string[]): readonly string[] | undefined {
  if (named.length === 0) return [];
  if (!environments.seen) return undefined;
  const own: string[] = [];
  for (const { secrets } of environments.value.filter(({ name }) => named.includes(name))) {
    if (!secrets.seen) return undefined;
    own.push(...secrets.value);
  }
  return own;
}

function judgeEnvironments(setup: Setup, found: readonly EnvironmentSetup[], settings: string): Found[] {
  const faults = needs(setup)
    .filter(({ active }) => active)
    .flatMap(({ file, environments }) =>
      environments.flatMap((name): Found[] => {
        const known = found.find((one) => one.name === name);
        const at = `${settings}/environments`;
        if (known === undefined)
          return [fault(`${file} names ${name}, which is not there: GitHub makes one without rules`, `Make it: ${at}`)];
        if (!known.secrets.seen) return [fault(`the secrets of ${name} cannot be seen: ${known.secrets.why}`, SEE)];
        return known.restricted
          ? []
          : [fault(`every branch may use ${name} and its secrets`, `Restrict it to the default branch: ${at}`)];
      }),
    );
  return [...faults, fine(`${found.length}, those that workflows in force name are restricted to branches`)];
}

function judgeDefault(rules: readonly string[], settings: string): Found[] {
  const isGuarded = rules.includes("pull_request") || rules.includes("protected");
  const at = `${settings}/rules`;
  return [
    ...(isGuarded
      ? []
      : [fault("takes changes without a pull request", `Add a ruleset that requires one, with a review: ${at}`)]),
    fine(`guarded by ${rules.join(", ")}`),
  ];
}

/** Rules that keep the jobs from writing the state, and those without which history could be taken away. */
function judgeState(rules: readonly string[], branch: string, settings: string): Found[] {
  const at = `${settings}/rules`;
  const blocking = rules.filter((rule) =>
    ["pull_request", "update", "required_status_checks", "required_signatures"].includes(rule),
  );
  const missing = ["non_fast_forward", "deletion"].filter(
    (rule) => !rules.includes(rule) && !rules.includes("protected"),
  );
  return [
    ...(blocking.length === 0
      ? []
      : [fault(`jobs cannot write it: ${blocking.join(", ")}`, `Leave ${branch} out of that ruleset: ${at}`)]),
    ...(missing.length === 0
      ? []
      : [
          fault(
            `its history can be taken away: no rule ${missing.join(", ")}`,
            `Add a ruleset for ${branch} that blocks force pushes and deletion: ${at}`,
          ),
        ]),
    fine("only grows"),
  ];
}
