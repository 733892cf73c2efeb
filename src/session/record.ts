import type { SessionRecord } from "../model/proposal.ts";
import type { SessionRun } from "../model/session.ts";
import { textRedactor } from "../protect/redact-text.ts";

/** What the caller of a runner knows and the runner does not. */
export type RunFacts = Partial<Pick<SessionRun, "context" | "question" | "continues" | "telemetry">>;

/**
 * Adds to a record what only the caller of its runner knows. A record that says nothing of how the session went is left
 * as it is: it was written by hand, or by version 1.
 */
export function withFacts(record: SessionRecord, { question, ...facts }: RunFacts): SessionRecord {
  if (record.run === undefined) return record;
  const asked = question === undefined ? {} : { question: textRedactor()(question) };
  return { ...record, run: { ...record.run, ...facts, ...asked } };
}
