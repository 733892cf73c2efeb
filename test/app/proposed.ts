import { recordRun } from "../../src/protect/outcomes.ts";
import type { Counterpart } from "./counterpart.ts";
import { recordedRun } from "./recorded-run.ts";

/** A pull request of the App whose proposal is on record. */
export type Proposed = { readonly pull: number; readonly branch: string; readonly head: string };

/** Opens the pull request of a proposal for the target `notes` and puts its run on record. */
export async function propose({ github, repository, clock }: Counterpart): Promise<Proposed> {
  const fingerprint = "c".repeat(64);
  const run = recordedRun("1", { outcome: { fingerprint, status: "proposed", reasons: ["ok"] } });
  await recordRun(repository.state, run, clock);
  const branch = `whetstone/proposal/notes/${fingerprint.slice(0, 12)}`;
  await github.backend.ask("POST", "git/refs", { ref: `refs/heads/${branch}`, sha: github.base });
  const head = await github.backend.commit(branch, { "a.ts": "2\n" });
  const { data } = await github.backend.ask("POST", "pulls", { title: "T", head: branch, base: "main" });
  return { pull: Number(Reflect.get(Object(data), "number")), branch, head };
}

/** `whetstone.yaml` with the target `notes`; `more` is YAML for further top-level keys. */
export function configured(more = ""): Readonly<Record<string, string>> {
  const notes = "targets:\n  notes: { command: node a.js, source: [a.ts], workload: w.json }\n";
  return { "whetstone.yaml": `version: 1\n${notes}${more}`, "a.ts": "1\n" };
}
