import type { GateCalls } from "../canary/gate-count.ts";
import type { CommitSha } from "../model/json.ts";
import { ATTR, type Span } from "../model/span.ts";
import type { SpanStore } from "../store/port.ts";
import { callSamples } from "./samples.ts";

/** Which calls are asked for: those of a target since an instant, ms since the Unix epoch. */
export type GateWindow = {
  readonly target: string;
  readonly sha: CommitSha;
  readonly startedMs: number;
  /** How far back the calls of `before` go, ms. */
  readonly beforeMs: number;
  readonly nowMs: number;
};

/** A part of a window: calls that began from `sinceMs` on and before `untilMs`, whole ms since the Unix epoch. */
export type GatePart = Omit<GateWindow, "beforeMs" | "nowMs"> & { readonly sinceMs: number; readonly untilMs: number };

/** A version that can only be a commit: 12 hexadecimal digits or more. */
const COMMIT = /^[0-9a-f]{12,64}$/i;

/**
 * The calls of a target as its proxy measured them, by the arm that it marked, in order of time and page by page. A version
 * that is no commit, such as the one that a server states of itself, tells nothing.
 * @throws WhetstoneError `store_read_failed`
 */
export async function* gatePages({ spans }: Pick<SpanStore, "spans">, part: GatePart): AsyncGenerator<GateCalls> {
  const { target, sinceMs, untilMs } = part;
  for await (const batch of spans({ service: target, sinceNs: nanoseconds(sinceMs), untilNs: nanoseconds(untilMs) })) {
    yield pageOf(batch, part);
  }
}

function pageOf(batch: readonly Span[], { target, sha, startedMs }: GatePart): GateCalls {
  const sides: Record<Side, Span[]> = { own: [], foreign: [], exchanged: [] };
  // One span of a trace that meets a filter brings no other with it, but not every store says so.
  for (const span of batch) if (span.service === target) sides[sideOf(span, sha)].push(span);
  const own = callSamples(sides.own);
  const isOfGate = ({ timestamp }: { readonly timestamp: number }): boolean => timestamp >= startedMs;
  return {
    before: own.filter((call) => !isOfGate(call)),
    calls: own.filter(isOfGate),
    foreign: callSamples(sides.foreign).filter(isOfGate).length,
    exchanged: callSamples(sides.exchanged).filter(isOfGate).length,
  };
}

/** When the earliest call of a window began that is among some spans, ms since the Unix epoch; Infinity without one. */
export function earliestCall(spans: readonly Span[], { target, startedMs, beforeMs }: GateWindow): number {
  let earliest = Infinity;
  for (const { timestamp } of callSamples(spans.filter(({ service }) => service === target))) {
    if (timestamp >= Math.floor(startedMs - beforeMs)) earliest = Math.min(earliest, timestamp);
  }
  return earliest;
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
