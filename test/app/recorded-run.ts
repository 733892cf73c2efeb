import type { DossierManifest } from "../../src/model/dossier.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import type { RunRecord } from "../../src/protect/outcomes.ts";

const digest = "a".repeat(64);

/** What the loop records of a run that ended with a promotion; `id` begins with its time. */
export function recordedRun(
  id: string,
  change: { readonly outcome?: Partial<Outcome>; readonly manifest?: Partial<DossierManifest> } = {},
): RunRecord {
  return {
    entries: [],
    outcome: {
      schema: "whetstone.outcome/1",
      id: `o-${id}`,
      at: "2026-11-20T10:00:00.000Z",
      target: "notes",
      proposal: `p-${id}`,
      session: "s-1",
      fingerprint: digest,
      status: "promoted",
      reasons: ["hypothesis_met"],
      findings: [],
      paths: ["src/a.ts"],
      effects: [],
      costUsd: 0,
      dossier: digest,
      ...change.outcome,
    },
    manifest: {
      schema: "whetstone.dossier/1",
      id: `d-${id}`,
      run: `r-${id}`,
      target: "notes",
      createdAt: "2026-11-20T10:00:00.000Z",
      baseSha: "b".repeat(40),
      recorded: [],
      verdict: "promoted",
      reasons: ["hypothesis_met"],
      stages: [{ stage: "canary", verdict: "pass", reasons: ["ok"], durationMs: 5, summary: "0 of 200 calls failed" }],
      files: [],
      digest,
      ...change.manifest,
    },
  };
}
