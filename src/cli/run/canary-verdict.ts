import type { CanaryVerdict } from "../../model/verdict.ts";
import { formatNumber } from "../../propose/report.ts";
import type { Io } from "../io.ts";
import { renderTable } from "../table.ts";

/** A canary's verdict for people: a table of the metrics, the verdict with its guarantee, and the forecast. */
export function printVerdict(io: Io, verdict: CanaryVerdict): void {
  const show = (value: number | null): string => (value === null ? "no data" : formatNumber(value));
  const rows = verdict.metrics.map((metric) => [
    metric.name,
    show(metric.control),
    show(metric.experiment),
    metric.interval === null
      ? show(metric.effect)
      : `${show(metric.effect)} (${formatNumber(metric.interval.low)}–${formatNumber(metric.interval.high)})`,
    metric.eValue === null ? "" : formatNumber(metric.eValue),
    metric.verdict,
    metric.reasons.join(", "),
  ]);
  io.out(renderTable(["metric", "control", "experiment", "ratio (always-valid)", "E harm", "verdict", "reason"], rows));
  for (const { name, operations = [] } of verdict.metrics) {
    const harmed = operations.filter(({ harmful }) => harmful).map(({ operation }) => operation);
    if (harmed.length > 0) io.out(`\n${name} are harmed in: ${harmed.join(", ")}\n`);
  }
  const { rollback, promotion } = verdict.errorRates;
  io.out(`\nVerdict: ${verdict.verdict} (${verdict.reasons.join(", ")})\n`);
  io.out(`Over any number of looks: false rollbacks at most ${rollback}, false promotions at most ${promotion}.\n`);
  const more = verdict.forecast?.calls;
  const minutes = verdict.forecast?.minutes;
  const time = typeof minutes === "number" ? `, ${formatNumber(minutes)} minutes at the traffic so far` : "";
  if (typeof more === "number")
    io.out(`At the rates so far a verdict needs about ${Math.ceil(more)} more calls${time}.\n`);
}
