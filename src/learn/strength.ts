import type { Rule } from "../model/outcome.ts";

/**
 * Order of rules for a session, strongest first: hard ones, then by measured effect, then by how sure their pattern is.
 * Total: what is equal in all of that goes by id and newest version, so that the order of the files does not matter.
 */
export function byStrength(a: Rule, b: Rule): number {
  const strength = ({ hard, effect, evidence }: Rule): readonly number[] => [
    hard === undefined ? 0 : 1,
    effect?.delta ?? 0,
    evidence?.interval.low ?? 0,
  ];
  const [one, other] = [strength(a), strength(b)];
  const differs = one.findIndex((value, i) => value !== other[i]);
  if (differs >= 0) return (other[differs] ?? 0) - (one[differs] ?? 0);
  return a.id < b.id ? -1 : a.id > b.id ? 1 : b.version - a.version;
}
