import { z } from "zod";

/** What an analysis answers: causes in the code and what to change, with the places. Hostile until it was checked. */
export const AnalysisAnswer = z.strictObject({
  /** For the next session on the target. */
  summary: z.string().min(1).max(2_000),
  findings: z
    .array(
      z.strictObject({
        /** Id or kind of the finding in the evidence. */
        finding: z.string().min(1).max(200),
        rootCause: z.string().min(1).max(1_000),
        /** Paths in the repository where the cause is. */
        paths: z.array(z.string().max(300)).max(20),
        /** Steps of the change. */
        plan: z.array(z.string().max(500)).max(20),
      }),
    )
    .max(20),
});
export type AnalysisAnswer = z.infer<typeof AnalysisAnswer>;

/** JSON Schema of {@link AnalysisAnswer} as `--json-schema` takes it: draft 7, the newest that Claude Code can read. */
export function analysisSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(AnalysisAnswer, { target: "draft-7" });
}

/** The answer as text, for the record's summary. */
export function analysisText({ summary, findings }: AnalysisAnswer): string {
  const parts = findings.map(({ finding, rootCause, paths, plan }) =>
    [`${finding}: ${rootCause}`, `  in: ${paths.join(", ")}`, ...plan.map((step) => `  - ${step}`)].join("\n"),
  );
  return [summary, ...parts].join("\n\n");
}
