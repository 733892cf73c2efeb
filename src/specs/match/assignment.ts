/** Which column each row gets; −1: none. */
export type Assignment = readonly number[];

/**
 * Assigns every row of a cost matrix to a column of its own at the least total cost (Hungarian method with potentials,
 * Jonker & Volgenant 1987); rows must not be more than columns. The answer depends on the matrix alone. O(rows² · columns).
 */
export function assignRows(costs: readonly (readonly number[])[]): Assignment {
  const columns = costs[0]?.length ?? 0;
  const rowPotential = new Float64Array(costs.length + 1);
  const columnPotential = new Float64Array(columns + 1);
  /** Row of each column, both from 1; 0: free. */
  const rowOf = new Int32Array(columns + 1);
  for (let row = 1; row <= costs.length; row += 1) {
    rowOf[0] = row;
    const way = augmentingPath(costs, { rowOf, rowPotential, columnPotential });
    for (let column = way.end; column !== 0;) {
      const before = way.from[column] ?? 0;
      rowOf[column] = rowOf[before] ?? 0;
      column = before;
    }
  }
  const assignment = costs.map(() => -1);
  for (let column = 1; column <= columns; column += 1) {
    const row = rowOf[column] ?? 0;
    if (row > 0) assignment[row - 1] = column - 1;
  }
  return assignment;
}

type State = {
  readonly rowOf: Int32Array;
  readonly rowPotential: Float64Array;
  readonly columnPotential: Float64Array;
};

/** The cheapest way from the row at column 0 to a free column; updates the potentials. */
function augmentingPath(
  costs: readonly (readonly number[])[],
  { rowOf, rowPotential, columnPotential }: State,
): { readonly end: number; readonly from: Int32Array } {
  const size = rowOf.length;
  const from = new Int32Array(size);
  const least = new Float64Array(size).fill(Infinity);
  const used = new Uint8Array(size);
  let column = 0;
  do {
    used[column] = 1;
    const row = rowOf[column] ?? 0;
    let delta = Infinity;
    let next = 0;
    for (let j = 1; j < size; j += 1) {
      if (used[j] === 1) continue;
      const cost = costs[row - 1]?.[j - 1] ?? Infinity;
      const reduced = cost - (rowPotential[row] ?? 0) - (columnPotential[j] ?? 0);
      if (reduced < (least[j] ?? Infinity)) {
        least[j] = reduced;
        from[j] = column;
      }
      if ((least[j] ?? Infinity) < delta) {
        delta = least[j] ?? Infinity;
        next = j;
      }
    }
    for (let j = 0; j < size; j += 1) {
      if (used[j] === 1) {
        const owner = rowOf[j] ?? 0;
        rowPotential[owner] = (rowPotential[owner] ?? 0) + delta;
        columnPotential[j] = (columnPotential[j] ?? 0) - delta;
      } else least[j] = (least[j] ?? 0) - delta;
    }
    column = next;
  } while ((rowOf[column] ?? 0) !== 0);
  return { end: column, from };
}
