import { countOf } from "../model/sample-weight.ts";
import { ATTR, SPAN_STATUSES, type Span } from "../model/span.ts";
import { addToSketch, mergeIntoSketch, sketchBin } from "../stats/sketch.ts";
import { inRange } from "./cursor.ts";
import type { RollupFilter } from "./port.ts";
import { attributeText } from "./text.ts";

/** Seconds that one rollup row covers. */
export type RollupWidth = 60 | 3600;

/** What a batch adds to one row; `slot` counts spans of `width` seconds since the Unix epoch. */
export type RollupDelta<Operation> = {
  readonly width: RollupWidth;
  readonly operation: Operation;
  readonly slot: number;
  readonly status: number;
  readonly errorType: string | undefined;
  /** Durations in ns, each as often as its span counts. */
  readonly sketch: Map<number, number>;
};

/** What of a span a rollup counts; its attributes may be left out but for `error.type` of errors and the weight. */
export type CountedSpan = Pick<Span, "spanId" | "startNs" | "durationNs" | "status" | "attributes">;

/** Collects what a batch adds to rollups; `operation` is the store's name for service, operation and kind. */
export function rollupDeltas<Operation extends bigint | string>() {
  const minutes = new Map<string, RollupDelta<Operation>>();
  return {
    add: (operation: Operation, span: CountedSpan): void => {
      const slot = minuteOf(span.startNs);
      const status = SPAN_STATUSES.indexOf(span.status);
      const errorType = errorTypeOf(span);
      const bin = sketchBin(span.durationNs);
      const count = countOf(span.attributes, span.spanId);
      addToSketch(deltaAt(minutes, { width: 60, operation, slot, status, errorType }).sketch, bin, count);
    },
    /** Forgets a minute. */
    remove: (row: RollupDelta<Operation>): void => void minutes.delete(keyOf(row)),
    /** Minutes and the hours that they make. */
    all: (): readonly RollupDelta<Operation>[] => {
      const hours = new Map<string, RollupDelta<Operation>>();
      for (const { sketch, ...minute } of minutes.values()) {
        const hour = { ...minute, width: 3600, slot: Math.floor(minute.slot / 60) } as const;
        mergeIntoSketch(deltaAt(hours, hour).sketch, sketch);
      }
      return [...minutes.values(), ...hours.values()];
    },
  };
}

/** The type is foreign text and comes last, so that no two rows share a key. */
function keyOf<Operation>({ operation, slot, status, errorType }: Omit<RollupDelta<Operation>, "sketch">): string {
  const place = `${String(operation)}/${slot}/${status}`;
  return errorType === undefined ? place : `${place}/${errorType}`;
}

function deltaAt<Operation>(deltas: Map<string, RollupDelta<Operation>>, row: Omit<RollupDelta<Operation>, "sketch">) {
  const key = keyOf(row);
  const known = deltas.get(key);
  if (known) return known;
  const delta = { ...row, sketch: new Map<number, number>() };
  deltas.set(key, delta);
  return delta;
}

function errorTypeOf(span: CountedSpan): string | undefined {
  const value = span.status === "error" ? span.attributes[ATTR.errorType] : undefined;
  return value === undefined ? undefined : attributeText(value);
}

const MINUTE_NS = 60_000_000_000n;

/** Number of the minute since the Unix epoch that holds `ns`. */
function minuteOf(ns: bigint): number {
  const minute = Number(ns / MINUTE_NS);
  return ns < 0n && ns % MINUTE_NS !== 0n ? minute - 1 : minute;
}

/** Number of the hour since the Unix epoch that holds `ns`. */
export const hourOf = (ns: bigint): number => Math.floor(minuteOf(ns) / 60);

/** Start of a minute, ns since the Unix epoch. */
export const minuteStart = (minute: number): bigint => BigInt(minute) * MINUTE_NS;

/** The rows of one width with `from` ≤ slot < `to`. */
export type RollupRange = { readonly width: RollupWidth; readonly from: number; readonly to: number };

/** Minutes that a window touches. */
export function minutesOf({ sinceNs, untilNs }: RollupFilter): RollupRange {
  const from = minuteOf(inRange(sinceNs));
  return { width: 60, from, to: Math.max(from, -minuteOf(-inRange(untilNs))) };
}

/** The fewest rows that cover minutes exactly: whole hours by their hour, the rest by minute. */
export function fewestRanges({ from, to }: RollupRange): readonly RollupRange[] {
  const [first, last] = [Math.ceil(from / 60), Math.floor(to / 60)];
  if (first >= last) return [{ width: 60, from, to }];
  const ranges: readonly RollupRange[] = [
    { width: 60, from, to: first * 60 },
    { width: 3600, from: first, to: last },
    { width: 60, from: last * 60, to },
  ];
  return ranges.filter((range) => range.from < range.to);
}
