import { spawnSync } from "node:child_process";
import { renderTable } from "../src/cli/table.ts";

/**
 * What the instrumentation adds to a call of a tool, over a pair of transports in memory: without it, with
 * OpenTelemetry's API but no SDK, with a sampler that keeps nothing, and in full (batch processor, all metrics, derived
 * ones too; the exporter discards). Each set-up runs in its own processes, in turn, and the median counts.
 */
const TURNS = 5;
const SET_UPS = [
  ["none", "none", "both"],
  ["no SDK, both sides", "api", "both"],
  ["nothing sampled, both sides", "off", "both"],
  ["full, server side", "full", "server"],
  ["full, client side", "full", "client"],
  ["full, both sides", "full", "both"],
] as const;
const GOAL_US = 30;

const results = new Map<string, number[]>();
for (let turn = 0; turn < TURNS; turn += 1) {
  for (const [name, mode, side] of SET_UPS) {
    const run = spawnSync(process.execPath, ["bench/load/instrumented-calls.ts", mode, side], { encoding: "utf8" });
    if (run.status !== 0) throw new Error(run.stderr);
    results.set(name, [...(results.get(name) ?? []), Number(run.stdout)]);
  }
}
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const bare = median(results.get("none") ?? []);
const rows = SET_UPS.map(([name]) => {
  const each = median(results.get(name) ?? []);
  const added = each - bare;
  return [
    name,
    `${each.toFixed(1)} µs`,
    name === "none" ? "" : `${added.toFixed(1)} µs`,
    `${(each / bare).toFixed(2)} ×`,
  ];
});
process.stdout.write(renderTable(["set-up", "per call", "added", "ratio"], rows));
process.stdout.write(`\nGoal: each side adds less than ${GOAL_US} µs to a call.\n`);
