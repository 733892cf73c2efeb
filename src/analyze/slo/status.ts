import { formatInstant } from "../../model/time.ts";
import type { BurnRate, SloReport, SloStatus } from "../../model/slo.ts";
import { wilsonInterval } from "../../stats/proportion.ts";
import { binomialCdf } from "../../stats/quantile.ts";
import { sumCounts, type MinuteCounts } from "./counts.ts";
import type { Objective, SliCounts } from "./objective.ts";

/**
 * Window pairs of the Site Reliability Workbook (chapter 5, table 5-8; with the one day of Sloth): an alert when its share
 * of the period's budget went within the long window, and is still going in the short one.
 */
const BURN_WINDOWS = [
  { severity: "page", longSeconds: 3_600, shortSeconds: 300, budget: 0.02 },
  { severity: "page", longSeconds: 21_600, shortSeconds: 1_800, budget: 0.05 },
  { severity: "ticket", longSeconds: 86_400, shortSeconds: 7_200, budget: 0.1 },
  { severity: "ticket", longSeconds: 259_200, shortSeconds: 21_600, budget: 0.1 },
] as const;

/** Fewer bad calls in the long window are an accident, whatever share of the calls they are. */
const LEAST_BAD = 2;

/** So many bad calls must be less likely than this at the rate that the objective allows. */
const ACCIDENT = 0.001;

const LEVEL = 0.95;

/** 50.13 % is not the double next to 5013 of 10,000: as many bad calls as are allowed are not too many. */
const ROUNDING = 1e-12;
const MINUTE_NS = 60_000_000_000n;

/**
 * Where an objective stands at `nowNs` (ns since the Unix epoch), from its calls by minute.
 * - SLI = good / all calls of the period; budget left = 1 − (bad / all) / (1 − objective).
 * - Burn rate of a window = (bad / all) / (1 − objective). A pair of windows fires when both exceed
 *   budget share · period / long window, and the long one holds at least two bad calls, so many that chance at the allowed
 *   rate explains them at most once in a thousand times: at few calls an hour one error is no alert. Pairs that would
 *   fire below a rate of 1, which the budget allows, or are longer than the period are left out.
 * - Verdict: fail when the budget is spent or an alert fires, inconclusive without a call, else pass.
 */
export function sloStatus(objective: Objective, minutes: MinuteCounts, nowNs: bigint): SloStatus {
  const untilNs = ((nowNs + MINUTE_NS - 1n) / MINUTE_NS) * MINUTE_NS;
  const sinceNs = untilNs - BigInt(Math.round(objective.windowNs));
  const period = sumCounts(minutes, sinceNs, untilNs);
  const recent = (seconds: number): SliCounts =>
    sumCounts(minutes, untilNs - BigInt(seconds) * 1_000_000_000n, untilNs);
  const burnRates = burnPairs(objective).map((pair) => burnRate(objective, pair, recent));
  return {
    target: objective.target,
    name: objective.name,
    sli: objective.sli,
    ...(objective.thresholdNs === undefined ? {} : { thresholdMs: objective.thresholdNs / 1e6 }),
    objective: objective.objective,
    window: { since: formatInstant(sinceNs), until: formatInstant(untilNs) },
    ...measured(period, objective),
    burnRates,
    ...judged(period, { objective, burnRates }),
  };
}

function measured({ total, bad, uncertain }: SliCounts, { objective }: Objective) {
  const counts = { calls: total, bad, uncertain };
  if (total === 0) return { ...counts, value: null, interval: null, budgetLeft: null };
  const interval = wilsonInterval({ successes: total - bad, trials: total }, LEVEL);
  const { low } = wilsonInterval({ successes: total - bad - uncertain, trials: total }, LEVEL);
  const value = (total - bad) / total;
  return { ...counts, value, interval: { ...interval, low }, budgetLeft: 1 - bad / total / (1 - objective) };
}

type Pair = Pick<BurnRate, "severity" | "longSeconds" | "shortSeconds" | "factor">;

function burnPairs({ windowNs }: Objective): readonly Pair[] {
  const periodSeconds = windowNs / 1e9;
  return BURN_WINDOWS.map(({ budget, ...pair }) => ({
    ...pair,
    factor: (budget * periodSeconds) / pair.longSeconds,
  })).filter(({ factor, longSeconds }) => factor >= 1 && longSeconds <= periodSeconds);
}

function burnRate({ objective }: Objective, pair: Pair, recent: (seconds: number) => SliCounts): BurnRate {
  const long = recent(pair.longSeconds);
  const [longRate, shortRate] = [rate(long, objective), rate(recent(pair.shortSeconds), objective)];
  const exceeds = (burn: number | null): boolean => burn !== null && burn > pair.factor;
  const firing = exceeds(longRate) && exceeds(shortRate) && isNoAccident(long, objective);
  return { ...pair, long: longRate, short: shortRate, firing };
}

const rate = ({ total, bad }: SliCounts, objective: number): number | null =>
  total === 0 ? null : bad / total / (1 - objective);

/** P(Bin(total, 1 − objective) ≥ bad) ≤ {@link ACCIDENT}, and more than one bad call. */
export function isNoAccident({ total, bad }: SliCounts, objective: number): boolean {
  return bad >= LEAST_BAD && 1 - binomialCdf(bad - 1, total, 1 - objective) <= ACCIDENT;
}

function judged(
  { total, bad }: SliCounts,
  { objective, burnRates }: { readonly objective: Objective; readonly burnRates: readonly BurnRate[] },
): Pick<SloStatus, "alert" | "verdict" | "reasons"> {
  if (total === 0) return { alert: "no_data", verdict: "inconclusive", reasons: ["evidence_insufficient"] };
  const firing = burnRates.filter((pair) => pair.firing).map(({ severity }) => severity);
  const alert = firing.includes("page") ? "page" : (firing[0] ?? "none");
  const isSpent = (total - bad) / total < objective.objective - ROUNDING;
  const reasons = [
    ...(isSpent ? (["slo_missed"] as const) : []),
    ...(alert === "none" ? [] : (["slo_burning"] as const)),
  ];
  return reasons.length > 0 ? { alert, verdict: "fail", reasons } : { alert, verdict: "pass", reasons: ["ok"] };
}

/** The objectives together: fail when one fails, else inconclusive when one is or there is none. */
export function sloReport(objectives: readonly SloStatus[]): SloReport {
  const verdicts = objectives.map(({ verdict }) => verdict);
  const isOpen = verdicts.length === 0 || verdicts.includes("inconclusive");
  const verdict = verdicts.includes("fail") ? "fail" : isOpen ? "inconclusive" : "pass";
  return { schema: "whetstone.slo/1", verdict, objectives: [...objectives] };
}
