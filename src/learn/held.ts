import type { Outcome } from "../model/outcome.ts";
import type { Effect } from "../model/verdict.ts";

/** Calls of one operation in a window of real traffic, durations in ms. */
export type ObservedOperation = {
  readonly operation: string;
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
};

/** Traffic before a change was promoted, and after. */
export type HeldEvidence = {
  readonly before: readonly ObservedOperation[];
  readonly after: readonly ObservedOperation[];
};

/** Whether a promoted change still does what it was measured to do, with a line per measured effect. */
export type HeldVerdict = { readonly verdict: "held" | "faded" | "unknown"; readonly details: readonly string[] };

/** Calls of an operation in each window without which nothing is said about it. */
const LEAST_CALLS = 30;

/** An effect is still there while at least this share of it is. */
const SHARE_LEFT = 0.5;

/**
 * Compares real traffic before and after the promotion, for every improvement that validation measured (its interval
 * excludes none). It holds when at least half of each improvement that can be seen is there, and one can be seen; an
 * improvement that can be seen and is less than that has faded. Too little traffic is never a proof of holding.
 */
export function judgeHeld({ effects }: Pick<Outcome, "effects">, evidence: HeldEvidence): HeldVerdict {
  const improvements = effects.filter(({ changeInterval }) => changeInterval.high < 0);
  if (improvements.length === 0) return { verdict: "unknown", details: ["No improvement was measured before."] };
  const judged = improvements.map((effect) => judgeEffect(effect, evidence));
  const details = judged.map(({ detail }) => detail);
  if (judged.some(({ holds }) => holds === false)) return { verdict: "faded", details };
  return { verdict: judged.some(({ holds }) => holds === true) ? "held" : "unknown", details };
}

type Judged = { readonly holds: boolean | undefined; readonly detail: string };

function judgeEffect(effect: Effect, { before, after }: HeldEvidence): Judged {
  const { operation, metric, change } = effect;
  const [old, now] = [before, after].map((seen) => seen.find((one) => one.operation === operation));
  const name = `${metric} of ${operation}`;
  if (old === undefined || now === undefined || Math.min(old.calls, now.calls) < LEAST_CALLS) {
    const counts = `${old?.calls ?? 0} calls before, ${now?.calls ?? 0} after`;
    return { holds: undefined, detail: `${name}: ${counts}, at least ${LEAST_CALLS} each are needed` };
  }
  const seen = changeOf(metric, old, now);
  if (seen === undefined) return { holds: undefined, detail: `${name}: nothing to compare with before` };
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  const detail = `${name}: ${percent(seen)} in traffic (${old.calls} and ${now.calls} calls), ${percent(change)} when it was measured`;
  return { holds: seen <= SHARE_LEFT * change, detail };
}

/** Relative for latencies, a difference for rates, as {@link Effect.change} is. */
function changeOf(metric: Effect["metric"], old: ObservedOperation, now: ObservedOperation): number | undefined {
  const relative = (from: number, to: number): number | undefined => (from > 0 ? to / from - 1 : undefined);
  switch (metric) {
    case "p50_ms":
      return relative(old.p50Ms, now.p50Ms);
    case "p95_ms":
      return relative(old.p95Ms, now.p95Ms);
    case "error_rate":
      return now.errors / now.calls - old.errors / old.calls;
  }
}
