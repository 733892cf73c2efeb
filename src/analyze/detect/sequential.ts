import type { Finding } from "../../model/finding.ts";
import { callMs, callsByOperation, nsToMs, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { extent, type Stretch, unionLength } from "../intervals.ts";
import { msInText, nameInText } from "../names.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";
import { repeatedChildren, type NPlusOneOptions } from "./n-plus-one.ts";

/** When calls in sequence are reported. */
export type SequentialOptions = NPlusOneOptions & {
  /** Least number of undisturbed calls of the parent; default 5. */
  readonly minCalls?: number;
  /** Least share of the parent's time that running them together would save; default 0.1. */
  readonly minShare?: number;
};

/** Share of the calls in which an operation has to run, and a pair has to be apart, to count as "always". */
const ALWAYS = 0.95;

/** Share of the parent's time below which an operation is not worth moving. */
const NEGLIGIBLE = 0.02;

/** Operations that are compared in pairs, those that take longest: more than this cannot each matter. */
const MAX_OPERATIONS = 50;

/** All calls of one child operation within one call of the parent. */
type Block = { readonly calls: readonly Call[]; readonly span: Stretch; readonly busyNs: number };

/** The blocks of one call of the parent, by key of the child operation. */
type Row = { readonly call: Call; readonly blocks: ReadonlyMap<string, Block> };

/**
 * Calls in sequence: at least two **different** child operations that run in (almost) every successful call of their
 * parent and never overlap, although nothing in the telemetry shows that one needs the other. A dependency is shown by
 * a span link to the earlier operation, or by an operation that does not always run (it may hang on an earlier result).
 * Children that N+1 explains are left out. `gainMs` assumes that together they take as long as the longest of them.
 * Telemetry cannot prove independence; confidence is low unless the order of the operations changes between calls.
 */
export function detectSequentialCalls(traces: readonly TraceTree[], options: SequentialOptions = {}): Finding[] {
  const { minCalls = 5, minShare = 0.1 } = options;
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const successful = calls.filter(({ failed }) => !failed);
    if (successful.length < Math.max(1, minCalls)) continue;
    const explained = new Set(repeatedChildren(calls, options).map(({ child }) => child.key));
    const rows = successful.map((call) => toRow(call, explained));
    const group = sequentialGroup(rows);
    if (group.length < 2) continue;
    const gains = rows.map((row) => gainNs(row, group));
    const share = shareOf(sum(gains), sum(successful.map((call) => call.end - call.start)));
    if (share >= minShare) findings.push(toFinding({ rows, group, gains, share }));
  }
  return findings;
}

function toRow(call: Call, explained: ReadonlySet<string>): Row {
  const blocks = new Map<string, Block>();
  for (const [key, calls] of Map.groupBy(call.children, (child) => child.key)) {
    if (!explained.has(key)) blocks.set(key, { calls, span: extent(calls), busyNs: unionLength(calls) });
  }
  return { call, blocks };
}

/**
 * Keys of operations that always run, are always apart and do not depend on each other, in their usual order. Of the
 * groups that each operation starts, the one that saves most.
 */
function sequentialGroup(rows: readonly Row[]): string[] {
  const keys = alwaysRunning(rows);
  const links = linkedPairs(rows);
  const separate = new Map(
    keys.map((a) => [a, new Set(keys.filter((b) => !links.has(pairOf(a, b)) && alwaysApart(rows, a, b)))]),
  );
  const busy = new Map(keys.map((key) => [key, busyNsOf(rows, key)]));
  let best: { keys: string[]; saved: number } = { keys: [], saved: 0 };
  for (const start of keys) {
    const members = new Set([start]);
    for (const key of keys) {
      if (!members.has(key) && [...members].every((member) => separate.get(member)?.has(key))) members.add(key);
    }
    const times = [...members].map((key) => busy.get(key) ?? 0);
    const saved = sum(times) - Math.max(...times);
    if (saved > best.saved) best = { keys: keys.filter((key) => members.has(key)), saved };
  }
  return best.keys;
}

/** Operations that run in almost every call and take time, by median start within the call, ties by key. */
function alwaysRunning(rows: readonly Row[]): string[] {
  const starts = new Map<string, number[]>();
  for (const { call, blocks } of rows) {
    for (const [key, { span }] of blocks) {
      const seen = starts.get(key) ?? [];
      seen.push(span.start - call.start);
      starts.set(key, seen);
    }
  }
  const wholeNs = sum(rows.map(({ call }) => call.end - call.start));
  return [...starts]
    .filter(([, seen]) => seen.length >= ALWAYS * rows.length)
    .map(([key, seen]) => ({ key, start: median(seen), busyNs: busyNsOf(rows, key) }))
    .filter(({ busyNs }) => busyNs > 0 && busyNs >= NEGLIGIBLE * wholeNs)
    .sort((a, b) => b.busyNs - a.busyNs || (a.key < b.key ? -1 : 1))
    .slice(0, MAX_OPERATIONS)
    .sort((a, b) => a.start - b.start || (a.key < b.key ? -1 : 1))
    .map(({ key }) => key);
}

function alwaysApart(rows: readonly Row[], a: string, b: string): boolean {
  const both = rows.filter(({ blocks }) => blocks.has(a) && blocks.has(b));
  const apart = both.filter(({ blocks }) => {
    const [first, second] = [blocks.get(a)?.span, blocks.get(b)?.span];
    return first && second && (first.end <= second.start || second.end <= first.start);
  });
  return apart.length >= ALWAYS * both.length;
}

/** Pairs of operations of which a span of one links to a span of the other in any call. */
function linkedPairs(rows: readonly Row[]): ReadonlySet<string> {
  const pairs = new Set<string>();
  for (const { blocks } of rows) {
    const spans = [...blocks].flatMap(([key, block]) =>
      block.calls.flatMap(({ nodes }) => nodes.map(({ span }) => ({ key, span }))),
    );
    if (spans.every(({ span }) => span.links.length === 0)) continue;
    const keyOf = new Map(spans.map(({ key, span }) => [span.spanId, key]));
    for (const { key, span } of spans) {
      for (const link of span.links) pairs.add(pairOf(key, keyOf.get(link.spanId) ?? ""));
    }
  }
  return pairs;
}

/** The same text for a pair in either order. */
function pairOf(a: string, b: string): string {
  return JSON.stringify([a, b].sort());
}

function gainNs({ call, blocks }: Row, group: readonly string[]): number {
  const busy = group.map((key) => blocks.get(key)?.busyNs ?? 0);
  return Math.max(0, Math.min(sum(busy) - Math.max(...busy), call.end - call.start));
}

/** Share of the calls in which the group does not run in its usual order. */
function reordered(rows: readonly Row[], group: readonly string[]): number {
  const outOfOrder = rows.filter(({ blocks }) => {
    const starts = group.flatMap((key) => blocks.get(key)?.span.start ?? []);
    return starts.some((start, index) => index > 0 && start < (starts[index - 1] ?? start));
  });
  return outOfOrder.length / rows.length;
}

type Evaluated = {
  readonly rows: readonly Row[];
  readonly group: readonly string[];
  readonly gains: readonly number[];
  readonly share: number;
};

function toFinding({ rows, group, gains, share }: Evaluated): Finding {
  const { service, operation } = (rows[0] as Row).call;
  const names = group.map((key) => nameOf(rows, key));
  const { value, interval } = measuredQuantile(
    rows.map((row) => callMs(row.call)),
    0.5,
  );
  const gainMs = nsToMs(median(gains));
  const ceiling = reordered(rows, group) >= 1 - ALWAYS ? 0.85 : 0.5;
  return {
    id: findingId("sequential_calls", service, operation),
    kind: "sequential_calls",
    severity: severityOfTimeLost(share),
    service,
    operation,
    metric: "duration_ms",
    value,
    baseline: Math.max(0, value - gainMs),
    ...(interval && { interval }),
    samples: rows.length,
    gainMs,
    child: longestOf(rows, group, names),
    traceIds: worstTraces(rows.map((row, index) => ({ traceId: row.call.traceId, badness: gains[index] ?? 0 }))),
    confidence: confidenceOf({ samples: rows.length, effect: share * 2, ceiling }),
    suggestion: suggest(operation, names, { samples: rows.length, gainMs }),
  };
}

function longestOf(rows: readonly Row[], group: readonly string[], names: readonly string[]): string {
  const busy = group.map((key) => busyNsOf(rows, key));
  return names[busy.indexOf(Math.max(...busy))] ?? "";
}

function busyNsOf(rows: readonly Row[], key: string): number {
  return sum(rows.map(({ blocks }) => blocks.get(key)?.busyNs ?? 0));
}

function nameOf(rows: readonly Row[], key: string): string {
  return rows.find(({ blocks }) => blocks.has(key))?.blocks.get(key)?.calls[0]?.operation ?? "";
}

function suggest(
  operation: string,
  names: readonly string[],
  { samples, gainMs }: { readonly samples: number; readonly gainMs: number },
): string {
  const listed = names.slice(0, 5).map(nameInText).join(", then ");
  const rest = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return [
    `${nameInText(operation)} runs ${listed}${rest} one after the other in ${samples} calls.`,
    "Nothing in the traces shows that one needs the result of another; if so, start them together:",
    `if that took as long as the longest of them, a call would save about ${msInText(gainMs)}.`,
  ].join(" ");
}
