import type { ReasonCode } from "../../model/codes.ts";
import { Severity, type Evidence, type Finding } from "../../model/finding.ts";
import type { RegressionReport, RegressionRow, StructuralChange } from "../../model/regression.ts";
import { formatNumber } from "../../propose/report.ts";
import { digestOf } from "../../protect/digest.ts";
import { describeHeld, type HeldCheck } from "../held.ts";

/** Something that people are told. */
export type Alert = {
  /** The same problem of the same severity has the same key in every look: 16 hexadecimal digits. */
  readonly key: string;
  readonly severity: Severity;
  readonly reason: ReasonCode;
  /** One line, plain text: it may hold names from telemetry. */
  readonly text: string;
  /** Trace that shows it. */
  readonly traceId?: string;
};

/** What one look at a target saw. */
export type Seen = {
  readonly evidence: Evidence;
  /** Absent where there was nothing to compare with. */
  readonly regressions?: RegressionReport;
  readonly held: readonly HeldCheck[];
};

/** What counts as an alert. */
export type AlertRules = {
  /** Findings below this severity are in the summary only. */
  readonly least: Severity;
  /** A window without any trace is an alert itself. */
  readonly expectTraffic: boolean;
};

/** What people are told of a look, worst first; a key appears once. */
export function alertsOf({ evidence, regressions, held }: Seen, { least, expectTraffic }: AlertRules): Alert[] {
  const alerts = [
    ...(evidence.traces === 0 && expectTraffic ? [silence(evidence)] : []),
    ...evidence.findings.map(findingAlert).filter(({ severity }) => rank(severity) >= rank(least)),
    ...regressionAlerts(regressions),
    ...held.filter(({ verdict }) => verdict === "faded").map(fadedAlert),
  ];
  const distinct = [...new Map(alerts.map((alert) => [alert.key, alert])).values()];
  return distinct.toSorted((a, b) => rank(b.severity) - rank(a.severity) || (a.key < b.key ? -1 : 1));
}

const rank = (severity: Severity): number => Severity.options.indexOf(severity);

function alert(what: readonly string[], told: Omit<Alert, "key">): Alert {
  return { key: digestOf([...what, told.severity]).slice(0, 16), ...told };
}

function silence({ target, window }: Evidence): Alert {
  const text = `No trace of ${target} from ${window.since} to ${window.until}: nobody called it, or its telemetry is lost.`;
  return alert(["silence"], { severity: "major", reason: "evidence_insufficient", text });
}

function findingAlert(finding: Finding): Alert {
  const { id, kind, severity, operation, metric, value, samples, suggestion, traceIds } = finding;
  const text = `${kind} in ${operation}: ${metric} ${formatNumber(value)} over ${samples} calls. ${suggestion}`;
  const [traceId] = traceIds;
  const told = { severity, reason: "problem_found", text } as const;
  return alert(["finding", id], traceId === undefined ? told : { ...told, traceId });
}

/** One per operation, however many of its metrics failed: the worst speaks for them. */
function regressionAlerts(report: RegressionReport | undefined): Alert[] {
  if (report === undefined) return [];
  const metrics = report.operations.filter(({ verdict }) => verdict === "fail");
  const changes = report.structural.filter(({ verdict }) => verdict === "fail");
  const told = new Map<string, Alert>();
  for (const row of [...metrics, ...changes]) {
    const what = ["regression", row.service, row.kind, row.operation];
    const found = alert(what, {
      severity: "major",
      reason: row.reasons[0] ?? "problem_found",
      text: "metric" in row ? metricText(row) : changeText(row),
    });
    if (!told.has(found.key)) told.set(found.key, found);
  }
  return [...told.values()];
}

function metricText({ operation, metric, before, after, calls }: RegressionRow): string {
  return `${operation} became worse: ${metric} ${formatNumber(before)} before, ${formatNumber(after)} now (${calls.before} and ${calls.after} calls).`;
}

function changeText({ operation, change, parent, before, after }: StructuralChange): string {
  return `${operation} below ${parent.operation}: ${change.replaceAll("_", " ")}, ${formatNumber(before)} before, ${formatNumber(after)} now.`;
}

function fadedAlert(check: HeldCheck): Alert {
  return alert(["faded", check.proposal], { severity: "major", reason: "problem_found", text: describeHeld(check) });
}
