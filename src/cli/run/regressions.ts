import { compareSets } from "../../analyze/regressions/compare.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { RegressionReport, RegressionRow, StructuralChange } from "../../model/regression.ts";
import { formatNumber } from "../../propose/report.ts";
import { systemClock } from "../../wire.ts";
import type { RegressionsOptions } from "../commands/regressions.ts";
import { openCommandStore } from "../command-store.ts";
import { printJson, type Io } from "../io.ts";
import { oneLine, paintOut, renderTable } from "../table.ts";
import { readTraceSource } from "../trace-source.ts";

/** `whetstone regressions`: 0 pass, 1 fail, 3 inconclusive. */
export async function runRegressions(options: RegressionsOptions, io: Io): Promise<number> {
  const alpha = parseAlpha(options.alpha);
  requireSources(options);
  const context = {
    cwd: io.cwd,
    now: systemClock.now(),
    openStore: () => openCommandStore(options, io, { mustExist: true }),
  };
  const baseline = await readTraceSource(options.baseline, context);
  const candidate = await readTraceSource(options.candidate, context);
  for (const note of [...baseline.notes, ...candidate.notes]) io.err(`note: ${oneLine(note)}\n`);
  const report = compareSets(baseline.traces, candidate.traces, { alpha, structure: options.structure });
  if (options.json) printJson(io, report);
  else print(io, report);
  return EXIT[report.verdict];
}

function parseAlpha(text: string): number {
  const alpha = Number(text);
  if (alpha > 0 && alpha < 0.5) return alpha;
  throw new WhetstoneError("usage", `--alpha ${text} is not a number between 0 and 0.5.`, {
    remedy: "Write the probability of a false failure that you accept, such as 0.05.",
  });
}

function requireSources({ baseline, candidate }: RegressionsOptions): void {
  const missing = baseline.length === 0 ? "baseline" : "candidate";
  if (baseline.length > 0 && candidate.length > 0) return;
  throw new WhetstoneError("usage", `--${missing} is missing.`, {
    remedy: `Give traces to compare: --${missing} traces.json, or --${missing} -2h..-1h for a window of the store.`,
  });
}

/** Rows that a person reads: what failed or is open. All are in the JSON. */
const MOST_ROWS = 25;

function print(io: Io, report: RegressionReport): void {
  const { baseline, candidate, operations, structural, notCompared } = report;
  io.out(`${countOf(baseline.traces, "trace")} before, ${candidate.traces} after\n`);
  const shown = operations.filter(({ verdict }) => verdict !== "pass").slice(0, MOST_ROWS);
  if (shown.length > 0) {
    io.out(
      `\n${renderTable(["service", "operation", "kind", "metric", "before", "after", `change (${level(report)})`, "p", "verdict"], shown.map(metricCells))}`,
    );
  }
  if (structural.length > 0) {
    io.out(
      `\n${renderTable(["service", "operation", "structure", "below", "before", "after", "p", "verdict"], structural.slice(0, MOST_ROWS).map(structureCells))}`,
    );
  }
  for (const { service, operation, callsBefore, callsAfter } of notCompared) {
    io.out(
      oneLine(
        `Not compared: ${operation} (${service}), ${countOf(callsBefore, "call")} before, ${callsAfter} after.`,
      ).concat("\n"),
    );
  }
  for (const note of report.notes) io.out(`Note: ${oneLine(note)}\n`);
  io.out(`\n${countLine(report, shown.length)}\n${verdictLine(io, report)}\n`);
}

const level = ({ alpha }: RegressionReport): string => `${formatNumber((1 - alpha) * 100)} %`;

function metricCells(row: RegressionRow): string[] {
  const { metric, change, interval } = row;
  const isLatency = metric.endsWith("_ms");
  const show = (value: number): string => {
    const sign = value > 0 ? "+" : "";
    return isLatency ? `${sign}${formatNumber(value * 100)} %` : `${sign}${formatNumber(value)}`;
  };
  const range = interval === null ? "too few calls" : `${show(interval.low)} to ${show(interval.high)}`;
  return [
    row.service,
    row.operation,
    row.kind,
    metric,
    formatNumber(row.before),
    formatNumber(row.after),
    `${show(change)} (${range})`,
    formatP(row.adjustedP),
    row.verdict,
  ];
}

function structureCells(change: StructuralChange): string[] {
  const other = change.other === undefined ? "" : ` (${change.other.operation})`;
  return [
    change.service,
    change.operation,
    `${change.change}${other}`,
    change.parent.operation,
    formatNumber(change.before),
    formatNumber(change.after),
    formatP(change.adjustedP),
    change.verdict,
  ];
}

const formatP = (p: number): string => (p < 0.0001 ? "<0.0001" : formatNumber(p));

function countLine({ operations, relations, structural, alpha }: RegressionReport, shown: number): string {
  const of = (verdict: RegressionReport["verdict"]): number =>
    operations.filter((row) => row.verdict === verdict).length;
  const open = of("fail") + of("inconclusive");
  const cut = open > shown || structural.length > MOST_ROWS ? " The rest of the rows: --json." : "";
  return `${countOf(of("fail"), "metric fails", "metrics fail")}, ${of("inconclusive")} are undecided, ${of("pass")} pass; ${structural.length} of ${relations} relations changed; p is corrected for all of them (Holm), at most ${alpha} counts.${cut}`;
}

function verdictLine(io: Io, { verdict, reasons }: RegressionReport): string {
  const style = { pass: "green", fail: "red", inconclusive: "yellow" } as const;
  return `${paintOut(io, style[verdict], verdict.toUpperCase())} (${reasons.join(", ")})`;
}
