import { renderTable } from "../../src/cli/table.ts";
import { boundOf } from "./bounds.ts";
import type { CellResult } from "./run-cell.ts";

const percent = (count: number, of: number): string => `${((100 * count) / of).toFixed(1)} %`;

/** The value below which a share of all canaries had a verdict of the right kind; a dash where fewer had one. */
function minutesAt({ minutes, runs }: CellResult, share: number): string {
  const at = minutes[Math.ceil(share * runs) - 1];
  return at === undefined ? "–" : String(at);
}

/** All results as a table. */
export function tableOf(results: readonly CellResult[]): string {
  const rows = results.map((result) => {
    const { cell, runs, rollback, promote, everRollback, everPromote, others } = result;
    const bound = boundOf(result);
    return [
      cell.kind,
      cell.name,
      percent(rollback, runs),
      percent(promote, runs),
      percent(runs - rollback - promote, runs),
      minutesAt(result, 0.5),
      minutesAt(result, 0.8),
      percent(cell.kind === "margin" ? everPromote : everRollback, runs),
      bound === undefined ? "" : bound.holds ? "holds" : "BROKEN",
      percent(result.kayenta, others),
      percent(result.fisher, others),
      percent(result.threshold, others),
    ];
  });
  const head = [
    "kind",
    "canary (calls/min)",
    "rollback",
    "promote",
    "open",
    "min 50 %",
    "min 80 %",
    "false, ever",
    "bound",
    "Kayenta",
    "Fisher",
    "threshold",
  ];
  return renderTable(head, rows);
}

/** The bounds that are broken, one line each. */
export function brokenBounds(results: readonly CellResult[]): string[] {
  return results.flatMap((result) => {
    const bound = boundOf(result);
    if (bound === undefined || bound.holds) return [];
    const { everRollback, everPromote, rollback, runs } = result;
    return [
      `${result.cell.name}: ${bound.text} is broken: ever rolled back ${everRollback}, ever promoted ${everPromote}, first verdict rollback ${rollback}, of ${runs}`,
    ];
  });
}
