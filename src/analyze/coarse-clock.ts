import type { Span } from "../model/span.ts";

/** Tick of a coarse clock, ns. */
export const TICK_NS = 1_000_000;

/**
 * Whether a span starts on a whole millisecond but has a finer length. OpenTelemetry for JavaScript takes starts from
 * the wall clock (`Date.now`) and lengths from the performance clock: such a span really began up to 1 ms later than it
 * says, and short calls one after the other seem to overlap. A precise clock gives such a start once in 1,000 spans (µs) or less.
 */
export function hasCoarseStart(span: Span): boolean {
  return span.startNs % BigInt(TICK_NS) === 0n && span.durationNs % TICK_NS !== 0;
}

/** What is known of where a span lies, ns from the start of the trace. */
export type Surroundings = {
  /** Start as recorded, and length. */
  readonly start: number;
  readonly length: number;
  readonly parentStart: number;
  /** Infinite where the parent's own clock is coarse. */
  readonly parentEnd: number;
  /** End of the sibling that was placed last. */
  readonly siblingEnd: number;
};

/**
 * The earliest start within the tick that fits the surroundings: not before the parent began and, where the tick and the
 * parent's end leave room for it, not before the last sibling has ended. Spans that overlap for certain stay overlapping.
 */
export function placeWithinTick({ start, length, parentStart, parentEnd, siblingEnd }: Surroundings): number {
  const latest = Math.max(start, Math.min(start + TICK_NS - 1, parentEnd - length));
  const inside = Math.min(Math.max(start, parentStart), latest);
  return siblingEnd > inside && siblingEnd <= latest ? siblingEnd : inside;
}
