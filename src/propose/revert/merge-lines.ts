import { Buffer } from "node:buffer";
import { diff3Merge } from "node-diff3";

/** Three versions of one file: the one that both others come from, and these two. */
export type Versions = { readonly base: Uint8Array; readonly ours: Uint8Array; readonly theirs: Uint8Array };

/** The merged file, or why there is none. */
export type MergedLines =
  { readonly kind: "clean"; readonly bytes: Uint8Array } | { readonly kind: "conflict"; readonly why: string };

/** Bytes in which git looks for a NUL to tell binary content. */
const BINARY_PREFIX = 8_000;
/** Pairs of equal lines that are compared at most: beyond that the merge would take too long to be worth it. */
const MOST_PAIRS = 4_000_000;

/**
 * Merges by lines as git does: changes that touch or adjoin each other conflict unless they are the same; line ends and a
 * missing last one are part of the lines; what holds a NUL near its start is binary and is not merged.
 */
export function mergeLines({ base, ours, theirs }: Versions): MergedLines {
  if (same(base, theirs) || same(ours, theirs)) return { kind: "clean", bytes: ours };
  if (same(base, ours)) return { kind: "clean", bytes: theirs };
  if ([base, ours, theirs].some(isBinary)) return { kind: "conflict", why: "binary content was changed on both sides" };
  const [o, a, b] = [base, ours, theirs].map(linesOf) as [string[], string[], string[]];
  if (pairs(o, a) > MOST_PAIRS || pairs(o, b) > MOST_PAIRS) {
    return { kind: "conflict", why: "the file is too large to be merged here" };
  }
  const regions = diff3Merge(a, o, b, { excludeFalseConflicts: true });
  const conflicts = regions.filter(({ conflict }) => conflict !== undefined);
  if (conflicts.length > 0) return { kind: "conflict", why: describeConflicts(conflicts) };
  return { kind: "clean", bytes: Buffer.from(regions.flatMap(({ ok = [] }) => ok).join(""), "latin1") };
}

/** Every byte stays as it is: Latin-1 has a character for each. */
function linesOf(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString("latin1");
  return text === "" ? [] : text.split(/(?<=\n)/);
}

function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, BINARY_PREFIX).includes(0);
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** How many pairs of equal lines two files have: what the search for common lines costs. */
function pairs(one: readonly string[], other: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const line of one) counts.set(line, (counts.get(line) ?? 0) + 1);
  return other.reduce((sum, line) => sum + (counts.get(line) ?? 0), 0);
}

type Conflicts = ReturnType<typeof diff3Merge<string>>;

function describeConflicts(conflicts: Conflicts): string {
  const lines = conflicts.map(({ conflict }) => (conflict?.aIndex ?? 0) + 1);
  const shown = lines.slice(0, 5).join(", ");
  const more = lines.length > 5 ? ` and ${lines.length - 5} more places` : "";
  return `later changes touch the same lines, near line ${shown}${more}`;
}
