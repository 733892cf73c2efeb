import type { TraceIndex } from "../trace-index.ts";
import type { Relation, Selector } from "./ast.ts";

/** Two selections of spans by position. */
type Sides = { readonly left: Uint8Array; readonly right: Uint8Array };

/**
 * The spans of a structural expression. `A > B`: spans of B that are children of one of A; `>>` descendants, `<` parents,
 * `<<` ancestors, `~` siblings. Linear in the spans.
 */
export function related(
  { relation, form }: Extract<Selector, { kind: "relation" }>,
  { left, right }: Sides,
  index: TraceIndex,
): Uint8Array {
  const near = reached(left, relation, index);
  if (form === "negated") return right.map((flag, at) => flag & (1 - (near[at] ?? 0)));
  const found = right.map((flag, at) => flag & (near[at] ?? 0));
  if (form === "plain") return found;
  const back = reached(found, OPPOSITE[relation], index);
  return found.map((flag, at) => flag | ((left[at] ?? 0) & (back[at] ?? 0)));
}

const OPPOSITE: Readonly<Record<Relation, Relation>> = { ">>": "<<", "<<": ">>", ">": "<", "<": ">", "~": "~" };

/** The spans that stand in the relation to one of `from`. */
function reached(from: Uint8Array, relation: Relation, index: TraceIndex): Uint8Array {
  const { parent } = index;
  const mask = new Uint8Array(from.length);
  switch (relation) {
    case ">":
    case ">>":
      for (const [at, above] of parent.entries()) {
        if (above >= 0 && (from[above] === 1 || (relation === ">>" && mask[above] === 1))) mask[at] = 1;
      }
      return mask;
    case "<":
    case "<<":
      for (let at = from.length - 1; at >= 0; at -= 1) {
        const above = parent[at] ?? -1;
        if (above >= 0 && (from[at] === 1 || (relation === "<<" && mask[at] === 1))) mask[above] = 1;
      }
      return mask;
    case "~":
      return siblings(from, parent);
  }
}

/** Roots have no siblings, as in TraceQL: nothing is known that they share. */
function siblings(from: Uint8Array, parent: Int32Array): Uint8Array {
  const among = new Int32Array(from.length);
  for (const [at, above] of parent.entries()) if (above >= 0 && from[at] === 1) among[above] = (among[above] ?? 0) + 1;
  const mask = new Uint8Array(from.length);
  for (const [at, above] of parent.entries()) {
    if (above >= 0 && (among[above] ?? 0) - (from[at] ?? 0) > 0) mask[at] = 1;
  }
  return mask;
}
