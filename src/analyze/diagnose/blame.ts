import { errorTypeOf } from "../errors/classify.ts";
import { callMs, type Call } from "../calls.ts";
import { pairOf, type Habits } from "./habits.ts";
import type { Observation, Population } from "./observe.ts";

/**
 * Whom a call's trouble is put down to. `none`: it is well, or merely slow; `self`: it failed and nothing below it
 * explains that; `below`: something below it does; `absent`: a child that it always had is missing and was waited for or
 * could not be reached.
 */
export type Blame =
  | { readonly on: "none" }
  | { readonly on: "self" }
  | { readonly on: "below" }
  | { readonly on: "absent"; readonly child: Call };

/** Factor over what is usual from which a time is out of the ordinary. */
const FAR_BEYOND = 1.5;
/** What errors of a caller are called that gave up waiting or could not reach the other side. */
const UNREACHED =
  /time.?d?.?out|deadline|cancel|abort|unavail|refused|reset|unreach|connect|ENOTFOUND|EHOSTUNREACH|\b(?:499|502|503|504|408)\b/i;

/** Share of the good calls that have to have a child for it to be expected in each. */
const EXPECTED = 0.95;
/** Least share of the good calls that had a child for its vanishing from all of them to mean something. */
const USUAL = 0.2;
/** Calls of which the child should have been part for its vanishing to mean something. */
const LEAST_MISSED = 3;
/** Share of its usual presence that is left of a child that has vanished. */
const LEFT = 0.1;

/** Whom each call of a population blames, by the habits of the baseline. */
export function blameCalls(population: Population, habits: Habits): ReadonlyMap<Call, Blame> {
  const scene = { population, habits, vanished: vanishedChildren(population, habits) };
  const candidates = new Map<Call, readonly Call[]>();
  const missed = new Map<string, number>();
  for (const observation of population.ofCall.values()) {
    const absent = absentChildren(observation, scene);
    if (absent.length === 0) continue;
    candidates.set(observation.call, absent);
    for (const { key } of absent) missed.set(key, (missed.get(key) ?? 0) + 1);
  }
  // Of two that are missed equally often, the one that nobody gets any more is likelier to be gone.
  const times = ({ key }: Call): number => (missed.get(key) ?? 0) + (population.byOperation.has(key) ? 0 : 0.5);
  const blames = new Map<Call, Blame>();
  for (const { call } of population.ofCall.values()) {
    blames.set(call, blameOf(call, { scene, absent: mostMissed(candidates.get(call) ?? [], times) }));
  }
  return blames;
}

/** The candidate that explains the most calls: what comes after a call that failed is missing too, but only there. Ties: the earliest. */
function mostMissed(candidates: readonly Call[], times: (call: Call) => number): Call | undefined {
  return candidates.reduce<Call | undefined>(
    (best, call) => (best === undefined || times(call) > times(best) ? call : best),
    undefined,
  );
}

type Scene = { readonly population: Population; readonly habits: Habits; readonly vanished: Vanished };

/** Children that a context used to have and has no more, by context; and those that several operations miss so. */
type Vanished = { readonly of: ReadonlyMap<string, readonly Call[]>; readonly everywhere: ReadonlySet<string> };

function vanishedChildren(population: Population, habits: Habits): Vanished {
  const of = new Map<string, Call[]>();
  const missedBy = new Map<string, Set<string>>();
  for (const [context, observations] of population.byContext) {
    const usual = habits.of.get(context)?.children.filter(({ share }) => share >= USUAL) ?? [];
    const gone = usual.filter(
      ({ child, share }) =>
        share * observations.length >= LEAST_MISSED && shareWith(observations, child.key) <= LEFT * share,
    );
    for (const { child } of gone) {
      const callers = missedBy.get(child.key) ?? new Set();
      missedBy.set(child.key, callers.add(observations[0]?.call.key ?? ""));
    }
    of.set(
      context,
      gone.map(({ child }) => child),
    );
  }
  const everywhere = [...missedBy].filter(([key, callers]) => callers.size > 1 && !population.byOperation.has(key));
  return { of, everywhere: new Set(everywhere.map(([key]) => key)) };
}

function shareWith(observations: readonly Observation[], key: string): number {
  const having = observations.filter(({ call }) => call.children.some((child) => child.key === key));
  return having.length / observations.length;
}

function blameOf(call: Call, { scene, absent }: { readonly scene: Scene; readonly absent: Call | undefined }): Blame {
  if (hasHarmfulChild(call, scene.habits)) return { on: "below" };
  if (absent !== undefined) return { on: "absent", child: absent };
  if (!call.failed) return { on: "none" };
  return hasSlowChild(call, scene) ? { on: "below" } : { on: "self" };
}

function hasHarmfulChild(call: Call, { tolerated }: Habits): boolean {
  return call.children.some((child) => child.failed && !tolerated.has(pairOf(child)));
}

/** The children that the call should have had, earliest first, where their absence explains the failure or the wait. */
function absentChildren({ call, context, ownMs }: Observation, scene: Scene): readonly Call[] {
  const { habits, vanished } = scene;
  const habit = habits.of.get(context);
  if (habit === undefined || hasHarmfulChild(call, habits) || (call.failed && hasSlowChild(call, scene))) return [];
  const gone = vanished.of.get(context) ?? [];
  const present = new Set(call.children.map(({ key }) => key));
  const missing = habit.children
    .filter(({ child, share }) => !present.has(child.key) && (share >= EXPECTED || gone.includes(child)))
    .map(({ child }) => child);
  const waited = ownMs > FAR_BEYOND * habit.ownBoundMs + 1;
  if (missing.length === 0 || waited) return missing;
  if (!call.failed) return [];
  if (isUnreached(call)) return missing;
  const kind = call.nodes.at(-1)?.span.kind;
  const isClient = kind === "client" || kind === "producer";
  return missing.filter(({ key, service }) => vanished.everywhere.has(key) || (isClient && service !== call.service));
}

/** Whether the call failed because it gave up waiting for, or could not reach, something. */
function isUnreached(call: Call): boolean {
  return UNREACHED.test(`${errorTypeOf(call)} ${call.nodes.map(({ span }) => span.statusMessage ?? "").join(" ")}`);
}

function hasSlowChild(call: Call, { population, habits }: Scene): boolean {
  const gaveUp = isUnreached(call);
  return call.children.some((child) => {
    // Whoever gives up while its callee still works was waiting for it.
    if (gaveUp && child.end >= call.end) return true;
    const bound = habits.of.get(population.ofCall.get(child)?.context ?? "")?.lengthBoundMs;
    if (bound === undefined || callMs(child) <= FAR_BEYOND * bound) return false;
    return child.end >= call.end || (callMs(child) >= callMs(call) / 2 && gaveUp);
  });
}
