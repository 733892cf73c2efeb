import { byPath, objectId } from "./own-view.ts";
import type { RawChange } from "./change.ts";
import type { BaseTree, GitObject, TreeEntry } from "./wall-git.ts";

/** What a tree differs in from the base's by our own reading of its objects, or why it cannot be read. */
export type TreeView =
  | { readonly ok: true; readonly changes: readonly RawChange[] }
  | {
      readonly ok: false;
      readonly reason: "bundle_unreadable" | "path_forbidden" | "mode_forbidden";
      readonly detail: string;
    };

type Refusal = Extract<TreeView, { ok: false }>;
type Reader = (ids: readonly string[]) => Promise<ReadonlyMap<string, GitObject>>;
type Folder = { readonly path: string; readonly id: string };

/** Folders that a change may alter: a proposal touches few files, each in few folders. */
const MOST_FOLDERS = 2_000;

/**
 * Reads a tree object by object, from the top down and only where it differs from the base, and checks each object
 * against its id.
 */
export async function treeView(read: Reader, base: BaseTree, tree: string): Promise<TreeView> {
  const found = new Map<string, TreeEntry>();
  const same = new Set<string>();
  let [level, count] = [[{ path: "", id: tree }] as readonly Folder[], 0];
  while (level.length > 0) {
    const unlike = level.filter(({ path, id }) => (path === "" ? base.tree : base.folders.get(path)) !== id);
    for (const folder of level) if (!unlike.includes(folder)) same.add(folder.path);
    count += unlike.length;
    if (count > MOST_FOLDERS) return unreadable(`it alters more than ${MOST_FOLDERS} folders`);
    const objects = await read(unlike.map(({ id }) => id));
    const next: Folder[] = [];
    for (const folder of unlike) {
      const entries = readTree(folder, objects.get(folder.id));
      if ("ok" in entries) return entries;
      for (const entry of entries) {
        if (entry.mode === "40000") next.push(entry);
        else found.set(entry.path, entry);
      }
    }
    level = next;
  }
  return { ok: true, changes: compare(base, { found, same }) };
}

function unreadable(detail: string): Refusal {
  return { ok: false, reason: "bundle_unreadable", detail };
}

/** `mode SP name NUL id`, again and again (gitformat-pack has no text for it; tree-walk.c reads it). */
function readTree(folder: Folder, object: GitObject | undefined): readonly TreeEntry[] | Refusal {
  const where = JSON.stringify(folder.path === "" ? "/" : folder.path);
  if (object?.type !== "tree") return unreadable(`the folder ${where} is missing`);
  const bytes = Buffer.from(object.bytes);
  if (objectId("tree", bytes, folder.id.length) !== folder.id) return unreadable(`the folder ${where} has another id`);
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(" ", at);
    const nul = bytes.indexOf(0, at);
    const end = nul + 1 + folder.id.length / 2;
    if (blank < 0 || nul < blank || end > bytes.length) return unreadable(`the folder ${where} is cut off`);
    const mode = bytes.toString("latin1", at, blank);
    const name = nameOf(bytes.subarray(blank + 1, nul));
    if (name === undefined) {
      return { ok: false, reason: "path_forbidden", detail: `the folder ${where} holds a name that is not UTF-8` };
    }
    if (!/^(?:40000|100644|100755|120000|160000)$/.test(mode)) {
      return { ok: false, reason: "mode_forbidden", detail: `${JSON.stringify(name)} has mode ${mode}` };
    }
    const path = folder.path === "" ? name : `${folder.path}/${name}`;
    entries.push({ mode, path, id: bytes.toString("hex", nul + 1, end) });
    at = end;
  }
  return entries;
}

function nameOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

type Seen = { readonly found: ReadonlyMap<string, TreeEntry>; readonly same: ReadonlySet<string> };

function compare({ entries }: BaseTree, { found, same }: Seen): readonly RawChange[] {
  const before = new Map(entries.filter(({ path }) => !liesIn(path, same)).map((entry) => [entry.path, entry]));
  const changes: RawChange[] = [];
  for (const path of new Set([...before.keys(), ...found.keys()])) {
    const [old, now] = [before.get(path), found.get(path)];
    if (old?.mode === now?.mode && old?.id === now?.id) continue;
    const sides = {
      oldMode: old?.mode ?? null,
      newMode: now?.mode ?? null,
      oldId: old?.id ?? null,
      newId: now?.id ?? null,
    };
    changes.push({ path, ...sides });
  }
  return changes.sort(byPath);
}

function liesIn(path: string, folders: ReadonlySet<string>): boolean {
  if (folders.has("")) return true;
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1))
    if (folders.has(path.slice(0, at))) return true;
  return false;
}
