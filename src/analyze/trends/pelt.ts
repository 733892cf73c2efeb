/** Sums of values and squares up to each index, for the cost of any segment in one step. */
export type Sums = { readonly values: Float64Array; readonly squares: Float64Array };

/** Running sums; `values[i]` sums the first i values. They are centred first, so that squares do not cancel. */
export function runningSums(values: readonly number[]): Sums {
  const centre = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const sums = { values: new Float64Array(values.length + 1), squares: new Float64Array(values.length + 1) };
  for (const [i, value] of values.entries()) {
    sums.values[i + 1] = (sums.values[i] ?? 0) + (value - centre);
    sums.squares[i + 1] = (sums.squares[i] ?? 0) + (value - centre) ** 2;
  }
  return sums;
}

/** Sum of squares around the mean of the values from index `from` on and before `to`. */
export function segmentCost({ values, squares }: Sums, from: number, to: number): number {
  const sum = (values[to] ?? 0) - (values[from] ?? 0);
  return Math.max(0, (squares[to] ?? 0) - (squares[from] ?? 0) - sum ** 2 / (to - from));
}

/**
 * Where the mean of a series changes: the segments with the least sum of costs plus `penalty` for each change, exactly, by
 * PELT (Killick, Fearnhead, Eckley 2012, JASA 107). Segments have at least `shortest` values. Returns the first index of
 * every segment but the first.
 */
export function pelt(sums: Sums, penalty: number, shortest: number): readonly number[] {
  const n = sums.values.length - 1;
  const best = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY);
  const previous = new Int32Array(n + 1);
  best[0] = -penalty;
  // `until`: the last end that a start can be best for.
  let candidates = [{ start: 0, until: Number.POSITIVE_INFINITY }];
  for (let end = shortest; end <= n; end += 1) {
    let least = { cost: Number.POSITIVE_INFINITY, start: 0 };
    const reached = candidates.map(({ start }) => {
      const cost = (best[start] ?? 0) + segmentCost(sums, start, end);
      if (cost < least.cost) least = { cost, start };
      return cost;
    });
    best[end] = least.cost + penalty;
    previous[end] = least.start;
    // A start that is beaten by more than the penalty is beaten by this end as start, as soon as that may be one.
    candidates = candidates
      .map(({ start, until }, i) => ({
        start,
        until: (reached[i] ?? 0) > (best[end] ?? 0) ? Math.min(until, end + shortest - 1) : until,
      }))
      .filter(({ until }) => until > end);
    const next = end + 1 - shortest;
    if (next >= shortest) candidates.push({ start: next, until: Number.POSITIVE_INFINITY });
  }
  const found: number[] = [];
  for (let end = previous[n] ?? 0; end > 0; end = previous[end] ?? 0) found.unshift(end);
  return found;
}
