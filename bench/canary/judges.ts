import { watchCanary } from "../../src/canary/judge.ts";
import { classifyMetric } from "../../src/canary/kayenta/classify.ts";
import { readKayentaInput } from "../../src/canary/kayenta/input.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";
import { logGamma } from "../../src/stats/gamma.ts";
import type { Random } from "../../src/stats/random.ts";
import type { Cell } from "./cells.ts";
import { LIMITS_MS } from "./traffic.ts";

/** The error rates of every judge that has one. */
export const ALPHA = 0.05;
export const BETA = 0.05;

/** Calls of one arm. */
type ArmSums = { calls: number; errors: number; slow: number; timeMs: number };

/** Calls of one minute, or of all, by arm. */
export type Sums = Readonly<Record<Arm, ArmSums>>;

/** Looked at after every minute. @returns what it says, and `undefined` while it says nothing */
export type Judge<V extends string> = (calls: readonly CallSample[], sums: Sums) => V | undefined;

/** This project's judge, with the limits frozen and the weight known. */
export function whetstone({ weight }: Cell): Judge<"rollback" | "promote"> {
  const watch = watchCanary({ weight, alpha: ALPHA, beta: BETA, latencyLimitsMs: LIMITS_MS });
  return (calls) => {
    watch.add(calls);
    const { verdict } = watch.decide();
    return verdict === "continue" ? undefined : verdict;
  };
}

/** Looks of Kayenta: every five minutes, as it is run. */
const KAYENTA_EVERY = 5;

/** Kayenta's judge on the errors and the mean time of every minute: any metric that is `High` flags. */
export function kayenta(random: Random): Judge<"rollback"> {
  const minutes: Sums[] = [];
  return (_, sums) => {
    minutes.push(sums);
    if (minutes.length % KAYENTA_EVERY > 0) return undefined;
    const series = (arm: Arm, of: (sums: ArmSums) => number): (number | null)[] =>
      minutes.map((minute) => (minute[arm].calls === 0 ? null : of(minute[arm])));
    const metric = (name: string, of: (sums: ArmSums) => number) => ({
      name,
      groups: [name],
      direction: "increase",
      control: series("baseline", of),
      experiment: series("canary", of),
    });
    const input = readKayentaInput({
      thresholds: { pass: 100, marginal: 100 },
      metrics: [
        metric("errors", ({ errors, calls }) => errors / calls),
        metric("time", ({ timeMs, calls }) => timeMs / calls),
      ],
    });
    const flags = input.metrics.some((one) => classifyMetric(one, random).classification === "High");
    return flags ? "rollback" : undefined;
  };
}

/** Fisher's exact test on all errors and all slow calls so far, each at half of alpha, at every look. */
export function fisher(): Judge<"rollback"> {
  const total = { baseline: emptySums(), canary: emptySums() };
  return (_, sums) => {
    for (const arm of ["baseline", "canary"] as const) addSums(total[arm], sums[arm]);
    const flags = (["errors", "slow"] as const).some((name) => fisherTail(total, name) <= ALPHA / 2);
    return flags ? "rollback" : undefined;
  };
}

/** Success rate that a minute of the canary must have, and how many minutes may fail it. */
const LEAST_SUCCESS = 0.95;
const MOST_FAILED = 5;

/** A fixed threshold: the fifth minute in which less than 95 % of the canary's calls succeed. Empty minutes pass. */
export function threshold(): Judge<"rollback"> {
  let failed = 0;
  return (_, { canary }) => {
    if (canary.calls > 0 && 1 - canary.errors / canary.calls < LEAST_SUCCESS) failed += 1;
    return failed >= MOST_FAILED ? "rollback" : undefined;
  };
}

/** The calls of one minute as sums. */
export function sumsOf(calls: readonly CallSample[]): Sums {
  const sums = { baseline: emptySums(), canary: emptySums() };
  for (const { arm, error, durationMs, operation } of calls) {
    const own = sums[arm];
    own.calls += 1;
    own.timeMs += durationMs;
    if (error) own.errors += 1;
    if (durationMs > (LIMITS_MS[operation] ?? Infinity)) own.slow += 1;
  }
  return sums;
}

function emptySums(): ArmSums {
  return { calls: 0, errors: 0, slow: 0, timeMs: 0 };
}

function addSums(into: ArmSums, other: ArmSums): void {
  for (const key of ["calls", "errors", "slow", "timeMs"] as const) into[key] += other[key];
}

/** P(X ≥ x), X hypergeometric: so many of the bad calls or more in the canary by chance. */
export function fisherTail({ baseline, canary }: Sums, name: "errors" | "slow"): number {
  const [n, m, x] = [canary.calls, baseline.calls, canary[name]];
  const bad = x + baseline[name];
  // Fewer than expected: the tail is more than a half.
  if (bad === 0 || x <= (bad * n) / (n + m)) return 1;
  const logTerm = (k: number): number => logChoose(n, k) + logChoose(m, bad - k) - logChoose(n + m, bad);
  let term = Math.exp(logTerm(x));
  let sum = 0;
  for (let k = x; k <= Math.min(bad, n) && term > 1e-12 * sum; k++) {
    sum += term;
    term *= ((n - k) * (bad - k)) / ((k + 1) * (m - bad + k + 1));
  }
  return sum;
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}
