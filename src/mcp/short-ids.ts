/** Least length of a short id. */
const LEAST = 6;

/**
 * Short forms of ids of equal length: the fewest first digits, at least 6 and the same number for all, that tell them
 * apart. They stay good as arguments, since tools take unique beginnings.
 */
export function shortIds(ids: Iterable<string>): (id: string) => string {
  const sorted = [...new Set(ids)].sort();
  let length = LEAST;
  for (let at = 1; at < sorted.length; at += 1)
    length = Math.max(length, common(sorted[at - 1] ?? "", sorted[at] ?? "") + 1);
  return (id) => id.slice(0, length);
}

function common(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
