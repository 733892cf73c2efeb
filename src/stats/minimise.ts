/** A point and the value of the function there. */
type Vertex = { readonly at: readonly number[]; readonly value: number };

/** Where to begin and when to stop. */
export type MinimiseOptions = {
  readonly start: readonly number[];
  /** Edge of the first simplex. */
  readonly step: number;
  /** Most evaluations; default 400. */
  readonly evaluations?: number;
};

/**
 * A local minimum of a function of a few variables without derivatives (Nelder & Mead 1965, the coefficients 1, 2, ½, ½).
 * Deterministic. Stops when the simplex is small and its values agree to 1e-9,
 * or after `evaluations`.
 */
export function minimise(
  f: (at: readonly number[]) => number,
  { start, step, evaluations = 400 }: MinimiseOptions,
): Vertex {
  const vertex = (at: readonly number[]): Vertex => ({ at, value: f(at) });
  let simplex = [start, ...start.map((_, i) => start.map((value, j) => (i === j ? value + step : value)))].map(vertex);
  let used = simplex.length;
  while (used < evaluations) {
    simplex = simplex.sort((a, b) => a.value - b.value);
    const [best, worst] = [simplex[0], simplex.at(-1)];
    if (best === undefined || worst === undefined || (isFlat(best, worst) && isSmall(best, simplex))) break;
    const rest = simplex.slice(0, -1);
    const centre = start.map((_, j) => rest.reduce((sum, { at }) => sum + (at[j] ?? 0), 0) / rest.length);
    const along = (t: number): Vertex => vertex(centre.map((value, j) => value + t * ((worst.at[j] ?? 0) - value)));
    const next = replacement({ best, second: rest.at(-1) ?? best, worst }, along);
    used += 2;
    if (next !== undefined) simplex = [...rest, next];
    else {
      simplex = simplex.map((old) =>
        old === best ? old : vertex(old.at.map((value, j) => (value + (best.at[j] ?? 0)) / 2)),
      );
      used += start.length;
    }
  }
  return simplex.reduce((least, one) => (one.value < least.value ? one : least));
}

const isFlat = ({ value: least }: Vertex, { value: greatest }: Vertex): boolean =>
  Math.abs(greatest - least) <= 1e-9 * (Math.abs(least) + Math.abs(greatest)) + 1e-300;

/** Two sides of a valley may be equally high. */
const isSmall = ({ at }: Vertex, simplex: readonly Vertex[]): boolean =>
  simplex.every((other) =>
    other.at.every((value, j) => Math.abs(value - (at[j] ?? 0)) <= 1e-4 * (1 + Math.abs(value))),
  );

type Corners = { readonly best: Vertex; readonly second: Vertex; readonly worst: Vertex };

/** The vertex that takes the worst one's place, or none: then the simplex shrinks. */
function replacement({ best, second, worst }: Corners, along: (t: number) => Vertex): Vertex | undefined {
  const reflected = along(-1);
  if (reflected.value < best.value) {
    const expanded = along(-2);
    return expanded.value < reflected.value ? expanded : reflected;
  }
  if (reflected.value < second.value) return reflected;
  const contracted = along(reflected.value < worst.value ? -0.5 : 0.5);
  return contracted.value < Math.min(reflected.value, worst.value) ? contracted : undefined;
}
