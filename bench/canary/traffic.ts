import type { Arm, CallSample } from "../../src/model/call.ts";
import { randomNormal, type Random } from "../../src/stats/random.ts";
import type { Cell } from "./cells.ts";

/** Operations: share of the calls, median time in ms. */
const OPERATIONS = [
  { name: "read", share: 0.6, medianMs: 20 },
  { name: "search", share: 0.3, medianMs: 80 },
  { name: "export", share: 0.1, medianMs: 300 },
] as const;
const RAREST = "export";

/** Standard deviation of ln(time), and the share of errors of the baseline. */
const SPREAD = 0.8;
const ERROR_RATE = 0.02;

/** 95 % of the standard normal distribution lie below. */
const NORMAL_95 = 1.6448536269514722;

/** The frozen limit of each operation: the 95th percentile of the baseline, ms. */
export const LIMITS_MS: Readonly<Record<string, number>> = Object.fromEntries(
  OPERATIONS.map(({ name, medianMs }) => [name, medianMs * Math.exp(NORMAL_95 * SPREAD)]),
);

/** Autoregression of the drift from minute to minute, and its standard deviations in ln(time) and ln(error rate). */
const MEMORY = 0.8;
const TIME_DRIFT = 0.15;
const ERROR_DRIFT = 0.3;

const INCIDENT_BEGINS = 0.03;
const INCIDENT_ENDS = 0.2;
const MINUTE_LOST = 0.1;
const CALL_LOST = 0.1;

/** What one minute is like for one arm. */
type Weather = { time: number; errors: number };

type Sky = { readonly arms: Record<Arm, Weather>; isIncident: boolean };

/** Calls of a canary, minute after minute, from a seeded generator. */
export function traffic(cell: Cell, random: Random): (minute: number) => CallSample[] {
  const sky: Sky = {
    arms: { baseline: { time: 0, errors: 0 }, canary: { time: 0, errors: 0 } },
    isIncident: false,
  };
  return (minute) => {
    drift(sky, cell, random);
    const lost = lostArm(cell, random);
    const count = poisson(random, cell.perMinute);
    const calls: CallSample[] = [];
    for (let index = 0; index < count; index++) {
      const call = callOf({ cell, sky, random }, 60_000 * (minute + index / count));
      if (call.arm === lost || (cell.noise === "missing" && random.uniform() < CALL_LOST)) continue;
      calls.push(call);
    }
    return calls;
  };
}

/** AR(1) with a stationary spread of 1, stretched; shared noise is the same in both arms. */
function drift(sky: Sky, { noise }: Cell, random: Random): void {
  if (noise === "incidents") {
    sky.isIncident = sky.isIncident ? random.uniform() >= INCIDENT_ENDS : random.uniform() < INCIDENT_BEGINS;
  }
  if (noise !== "shared" && noise !== "arms") return;
  const step = (from: number): number => MEMORY * from + Math.sqrt(1 - MEMORY ** 2) * randomNormal(random);
  const { baseline, canary } = sky.arms;
  for (const key of ["time", "errors"] as const) {
    baseline[key] = step(baseline[key]);
    canary[key] = noise === "shared" ? baseline[key] : step(canary[key]);
  }
}

function lostArm({ noise }: Cell, random: Random): Arm | undefined {
  if (noise !== "missing") return undefined;
  const chance = random.uniform();
  if (chance < MINUTE_LOST) return "canary";
  return chance < 2 * MINUTE_LOST ? "baseline" : undefined;
}

type Setting = { readonly cell: Cell; readonly sky: Sky; readonly random: Random };

function callOf({ cell, sky, random }: Setting, timestamp: number): CallSample {
  const arm: Arm = random.uniform() < cell.weight ? "canary" : "baseline";
  const { name, medianMs } = operationOf(random.uniform());
  const { time, errors } = sky.arms[arm];
  const isWorse = arm === "canary" && (cell.oneOperation !== true || name === RAREST);
  const rate = ERROR_RATE * Math.exp(ERROR_DRIFT * errors) * (isWorse ? cell.ratio : 1) * (sky.isIncident ? 10 : 1);
  const slower = (arm === "canary" ? 1 + cell.slowdown : 1) * (sky.isIncident ? 3 : 1);
  const durationMs = medianMs * slower * Math.exp(SPREAD * randomNormal(random) + TIME_DRIFT * time);
  return { timestamp, operation: name, durationMs, error: random.uniform() < rate, arm, session: "" };
}

function operationOf(chance: number): (typeof OPERATIONS)[number] {
  const [read, search, exports] = OPERATIONS;
  if (chance < read.share) return read;
  return chance < read.share + search.share ? search : exports;
}

/** A Poisson number: by inversion, for large means as a rounded normal one. */
export function poisson(random: Random, mean: number): number {
  if (mean > 100) return Math.max(0, Math.round(mean + Math.sqrt(mean) * randomNormal(random)));
  let count = 0;
  for (let product = random.uniform(); product > Math.exp(-mean); product *= random.uniform()) count += 1;
  return count;
}
