import { formatInstant } from "../../../src/model/time.ts";
import type { Outcome } from "../../../src/model/outcome.ts";
import { recordRun } from "../../../src/protect/outcomes.ts";
import { FINGERPRINT } from "../gate/gated.ts";
import { recordedRun } from "../recorded-run.ts";
import { type Counterpart, startCounterpart } from "../counterpart.ts";

export const BRANCH = `whetstone/proposal/notes/${FINGERPRINT.slice(0, 12)}`;
export const ROLLBACK_BRANCH = BRANCH.replace("proposal", "rollback");
export const DEPLOY = 'run-name: "Deploy ${{ inputs.sha }} (${{ inputs.key }})"\non: workflow_dispatch\n';

/** A repository in which a proposal was merged by a person. */
export type Merged = Counterpart & { readonly pull: number; readonly before: string; readonly mergeSha: string };

export const BASE_FILES = {
  "src/a.ts": "import x\none\ntwo\nthree\nfour\nfive\nsix\n",
  "src/kept.ts": "kept\n",
  ".github/workflows/whetstone-restore.yml": DEPLOY,
};
/** What the proposal made of it: a line of one file, and a file of its own. */
export const CHANGED_FILES = {
  ...BASE_FILES,
  "src/a.ts": BASE_FILES["src/a.ts"].replace("two", "const brandNew = 2"),
  "src/b.ts": "added\n",
};

/** `app`: settings as YAML in one line. */
export async function startMerged({
  app = "{}",
  merge = true,
  recorded = {},
  method = "merge",
}: {
  readonly app?: string;
  readonly merge?: boolean;
  readonly recorded?: Partial<Outcome>;
  readonly method?: "merge" | "squash" | "rebase";
} = {}): Promise<Merged> {
  const config = { "whetstone.yaml": `version: 1\napp: ${app}\n` };
  const counterpart = await startCounterpart({ files: { ...BASE_FILES, ...config } });
  const { github, repository, clock } = counterpart;
  const at = formatInstant(clock.now());
  const outcome: Partial<Outcome> = { fingerprint: FINGERPRINT, status: "proposed", reasons: ["ok"], at, ...recorded };
  await recordRun(repository.state, recordedRun("1", { outcome }), clock);
  clock.advance(1_000);
  const { backend, base } = github;
  await backend.ask("POST", "git/refs", { ref: `refs/heads/${BRANCH}`, sha: base });
  await backend.commit(BRANCH, { ...CHANGED_FILES, ...config });
  const { data } = await backend.ask("POST", "pulls", { title: "T", head: BRANCH, base: "main" });
  const pull = Number(Reflect.get(Object(data), "number"));
  if (!merge) return { ...counterpart, pull, before: base, mergeSha: "" };
  const merged = await backend.people.as("ada")("PUT", `pulls/${pull}/merge`, { merge_method: method });
  return { ...counterpart, pull, before: base, mergeSha: String(merged["sha"]) };
}

/** A later commit of people on the default branch, as changes of what stands there. */
export async function commitLater({ github }: Counterpart, change: Readonly<Record<string, string | undefined>>) {
  const now = await github.backend.files("main");
  const next = Object.entries({ ...now, ...change }).filter((one): one is [string, string] => one[1] !== undefined);
  return await github.backend.commit("main", Object.fromEntries(next));
}
