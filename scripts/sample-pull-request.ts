import { writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import type { Finding } from "../src/model/finding.ts";
import { type Effect, VALIDATION_STAGES } from "../src/model/verdict.ts";
import { pullRequestFacts } from "../src/propose/facts.ts";
import { formatPullRequest } from "../src/propose/pull-request.ts";
import { parsePatch } from "../src/protect/patch.ts";
import { sha256 } from "../src/protect/digest.ts";

const FILE = "docs/sample-pull-request.md";

const PATCH = `diff --git a/src/search.ts b/src/search.ts
--- a/src/search.ts
+++ b/src/search.ts
@@ -8,5 +8,3 @@ export async function search(query: string) {
   const ids = await index.find(query);
-  const notes = [];
-  for (const id of ids) notes.push(await store.read(id));
-  return notes;
+  return await store.readAll(ids);
 }
`;

const interval = (low: number, high: number) => ({ low, high, level: 0.95 });
const finding: Finding = {
  id: "n_plus_one:notes:search",
  kind: "n_plus_one",
  severity: "major",
  service: "notes",
  operation: "search",
  metric: "child_calls",
  value: 40,
  interval: interval(38, 42),
  samples: 120,
  gainMs: 30,
  traceIds: ["4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"],
  confidence: 0.9,
  suggestion: "Read them in one call.",
};
const effect = (
  operation: string,
  numbers: Pick<Effect, "before" | "after" | "change" | "changeInterval">,
): Effect => ({
  operation,
  metric: "p50_ms",
  beforeInterval: interval(numbers.before * 0.96, numbers.before * 1.05),
  afterInterval: interval(numbers.after * 0.95, numbers.after * 1.05),
  samples: 120,
  ...numbers,
});

/** The text of `docs/sample-pull-request.md`: a rendered pull request of an invented proposal. */
export async function samplePullRequest(): Promise<string> {
  const patch = parsePatch(PATCH);
  if (!patch.ok) throw new Error(patch.detail);
  const answer = {
    title: "Read all notes of a search at once",
    patch: PATCH,
    hypothesis: { metric: "p50_ms", operation: "search", direction: "decrease", expectedChange: -0.5 } as const,
    rationale: "search reads every note by a call of its own. The store can read a list in one call.",
    findings: ["n_plus_one" as const],
  };
  const { title, body } = formatPullRequest(
    pullRequestFacts({
      parts: {
        proposal: {
          schema: "whetstone.proposal/1",
          id: "p-20261120T104512Z-3f9a1c",
          target: "notes",
          session: "s-20261120T104012Z-77ab02",
          baseSha: "6d0c4f9bd6c7b0a1c2d3e4f5a6b7c8d9e0f1a2b3",
          answer,
          patchDigest: sha256(PATCH),
          fingerprint: sha256("search reads a list"),
        },
        session: {
          schema: "whetstone.session/1",
          id: "s-20261120T104012Z-77ab02",
          mode: "refinement",
          target: "notes",
          model: "the model that wrote it",
          recordedAt: "2026-11-20T10:45:12.000Z",
          arms: [{ rule: "batch-reads", version: 2, assigned: true, q: 0.5 }],
          usage: { inputTokens: 41_000, outputTokens: 2_300, turns: 9, costUsd: 0.38 },
          summary: "",
          partial: false,
          answer,
        },
        evidence: {
          schema: "whetstone.evidence/1",
          target: "notes",
          window: { since: "2026-11-19T10:00:00.000Z", until: "2026-11-20T10:00:00.000Z" },
          traces: 240,
          spans: 5_280,
          operations: [],
          findings: [finding],
          omitted: { operations: 0, findings: 0 },
        },
        validation: {
          schema: "whetstone.validation/1",
          proposal: "p-20261120T104512Z-3f9a1c",
          patchDigest: sha256(PATCH),
          baseSha: "6d0c4f9bd6c7b0a1c2d3e4f5a6b7c8d9e0f1a2b3",
          verdict: "pass",
          reasons: ["hypothesis_met"],
          stages: VALIDATION_STAGES.map((stage) => ({
            stage,
            verdict: "pass",
            reasons: [stage === "replay" ? "hypothesis_met" : "ok"],
            details: [
              stage === "replay" ? "240 recorded calls replayed on both versions, every result equal." : "Passed.",
            ],
          })),
          effects: [
            effect("search", { before: 40.2, after: 19.6, change: -0.51, changeInterval: interval(-0.56, -0.47) }),
            effect("list", { before: 3.1, after: 3.1, change: 0.01, changeInterval: interval(-0.03, 0.04) }),
          ],
        },
        dossier: "d-20261120T104512Z-3f9a1c",
      },
      patch: patch.patch,
      reviews: [],
      dossierDigest: sha256("dossier"),
      links: {
        run: "https://github.com/octo-org/notes/actions/runs/7",
        artifact: "https://github.com/octo-org/notes/actions/runs/7/artifacts/9",
      },
    }),
  );
  const page = `# A pull request of Whetstone\n\nRendered from invented numbers by \`scripts/sample-pull-request.ts\`; everything below the line is the body.\n\nTitle: ${title}\n\n---\n\n${body}`;
  return format(page, { ...(await resolveConfig(FILE)), parser: "markdown" });
}

if (import.meta.main) writeFileSync(FILE, await samplePullRequest());
