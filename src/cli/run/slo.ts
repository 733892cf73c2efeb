import { resolve } from "node:path";
import { objectiveOf, type Objective } from "../../analyze/slo/objective.ts";
import { readSloStatus } from "../../analyze/slo/read.ts";
import { sloReport } from "../../analyze/slo/status.ts";
import { readConfig, selectTarget } from "../../config/read.ts";
import type { Config, Target } from "../../config/schema.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { BurnRate, SloReport, SloStatus } from "../../model/slo.ts";
import { formatNumber } from "../../propose/report.ts";
import { openSpanStore, systemClock } from "../../wire.ts";
import { DEFAULT_CONFIG } from "../command.ts";
import type { SloOptions } from "../commands/slo.ts";
import { printJson, type Io } from "../io.ts";
import { formatMs, oneLine, paintOut, renderTable } from "../table.ts";

/** `whetstone slo status`: 0 all met, 1 one missed or burning, 3 no data. */
export async function runSloStatus(options: SloOptions, io: Io): Promise<number> {
  const config = await readConfig(resolve(io.cwd, options.config ?? DEFAULT_CONFIG));
  const objectives = objectivesOf(config, options.target);
  const now = systemClock.now();
  await using store = await openSpanStore({ ...options, cwd: io.cwd, mustExist: true }, io.env, config);
  const statuses: SloStatus[] = [];
  for (const objective of objectives) statuses.push(await readSloStatus(store, objective, now));
  const report = sloReport(statuses);
  if (options.json) printJson(io, report);
  else print(io, report);
  return EXIT[report.verdict];
}

/**
 * The objectives of one target, or of all.
 * @throws WhetstoneError `target_unknown`, `usage` where none is configured
 */
export function objectivesOf(config: Config, target: string | undefined): readonly Objective[] {
  const chosen: readonly (readonly [string, Target])[] =
    target === undefined ? Object.entries(config.targets) : [[target, selectTarget(config, target).target]];
  const objectives = chosen.flatMap(([name, { slos }]) => slos.map((slo) => objectiveOf(name, slo)));
  if (objectives.length > 0) return objectives;
  throw new WhetstoneError("usage", `No objective is configured${target === undefined ? "" : ` for ${target}`}.`, {
    remedy:
      "Add some to whetstone.yaml, such as targets.NAME.slos: [{name: available, sli: availability, objective: 99.9, window: 30d}].",
  });
}

function print(io: Io, report: SloReport): void {
  const head = [
    "target",
    "objective",
    "wanted",
    "calls",
    "bad",
    "SLI",
    "budget left",
    "burn 1h/6h/1d/3d",
    "alert",
    "verdict",
  ];
  io.out(renderTable(head, report.objectives.map(cells)));
  for (const { name, uncertain, calls } of report.objectives.filter((status) => status.uncertain > 0)) {
    io.out(`${oneLine(name)}: ${uncertain} of ${calls} calls are within 2 % of the threshold and count as good.\n`);
  }
  io.out(`\n${paintOut(io, STYLE[report.verdict], report.verdict.toUpperCase())}\n`);
}

function cells(status: SloStatus): string[] {
  const threshold = status.thresholdMs === undefined ? "" : ` ≤ ${formatMs(status.thresholdMs)}`;
  return [
    status.target,
    `${status.name} (${status.sli}${threshold})`,
    percent(status.objective),
    String(status.calls),
    String(status.bad),
    status.value === null ? "no calls" : percent(status.value),
    status.budgetLeft === null ? "–" : `${formatNumber(status.budgetLeft * 100)} %`,
    status.burnRates.map(({ long }) => burnText(long)).join(" / "),
    status.alert,
    status.verdict,
  ];
}

const STYLE = { pass: "green", fail: "red", inconclusive: "yellow" } as const;

const burnText = (burn: BurnRate["long"]): string => (burn === null ? "–" : formatNumber(burn));

/** Shares near 1 keep the digits that matter: 99.95 %. */
const percent = (share: number): string => `${Number((share * 100).toFixed(4))} %`;
