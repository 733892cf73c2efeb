import type { Finding } from "../../model/finding.ts";
import type { Call } from "../calls.ts";
import { msInText, nameInText } from "../names.ts";
import { median } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { detectAttempts, weightsOf, type Attempts, type AttemptsRule } from "./attempts.ts";

/** When nested retries are reported. */
export type AmplificationOptions = {
  /** Least median of attempts of the innermost operation under one call of the outermost retrier; default 4. */
  readonly minAttempts?: number;
};

/** Attempts of one operation below the outermost call that retries on the way to it. */
type Cascade = Attempts & { readonly levels: number };

/**
 * Retry amplification: retries at several levels of one chain of calls multiply (three attempts of three attempts are
 * nine). A level counts where at least two calls of one operation follow each other and the earlier one failed. The finding
 * names the outermost operation that retries, `child` the innermost that is retried. `gainMs` is the time from the end of
 * the first innermost attempt to the end of the last, as far as the trace waited.
 */
export function detectRetryAmplification(traces: readonly TraceTree[], options: AmplificationOptions = {}): Finding[] {
  return detectAttempts(traces, {
    kind: "retry_amplification",
    minAttempts: options.minAttempts ?? 4,
    attemptsOf: cascadesOf,
    suggest,
  });
}

/** What to say of cascades: how they come about, and what a call would save. */
const suggest: AttemptsRule<Cascade>["suggest"] = (cascades, { value, gainMs }) => {
  const [call, child] = [cascades[0]?.call.operation ?? "", cascades[0]?.child.operation ?? ""];
  const all = cascades.map((cascade) => cascade.levels);
  const levels = median(all, weightsOf(cascades));
  return [
    `Below ${nameInText(call)}, ${nameInText(child)} is tried ${value} times per call (median of ${cascades.length} calls) because ${levels} levels retry on top of each other.`,
    "Retry at one level only, next to the call that fails, and pass its failure on everywhere else; a budget of retries per request bounds the rest.",
    `A call would save about ${msInText(gainMs)}.`,
  ].join(" ");
};

/** Cascades that begin with this call: it retries something, nothing around it does. */
function cascadesOf(call: Call): Cascade[] {
  if (attemptsOf(call).size === 0 || isWithinAttempt(call)) return [];
  const attempts = innermostAttempts(call);
  return [...Map.groupBy(attempts, ({ call: { key } }) => key).values()].flatMap((same) => {
    const levels = same.reduce((most, each) => Math.max(most, each.levels), 0);
    const child = same[0]?.call;
    if (child === undefined || levels < 2) return [];
    const firstEnd = same.reduce((least, { call: { end } }) => Math.min(least, end), Number.POSITIVE_INFINITY);
    const lastEnd = same.reduce((most, { call: { end } }) => Math.max(most, end), 0);
    const lost = Math.max(0, Math.min(lastEnd - firstEnd, call.pathNs));
    return [{ call, child, attempts: same.length, levels, lostNs: lost }];
  });
}

const withinAttempt = new WeakMap<Call, boolean>();

/** Whether a call or one around it is one of several attempts of its caller. */
function isWithinAttempt(call: Call): boolean {
  const path: Call[] = [];
  let at: Call | undefined = call;
  for (; at !== undefined && !withinAttempt.has(at); at = at.parent) path.push(at);
  for (const each of path.toReversed()) {
    const { parent } = each;
    const inside = parent !== undefined && (withinAttempt.get(parent) === true || attemptsOf(parent).has(each));
    withinAttempt.set(each, inside);
  }
  return withinAttempt.get(call) === true;
}

const NONE: ReadonlySet<Call> = new Set();
const knownAttempts = new WeakMap<Call, ReadonlySet<Call>>();

/** Children that are attempts: of one operation, one after the other, all but the last failed. */
function attemptsOf(call: Call): ReadonlySet<Call> {
  if (call.children.length < 2) return NONE;
  const before = knownAttempts.get(call);
  if (before !== undefined) return before;
  const attempts = call.children.some(({ failed }) => failed) ? findAttempts(call.children) : NONE;
  knownAttempts.set(call, attempts);
  return attempts;
}

function findAttempts(children: readonly Call[]): ReadonlySet<Call> {
  const found = [...Map.groupBy(children, ({ key }) => key).values()].flatMap((same) => {
    const attempts = same.filter((child, i) => {
      const [before, after] = [same[i - 1], same[i + 1]];
      const follows = before?.failed === true && child.start >= before.end;
      return follows || (child.failed && after !== undefined && after.start >= child.end);
    });
    return attempts.length >= 2 ? attempts : [];
  });
  return new Set(found);
}

/**
 * Attempts within the attempts of a call that nothing further down retries, with the number of levels that were retried
 * on the way. What the call does beside its attempts is no part of it: a retrier there begins a cascade of its own.
 */
function innermostAttempts(outermost: Call): { readonly call: Call; readonly levels: number }[] {
  const attempts: { call: Call; levels: number }[] = [];
  const retriedBelow = new Set<Call>();
  const open = [...attemptsOf(outermost)].map((call) => ({ call, levels: 1, isAttempt: true }));
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { call, levels } = at;
    if (at.isAttempt) attempts.push({ call, levels });
    const own = attemptsOf(call);
    if (own.size > 0) addWithCallers(call, retriedBelow);
    for (const child of call.children) {
      const isAttempt = own.has(child);
      open.push({ call: child, levels: levels + (isAttempt ? 1 : 0), isAttempt });
    }
  }
  return attempts.filter(({ call }) => !retriedBelow.has(call));
}

function addWithCallers(call: Call, into: Set<Call>): void {
  for (let at: Call | undefined = call; at !== undefined && !into.has(at); at = at.parent) into.add(at);
}
