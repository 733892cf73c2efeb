import type { Finding } from "../../model/finding.ts";
import { sortedAscending } from "../../stats/quantile.ts";
import { callMs, callsByOperation, nsToMs, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { msInText, nameInText, shareInText } from "../names.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** When traces are taken to wait for each other. */
export type LockStepOptions = {
  /** Least number of overlaps to be expected by chance; default 8. */
  readonly minExpected?: number;
  /** Most of the expected overlaps that may be seen; default 0.05. */
  readonly maxSeen?: number;
  /** Least share of the calls in company that begin right after another trace's has ended; default 0.4. */
  readonly minHandovers?: number;
};

/** A call with its caller on the clock of the population, ns. */
type Placed = {
  readonly call: Call;
  readonly start: number;
  readonly end: number;
  readonly callerStart: number;
  readonly callerEnd: number;
  /** Time of the caller's own before this call, ns. */
  readonly waited: number;
};

type Company = {
  readonly expected: number;
  readonly seen: number;
  readonly queued: readonly Placed[];
  readonly met: number;
};

/** Neighbours in time that a call is compared with at most. */
const MOST_NEIGHBOURS = 40;
/** Longest time between the end of one call and the begin of the next for a handover, ns. */
const HANDOVER_NS = 1_000_000;

/**
 * Lock-step waits: calls of one operation never overlap between traces, although their callers run at the same time, and
 * they begin right after each other's end: something lets only one in at a time. How many overlaps chance would bring is
 * computed from the lengths (a start anywhere within its caller); each call is compared with its 40 nearest later ones. `gainMs` is the
 * median time that a queued call waited, less what those waited that met nobody.
 */
export function detectLockStep(traces: readonly TraceTree[], options: LockStepOptions = {}): Finding[] {
  const { minExpected = 8, maxSeen = 0.05, minHandovers = 0.4 } = options;
  const origin = traces.reduce<bigint | undefined>(
    (least, { startNs }) => (least === undefined || startNs < least ? startNs : least),
    undefined,
  );
  if (origin === undefined) return [];
  const offsets = new Map(traces.map(({ traceId, startNs }) => [traceId, Number(startNs - origin)]));
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const placed = calls
      .flatMap((call) => place(call, offsets.get(call.traceId) ?? 0))
      .sort((a, b) => a.start - b.start);
    if (placed.length < Math.max(1, minExpected)) continue;
    const company = companyOf(placed);
    if (company.expected < minExpected || company.seen > maxSeen * company.expected) continue;
    if (company.queued.length < Math.max(1, minHandovers * company.met)) continue;
    const finding = toFinding(placed, company);
    if (finding.gainMs > 0) findings.push(finding);
  }
  return findings.filter((finding) => !findings.some((other) => isInside(other, finding)));
}

/** Of an operation and the only thing it does, the outer one waits because the inner one does; the outer one is named. */
function isInside(outer: Finding, inner: Finding): boolean {
  return (
    outer !== inner &&
    outer.child === inner.operation &&
    outer.service === inner.service &&
    outer.gainMs >= inner.gainMs
  );
}

function place(call: Call, offset: number): Placed[] {
  const { parent } = call;
  if (parent === undefined || call.end <= call.start) return [];
  const before = Math.max(parent.start, lastEndUntil(parent, call.start));
  const at = (ns: number): number => ns + offset;
  return [
    {
      call,
      start: at(call.start),
      end: at(call.end),
      callerStart: at(parent.start),
      callerEnd: at(parent.end),
      waited: Math.max(0, call.start - before),
    },
  ];
}

const endsOfChildren = new WeakMap<Call, readonly number[]>();

/** The latest end of a child at or before a moment; −∞ where none has ended. */
function lastEndUntil(parent: Call, moment: number): number {
  const ends = endsOfChildren.get(parent) ?? sortedAscending(parent.children.map(({ end }) => end));
  endsOfChildren.set(parent, ends);
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] ?? 0) <= moment) low = middle + 1;
    else high = middle;
  }
  return ends[low - 1] ?? Number.NEGATIVE_INFINITY;
}

function companyOf(placed: readonly Placed[]): Company {
  let [expected, seen] = [0, 0];
  const met = new Set<Placed>();
  const queued = new Set<Placed>();
  for (const [i, one] of placed.entries()) {
    for (const other of placed.slice(i + 1, i + 1 + MOST_NEIGHBOURS)) {
      if (other.callerStart >= one.callerEnd || other.call.traceId === one.call.traceId) continue;
      expected += chanceOfOverlap(one, other);
      if (other.start < one.end) seen += 1;
      met.add(one).add(other);
      const gap = other.start - one.end;
      if (gap >= 0 && gap <= HANDOVER_NS && other.callerStart < one.end && other.waited > gap) queued.add(other);
    }
  }
  return { expected, seen, queued: [...queued], met: met.size };
}

/** Probability that `other` overlaps `one` if it started anywhere within its caller. */
function chanceOfOverlap(one: Placed, other: Placed): number {
  const latest = other.callerEnd - (other.end - other.start);
  const room = latest - other.callerStart;
  if (room <= 0) return other.callerStart < one.end && other.callerEnd > one.start ? 1 : 0;
  const from = Math.max(other.callerStart, one.start - (other.end - other.start));
  const to = Math.min(latest, one.end);
  return Math.max(0, to - from) / room;
}

const weightsOf = (placed: readonly Placed[]): number[] => placed.map(({ call }) => call.weight);

function toFinding(placed: readonly Placed[], { queued, expected, seen, met }: Company): Finding {
  const { service, operation, children } = (placed[0] as Placed).call;
  const waits = queued.map(({ waited }) => nsToMs(waited));
  const weights = weightsOf(queued);
  const { value, interval } = measuredQuantile(waits, 0.5, weights);
  const waiting = new Set(queued);
  const free = placed.filter((each) => !waiting.has(each));
  const freeMs = free.map(({ waited }) => nsToMs(waited));
  const usual = free.length === 0 ? 0 : Math.min(median(freeMs, weightsOf(free)), value);
  const lost = sum(queued.map(({ call, waited }) => call.weight * Math.max(0, nsToMs(waited) - usual)));
  const whole = sum(placed.map(({ call, callerStart, callerEnd }) => call.weight * nsToMs(callerEnd - callerStart)));
  const lengths = placed.map(({ call }) => callMs(call));
  return {
    id: findingId("lock_step", service, operation),
    kind: "lock_step",
    severity: severityOfTimeLost(shareOf(lost, whole)),
    service,
    operation,
    metric: "wait_ms",
    value,
    baseline: usual,
    ...(interval && { interval }),
    samples: queued.length,
    gainMs: Math.max(0, value - usual),
    ...(children[0] !== undefined && { child: children[0].operation }),
    traceIds: worstTraces(queued.map((each) => ({ traceId: each.call.traceId, badness: each.waited }))),
    confidence: confidenceOf({ samples: queued.length, effect: 1 - shareOf(seen, expected), ceiling: 0.85 }),
    suggestion: [
      `Calls of ${nameInText(operation)} never run at the same time in different traces, although their callers do: ${Math.round(expected)} overlaps were to be expected, ${seen} are there, and ${shareInText(shareOf(queued.length, met))} begin as another one ends.`,
      `Something lets in one at a time: look for a mutex, a pool of one connection, a file or table lock around it (it takes ${msInText(median(lengths, weightsOf(placed)))}).`,
      `Hold it for less time or split it; a call that queues waits ${msInText(value)}.`,
    ].join(" "),
  };
}
