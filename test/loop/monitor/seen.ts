import type { Evidence } from "../../../src/model/finding.ts";
import type { Alert, Seen } from "../../../src/loop/monitor/alerts.ts";
import { finding } from "../../actions/report.ts";

/** Evidence of a window of `notes` with these findings. */
export function evidence(more: Partial<Evidence> = {}): Evidence {
  return {
    schema: "whetstone.evidence/1",
    target: "notes",
    window: { since: "2026-11-19T10:00:00.000Z", until: "2026-11-20T10:00:00.000Z" },
    traces: 40,
    spans: 80,
    operations: [],
    findings: [],
    omitted: { operations: 0, findings: 0 },
    ...more,
  };
}

/** A look that found these operations slow. */
export const slow = (...operations: readonly string[]): Seen => ({
  evidence: evidence({ findings: operations.map((operation) => finding(operation)) }),
  held: [],
});

/** An alert with a key made of one digit. */
export const alert = (digit: string, more: Partial<Alert> = {}): Alert => ({
  key: digit.repeat(16),
  severity: "major",
  reason: "problem_found",
  text: `something about ${digit}`,
  ...more,
});
