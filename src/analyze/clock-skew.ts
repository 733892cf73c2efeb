import { ATTR, type Span } from "../model/span.ts";
import { hasCoarseStart, TICK_NS } from "./coarse-clock.ts";

/** A repair of clocks that disagreed: the spans of a process below a caller in another one were moved. */
export type ClockSkew = {
  /** The service whose spans were moved. */
  readonly service: string;
  /** How far they were moved relative to their callers' clock, ns; positive = later. */
  readonly shiftNs: number;
  /** Spans that were moved, with everything below them. */
  readonly spans: number;
};

/** A span with its times, and its parent. */
type Timed = { readonly span: Span; readonly parent: Timed | undefined; start: number; end: number };

/** Offsets by which a process's spans may be moved so that they fit their callers, ns. */
type Range = { readonly low: number; readonly high: number };

/**
 * Moves spans of processes whose clock disagrees with their callers', parents first, in place. From every call between two
 * processes follows what offset is possible: a SERVER span lies within the CLIENT span that waited for it; no child begins
 * before its parent; a caller that failed may have given up before its callee ended. Where no offset at all is possible too, nothing is
 * moved. Else all spans of the pair move by the middle of what all calls allow (Jaeger's clock skew adjuster takes the middle
 * too, but for each call by itself); where no one offset fits all, each call takes its own. `nodes`: parents before children.
 */
export function repairClockSkew(nodes: readonly Timed[]): readonly ClockSkew[] {
  const crossing = nodes.filter(({ span, parent }) => parent !== undefined && !isSameProcess(span, parent.span));
  if (crossing.every((node) => contains(rangeOf(node), 0))) return [];
  const common = new Map<string, Range>();
  for (const node of crossing) {
    const pair = pairOf(node);
    common.set(pair, intersection(common.get(pair) ?? ANY, rangeOf(node)));
  }
  const own = new Map(crossing.map((node) => [node, offsetIn(commonOr(node, common))]));
  return shiftBelow(nodes, own);
}

const ANY: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

function commonOr(node: Timed, common: ReadonlyMap<string, Range>): Range {
  const shared = common.get(pairOf(node)) ?? ANY;
  return shared.low <= shared.high ? shared : rangeOf(node);
}

/** Moves every node by what its ancestors moved and, where a process begins, by its own offset. */
function shiftBelow(nodes: readonly Timed[], own: ReadonlyMap<Timed, number>): ClockSkew[] {
  const shifts = new Map<Timed, number>();
  const skews = new Map<string, ClockSkew>();
  for (const node of nodes) {
    const offset = own.get(node) ?? 0;
    const shift = (node.parent === undefined ? 0 : (shifts.get(node.parent) ?? 0)) + offset;
    if (shift === 0) continue;
    shifts.set(node, shift);
    const key = `${node.span.service}\n${shift}`;
    const known = skews.get(key) ?? { service: node.span.service, shiftNs: shift, spans: 0 };
    skews.set(key, { ...known, spans: known.spans + 1 });
  }
  for (const [node, shift] of shifts) {
    node.start += shift;
    node.end += shift;
  }
  return [...skews.values()];
}

function rangeOf(node: Timed): Range {
  const { span, parent } = node;
  if (parent === undefined) return ANY;
  // A coarse clock says the begin of its tick: a millisecond is no skew then.
  const slack = hasCoarseStart(span) || hasCoarseStart(parent.span) ? TICK_NS : 0;
  const low = parent.start - node.start - slack;
  const waited = span.kind === "server" && parent.span.kind === "client" && parent.span.status !== "error";
  const fits = node.end - node.start <= parent.end - parent.start;
  return waited && fits ? { low, high: parent.end - node.end + slack } : { low, high: Number.POSITIVE_INFINITY };
}

function offsetIn(range: Range): number {
  if (contains(range, 0)) return 0;
  return Number.isFinite(range.high) ? Math.round((range.low + range.high) / 2) : range.low;
}

const contains = ({ low, high }: Range, value: number): boolean => low <= value && value <= high;

function intersection(a: Range, b: Range): Range {
  return { low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) };
}

/** Resource attributes that tell the clocks of one service's processes apart. */
const PROCESS = ["host.name", "host.id", ATTR.instanceId, ATTR.processId] as const;

function isSameProcess(a: Span, b: Span): boolean {
  if (a.service !== b.service) return false;
  return a.resource === b.resource || PROCESS.every((name) => a.resource[name] === b.resource[name]);
}

function pairOf({ span, parent }: Timed): string {
  return JSON.stringify(
    [span, parent?.span].map((each) => [each?.service, ...PROCESS.map((name) => each?.resource[name])]),
  );
}
