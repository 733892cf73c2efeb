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
  const blames = new Map<Call, Blame>();
  for (const observation of population.ofCall.values()) blames.set(observation.call, blameOf(observation, scene));
  return blames;
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

function blameOf(observation: Observation, scene: Scene): Blame {
  const { call } = observation;
  const harmful = call.children.some((child) => child.failed && !scene.habits.tolerated.has(pairOf(child)));
  if (harmful) return { on: "below" };
  const absent = absentChild(observation, scene);
  if (absent !== undefined) return { on: "absent", child: absent };
  if (!call.failed) return { on: "none" };
  return hasSlowChild(call, scene) ? { on: "below" } : { on: "self" };
}

/** The first child that the call should have had, where its absence explains the failure or the wait. */
function absentChild({ call, context, ownMs }: Observation, { habits, vanished }: Scene): Call | undefined {
  const habit = habits.of.get(context);
  if (habit === undefined) return undefined;
  const keys = new Set(call.children.map(({ key }) => key));
  const missing =
    vanished.of.get(context)?.[0] ??
    habit.children.find(({ child, share }) => share >= EXPECTED && !keys.has(child.key))?.child;
  if (missing === undefined) return undefined;
  const waited = ownMs > FAR_BEYOND * habit.ownBoundMs + 1;
  if (!call.failed) return waited ? missing : undefined;
  const kind = call.nodes.at(-1)?.span.kind;
  const remote = (kind === "client" || kind === "producer") && missing.service !== call.service;
  return remote || waited || vanished.everywhere.has(missing.key) || isUnreached(call) ? missing : undefined;
}

/** Whether the call failed because it gave up waiting for, or could not reach, something. */
function isUnreached(call: Call): boolean {
  return UNREACHED.test(`${errorTypeOf(call)} ${call.nodes.map(({ span }) => span.statusMessage ?? "").join(" ")}`);
}

function hasSlowChild(call: Call, { population, habits }: Scene): boolean {
  return call.children.some((child) => {
    const bound = habits.of.get(population.ofCall.get(child)?.context ?? "")?.lengthBoundMs;
    if (bound === undefined || callMs(child) <= FAR_BEYOND * bound) return false;
    return child.end >= call.end || (callMs(child) >= callMs(call) / 2 && isUnreached(call));
  });
}
