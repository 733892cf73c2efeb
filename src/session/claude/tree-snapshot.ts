import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

/** What stands at each path of a folder, ignored files too: enough to tell whether anybody wrote it since. */
export type TreeSnapshot = ReadonlyMap<string, Standing>;

/** `stamp`: mode, size, inode and times of a file, or where a link leads; a change of the content changes it. */
export type Standing = { readonly kind: "file" | "link" | "other"; readonly stamp: string };

/** A path that differs between two snapshots, and what stands there; absent sides are undefined. */
export type TreeChange = {
  readonly path: string;
  readonly before: Standing["kind"] | undefined;
  readonly after: Standing["kind"] | undefined;
};

/** Folders read at once. */
const WIDTH = 16;

/**
 * Looks at every file below a folder but git's own entry at its top, without reading content: the kernel changes a file's
 * ctime with every write, and nobody without its clock can set that back. Folders count by
 * what is in them.
 */
export async function snapshotTree(root: string): Promise<TreeSnapshot> {
  const found = new Map<string, Standing>();
  const waiting = [""];
  const work = async (): Promise<void> => {
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (path === ".git") continue;
        if (entry.isDirectory()) waiting.push(path);
        else found.set(path, await standingOf(join(root, path)));
      }
    }
  };
  while (waiting.length > 0) await Promise.all(Array.from({ length: WIDTH }, work));
  return found;
}

async function standingOf(path: string): Promise<Standing> {
  const stat = await lstat(path, { bigint: true });
  if (stat.isSymbolicLink()) return { kind: "link", stamp: await readlink(path) };
  const { mode, size, ino, mtimeNs, ctimeNs } = stat;
  return { kind: stat.isFile() ? "file" : "other", stamp: [mode, size, ino, mtimeNs, ctimeNs].join(" ") };
}

/** Paths that were added, removed or written between two snapshots, sorted. */
export function treeChanges(before: TreeSnapshot, after: TreeSnapshot): readonly TreeChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old?.kind === now?.kind && old?.stamp === now?.stamp) return [];
    return [{ path, before: old?.kind, after: now?.kind }];
  });
}
