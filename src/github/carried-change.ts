/** A file as a tree has it. */
export type TreeFile = { readonly mode: string; readonly sha: string };
export type TreeFiles = ReadonlyMap<string, TreeFile>;

/** One path as it is after a change; `null`: it is gone. */
export type CarriedFile = readonly [path: string, after: TreeFile | null];

/** Trees of a branch: where it left another one, where it is now, and where that other one is now. */
export type Trees = { readonly common: TreeFiles; readonly head: TreeFiles; readonly base: TreeFiles };

/**
 * What a branch changed since it left the other one, to be put on top of where that is now. A path that both changed is
 * named and nothing is guessed; one that both left alike needs nothing.
 */
export function carriedChange({ common, head, base }: Trees): {
  readonly changes: readonly CarriedFile[];
  readonly conflicts: readonly string[];
} {
  const changes: CarriedFile[] = [];
  const conflicts: string[] = [];
  for (const path of [...new Set([...common.keys(), ...head.keys()])].sort()) {
    const [before, after, now] = [common.get(path), head.get(path), base.get(path)];
    if (isSame(before, after) || isSame(after, now)) continue;
    if (isSame(before, now)) changes.push([path, after ?? null]);
    else conflicts.push(path);
  }
  return { changes, conflicts };
}

function isSame(a: TreeFile | undefined, b: TreeFile | undefined): boolean {
  return a?.sha === b?.sha && a?.mode === b?.mode;
}
