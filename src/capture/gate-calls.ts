import { callSamples } from "./samples.ts";
import type { CallSample } from "../model/call.ts";
import type { CommitSha } from "../model/json.ts";
import { ATTR, type Span } from "../model/span.ts";
import type { SpanStore } from "../store/port.ts";

/** Calls that a gate judges, and those that it must not. */
export type GateCalls = {
  /** Calls from before the gate, for the limits. */
  readonly before: readonly CallSample[];
  readonly calls: readonly CallSample[];
  /** Calls of the canary's arm that name another commit as their version: another canary's. They are left out. */
  readonly foreign: number;
  /** Calls of the baseline's arm that name the canary's commit: the arms are exchanged, so nothing can be told. */
  readonly exchanged: number;
};

/** Which calls are asked for: those of a target since an instant, ms since the Unix epoch. */
export type GateWindow = {
  readonly target: string;
  readonly sha: CommitSha;
  readonly startedMs: number;
  /** How far back the calls of `before` go, ms. */
  readonly beforeMs: number;
  readonly nowMs: number;
};

/** A version that can only be a commit: 12 hexadecimal digits or more. */
const COMMIT = /^[0-9a-f]{12,64}$/i;

/**
 * The calls of a target as its proxy measured them, by the arm that it marked. A version that is no commit, such as the
 * one that a server states of itself, tells nothing.
 */
export async function gateCalls(
  { spans }: Pick<SpanStore, "spans">,
  { target, sha, startedMs, beforeMs, nowMs }: GateWindow,
): Promise<GateCalls> {
  const sides: Record<Side, Span[]> = { own: [], foreign: [], exchanged: [] };
  const window = { sinceNs: nanoseconds(startedMs - beforeMs), untilNs: nanoseconds(nowMs + 1) };
  for await (const batch of spans({ service: target, ...window })) {
    // One span of a trace that meets a filter brings no other with it, but not every store says so.
    for (const span of batch) if (span.service === target) sides[sideOf(span, sha)].push(span);
  }
  const own = callSamples(sides.own);
  const since = (samples: readonly CallSample[]) => samples.filter(({ timestamp }) => timestamp >= startedMs);
  return {
    before: own.filter(({ timestamp }) => timestamp < startedMs),
    calls: since(own),
    foreign: since(callSamples(sides.foreign)).length,
    exchanged: since(callSamples(sides.exchanged)).length,
  };
}

type Side = "own" | "foreign" | "exchanged";

function sideOf({ resource }: Span, sha: CommitSha): Side {
  const version = resource[ATTR.serviceVersion];
  if (typeof version !== "string" || !COMMIT.test(version)) return "own";
  const isCandidate = sha.startsWith(version.toLowerCase());
  if (resource[ATTR.arm] === "canary") return isCandidate ? "own" : "foreign";
  return isCandidate ? "exchanged" : "own";
}

function nanoseconds(ms: number): bigint {
  return BigInt(Math.floor(ms)) * 1_000_000n;
}
