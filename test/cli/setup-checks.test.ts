import { describe, expect, test } from "@jest/globals";
import { judgeSetup } from "../../src/cli/setup-checks.ts";
import { workflowsFor } from "../../src/cli/workflow-template.ts";
import fc from "../support/fast-check.ts";

type Setup = Parameters<typeof judgeSetup>[0];
const PAGE = "https://github.com/octo-org/notes";
const seen = <Value>(value: Value) => ({ seen: true, value }) as const;
const hidden = { seen: false, why: "GitHub answered 403 (no)", remedy: "The token lacks a permission." } as const;
const files = await workflowsFor(`octo-org/whetstone@${"1".repeat(40)}`);
const WANTED = { page: PAGE, templates: [...files.keys()], stateBranch: "whetstone/state" };

/** A repository that has all that it needs. */
const WELL: Setup = {
  repository: seen({ defaultBranch: "main", archived: false, issues: true, may: { push: true, admin: true } }),
  actions: seen({ enabled: true, allowed: "all" }),
  workflowToken: seen({ access: "read", opensPullRequests: true }),
  workflowFiles: seen(files),
  workflowStates: seen(new Map([...files.keys()].map((name) => [name, "active"]))),
  secrets: seen(["ANTHROPIC_API_KEY"]),
  variables: seen(new Map([["WHETSTONE_MONITOR", "on"]])),
  environments: seen([
    { name: "whetstone-telemetry", restricted: true, secrets: seen(["WHETSTONE_DATABASE_URL"]) },
    { name: "staging", restricted: true, secrets: seen([]) },
  ]),
  rules: { ofDefault: seen(["pull_request"]), ofState: seen(["non_fast_forward", "deletion"]) },
};
/** Of the templates only those that this file speaks of: others may ask for more. */
const TWO = new Map([...files].filter(([name]) => ["whetstone.yml", "whetstone-monitor.yml"].includes(name)));
const faults = (more: Partial<Setup>) =>
  judgeSetup({ ...WELL, workflowFiles: seen(TWO), ...more }, WANTED).filter(({ ok }) => !ok);

describe("a repository's set-up on GitHub", () => {
  test("that has all it needs has no fault, and every check says what it saw", () => {
    const checks = judgeSetup({ ...WELL, workflowFiles: seen(TWO) }, WANTED);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual([
      "repository on GitHub",
      "Actions",
      "job token",
      "workflow files",
      "workflows",
      "secrets",
      "environments",
      "default branch",
      "whetstone/state",
    ]);
    for (const { found } of checks) expect(found).not.toBe("");
  });

  const facts = { defaultBranch: "main", archived: false, issues: true, may: { push: true, admin: true } };
  const cases: readonly (readonly [string, Partial<Setup>, string, RegExp])[] = [
    ["an archived one", { repository: seen({ ...facts, archived: true }) }, "repository on GitHub", /archived/],
    ["one without issues", { repository: seen({ ...facts, issues: false }) }, "repository on GitHub", /no issues/],
    [
      "a token that only reads",
      { repository: seen({ ...facts, may: { push: false, admin: false } }) },
      "repository on GitHub",
      /may only read/,
    ],
    ["Actions that are off", { actions: seen({ enabled: false, allowed: "all" }) }, "Actions", /are off/],
    [
      "foreign actions that are forbidden",
      { actions: seen({ enabled: true, allowed: "local_only" }) },
      "Actions",
      /own/,
    ],
    [
      "jobs that may open no pull request",
      { workflowToken: seen({ access: "read", opensPullRequests: false }) },
      "job token",
      /may not open pull requests/,
    ],
    [
      "jobs that write by default",
      { workflowToken: seen({ access: "write", opensPullRequests: true }) },
      "job token",
      /may write/,
    ],
    [
      "no workflow",
      { workflowFiles: seen(new Map<string, string>()) },
      "workflow files",
      /whetstone\.yml is not there/,
    ],
    [
      "a workflow that is off",
      { workflowStates: seen(new Map([["whetstone.yml", "disabled_manually"]])) },
      "workflows",
      /whetstone\.yml is disabled manually/,
    ],
    ["a missing secret", { secrets: seen([]) }, "secrets", /whetstone\.yml needs ANTHROPIC_API_KEY/],
    ["a missing environment", { environments: seen([]) }, "environments", /GitHub makes one without rules/],
    [
      "an environment for every branch",
      {
        environments: seen([
          { name: "whetstone-telemetry", restricted: false, secrets: seen(["WHETSTONE_DATABASE_URL"]) },
        ]),
      },
      "environments",
      /every branch may use whetstone-telemetry/,
    ],
    [
      "a default branch without rules",
      { rules: { ...WELL.rules, ofDefault: seen([]) } },
      "default branch",
      /without a pull request/,
    ],
    [
      "a state that jobs cannot write",
      { rules: { ...WELL.rules, ofState: seen(["pull_request", "non_fast_forward", "deletion"]) } },
      "whetstone/state",
      /cannot write it: pull_request/,
    ],
    [
      "a state whose history can go",
      { rules: { ...WELL.rules, ofState: seen(["deletion"]) } },
      "whetstone/state",
      /no rule non_fast_forward/,
    ],
  ];
  test.each(cases)("%s is a fault with how to mend it", (...[, more, name, said]) => {
    const found = faults(more);
    expect(found.map((one) => one.name)).toContain(name);
    const [fault] = found.filter((one) => one.name === name);
    expect(fault?.found).toMatch(said);
    expect(fault?.remedy).toMatch(/\S/);
  });

  test.each([
    ["a tag", "octo-org/whetstone/.github/workflows/loop.yml@v1"],
    ["a branch", "octo-org/whetstone@main"],
    ["the placeholder", `whetstone/whetstone@${"0".repeat(40)}`],
    ["nothing", "octo-org/whetstone"],
  ])("a workflow that names %s can be moved to other code", (_what, use) => {
    const text = `jobs:\n  a:\n    steps:\n      - uses: ${use} # v1\n      - uses: ./own\n`;
    const found = faults({ workflowFiles: seen(new Map([["whetstone.yml", text]])) });
    expect(found.map((one) => one.found)).toEqual([`whetstone.yml uses ${use}, which can be moved to other code`]);
  });

  test.each([
    ["a flow mapping", "steps: [{ uses: actions/checkout@v4 }, { uses: ./own }]", "actions/checkout@v4"],
    ["quotes", '      - uses: "actions/checkout@v4"', "actions/checkout@v4"],
    ["an image", "      - uses: docker://alpine:3", "docker://alpine:3"],
  ])("what moves is found in %s too", (...[, text, use]) => {
    const found = faults({ workflowFiles: seen(new Map([["whetstone.yml", `jobs:\n${text}\n`]])) });
    expect(found.map((one) => one.found)).toEqual([`whetstone.yml uses ${use}, which can be moved to other code`]);
  });

  test("neither comments nor digests of images are taken for what moves", () => {
    const text = `# uses: a/b@v1\n- uses: docker://alpine@sha256:${"a".repeat(64)} # uses: c@v2\n- uses: $/actions/gate\n`;
    expect(faults({ workflowFiles: seen(new Map([["whetstone.yml", text]])) })).toEqual([]);
  });

  test.each(["environment: staging", "environment:\n      name: staging", "environment: { name: staging, url: x }"])(
    "an environment is found as `%s`",
    (text) => {
      const file = new Map([["whetstone.yml", `jobs:\n  a:\n    ${text}\n`]]);
      expect(faults({ workflowFiles: seen(file), environments: seen([]) })).toMatchObject([
        {
          name: "environments",
          found: "whetstone.yml names staging, which is not there: GitHub makes one without rules",
        },
      ]);
    },
  );

  test("what a workflow needs that no variable has switched on is not asked for", () => {
    const off = { variables: seen(new Map<string, string>()), environments: seen([]) };
    expect(faults(off)).toEqual([]);
  });

  test("a secret of the environment that its job names counts, one of another does not", () => {
    const at = (name: string) => [{ name, restricted: true, secrets: seen(["WHETSTONE_DATABASE_URL"]) }];
    expect(faults({ environments: seen(at("whetstone-telemetry")) })).toEqual([]);
    const other = [{ name: "whetstone-telemetry", restricted: true, secrets: seen([]) }, ...at("other")];
    expect(faults({ environments: seen(other) })).toMatchObject([
      { name: "secrets", remedy: "Set it: gh secret set WHETSTONE_DATABASE_URL --env whetstone-telemetry" },
    ]);
  });

  test("what cannot be seen is a fault of its own, and never passes", () => {
    const keys = [
      "repository",
      "actions",
      "workflowToken",
      "workflowFiles",
      "workflowStates",
      "secrets",
      "environments",
    ];
    fc.assert(
      fc.property(fc.subarray(keys, { minLength: 1 }), (lost) => {
        const found = faults(Object.fromEntries(lost.map((key) => [key, hidden])) as Partial<Setup>);
        const unseen = found.filter((one) => one.found.startsWith("cannot be seen"));
        if (lost.includes("repository")) expect([found.length, unseen.length]).toEqual([1, 1]);
        else expect(unseen).toHaveLength(lost.length);
        for (const { remedy } of found) expect(remedy).toMatch(/token/);
      }),
    );
  });
});
