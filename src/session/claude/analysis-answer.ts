import { z } from "zod";
import { AnalysisAnswer } from "../../model/session.ts";

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
