/** A stretch of time, ns from the start of the trace; `end` is exclusive. */
export type Stretch = { readonly start: number; readonly end: number };

/** Time covered by at least one of the stretches, ns. Overlap counts once; stretches may come in any order. */
export function unionLength(stretches: readonly Stretch[]): number {
  let covered = 0;
  let reached = Number.NEGATIVE_INFINITY;
  for (const { start, end } of stretches.toSorted((a, b) => a.start - b.start)) {
    if (end <= reached) continue;
    covered += end - Math.max(start, reached);
    reached = end;
  }
  return covered;
}

/** The part of each stretch that lies within `bounds`; stretches outside it are left out. */
export function clip(stretches: readonly Stretch[], bounds: Stretch): Stretch[] {
  return stretches
    .map(({ start, end }) => ({ start: Math.max(start, bounds.start), end: Math.min(end, bounds.end) }))
    .filter(({ start, end }) => end > start);
}

/** From the earliest start to the latest end. Needs at least one stretch. */
export function extent(stretches: readonly Stretch[]): Stretch {
  let start = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  for (const stretch of stretches) {
    start = Math.min(start, stretch.start);
    end = Math.max(end, stretch.end);
  }
  return { start, end };
}
