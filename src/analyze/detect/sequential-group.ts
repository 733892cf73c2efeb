import type { Call } from "../calls.ts";
import { extent, type Stretch, unionLength } from "../intervals.ts";
import { median, sum } from "../rating.ts";

/** Share of the calls in which an operation has to run, and a pair has to be apart, to count as "always". */
export const ALWAYS = 0.95;

/** Share of the parent's time below which an operation is not worth moving. */
const NEGLIGIBLE = 0.02;

/** Operations that are compared in pairs, those that take longest: more than this cannot each matter. */
const MAX_OPERATIONS = 50;

/** All calls of one child operation within one call of the parent. */
export type Block = { readonly calls: readonly Call[]; readonly span: Stretch; readonly busyNs: number };

/** The blocks of one call of the parent, by key of the child operation. */
export type Row = { readonly call: Call; readonly blocks: ReadonlyMap<string, Block> };

/** The children of a call as blocks, without those that another finding explains. */
export function toRow(call: Call, explained: ReadonlySet<string>): Row {
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
export function sequentialGroup(rows: readonly Row[]): string[] {
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
  for (const { call, blocks } of rows) {
    if (call.children.every(({ nodes }) => nodes.every(({ span }) => span.links.length === 0))) continue;
    const spans = [...blocks].flatMap(([key, block]) =>
      block.calls.flatMap(({ nodes }) => nodes.map(({ span }) => ({ key, span }))),
    );
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

/** Time that an operation ran for, over all calls, ns. */
export function busyNsOf(rows: readonly Row[], key: string): number {
  return sum(rows.map(({ blocks }) => blocks.get(key)?.busyNs ?? 0));
}
