import { WhetstoneError } from "../model/error.ts";
import type { CatFile } from "./cat-file.ts";
import {
  FOLDER_MODE,
  type FolderEntry,
  folderObject,
  formatOf,
  type NewObject,
  type ObjectFormat,
  objectId,
  readFolder,
} from "./git-object.ts";

type Folder = ReadonlyMap<string, FolderEntry>;

/** The files of a tree; a folder is read when something in it is asked for. Paths are relative, parts between slashes. */
export type GitTree = {
  /** Id of the tree; undefined when there is none yet. */
  readonly id: string | undefined;
  /** Entries of a folder by name; undefined when there is no such folder. The root is the empty path. */
  readonly folder: (path: string) => Promise<Folder | undefined>;
  /** The entry at a path, file or folder. */
  readonly entry: (path: string) => Promise<FolderEntry | undefined>;
  /** Every file in a folder and below it: path → id. */
  readonly files: (path: string) => Promise<ReadonlyMap<string, string>>;
};

/** Opens a tree by its id; undefined stands for one without files. Errors: those of `get`, `git_failed`. */
export function openGitTree(get: CatFile, id: string | undefined): GitTree {
  const known = new Map<string, Promise<Folder | undefined>>();
  const read = async (path: string): Promise<Folder | undefined> => {
    if (path === "") return id === undefined ? new Map() : await folderAt(get, id);
    const found = await entry(path);
    return found?.mode === FOLDER_MODE ? await folderAt(get, found.id) : undefined;
  };
  const folder: GitTree["folder"] = (path) => {
    const reading = known.get(path) ?? read(path);
    known.set(path, reading);
    return reading;
  };
  const entry: GitTree["entry"] = async (path) => {
    const cut = path.lastIndexOf("/");
    return (await folder(path.slice(0, Math.max(cut, 0))))?.get(path.slice(cut + 1));
  };
  const files: GitTree["files"] = async (path) => {
    const entries = [...((await folder(path)) ?? new Map<string, FolderEntry>()).values()];
    const parts = entries.map(async ({ name, mode, id: at }): Promise<Iterable<[string, string]>> => {
      const below = path === "" ? name : `${path}/${name}`;
      return mode === FOLDER_MODE ? await files(below) : [[below, at]];
    });
    return new Map((await Promise.all(parts)).flatMap((part) => [...part]));
  };
  return { id, folder, entry, files };
}

async function folderAt(get: CatFile, id: string): Promise<Folder> {
  const found = await get(id);
  if (found?.type !== "tree") throw unreadable(id, "is missing in the repository");
  const entries = readFolder(found.bytes, formatOf(id));
  const isExact = entries.every(({ name }) => !name.includes("\ufffd"));
  if (!isExact) throw unreadable(id, "holds a name that is not UTF-8");
  return new Map(entries.map((entry) => [entry.name, entry]));
}

function unreadable(id: string, why: string): WhetstoneError {
  return new WhetstoneError("git_failed", `The folder ${id} of the state ${why}.`, {
    remedy: "The repository is damaged or was changed by hand: run git fsck, and look at git log whetstone/state.",
    data: { id },
  });
}

/** A tree that was made from another one, and the objects that it needs besides those that were there. */
export type ChangedTree = { readonly id: string; readonly objects: readonly NewObject[] };

/** The tree with files written (text) and removed (null); folders without files go. */
export async function changeTree(
  tree: GitTree,
  change: ReadonlyMap<string, string | null>,
  format: ObjectFormat,
): Promise<ChangedTree> {
  const objects = new Map<string, NewObject>();
  const store = (object: NewObject, before: string | undefined): string => {
    const id = objectId(object, format);
    if (id !== before) objects.set(id, object);
    return id;
  };
  const rewrite = async (path: string, wanted: ReadonlyMap<string, string | null>): Promise<string | undefined> => {
    const entries = new Map(await tree.folder(path));
    for (const [name, content] of wanted) {
      if (content === null && entries.get(name)?.mode !== FOLDER_MODE) entries.delete(name);
    }
    for (const [name, below] of byFolder(wanted)) {
      const id = await rewrite(path === "" ? name : `${path}/${name}`, below);
      if (id !== undefined) entries.set(name, { mode: FOLDER_MODE, name, id });
      else if (entries.get(name)?.mode === FOLDER_MODE) entries.delete(name);
    }
    for (const [name, content] of wanted) {
      if (content === null || name.includes("/")) continue;
      const id = store({ type: "blob", bytes: Buffer.from(content) }, entries.get(name)?.id);
      entries.set(name, { mode: "100644", name, id });
    }
    return entries.size === 0 ? undefined : store(folderObject(entries.values()), undefined);
  };
  const id = (await rewrite("", change)) ?? store(folderObject([]), undefined);
  return { id, objects: [...objects.values()] };
}

/** What is wanted below each folder of this one, by paths from there. */
function byFolder(wanted: ReadonlyMap<string, string | null>): ReadonlyMap<string, ReadonlyMap<string, string | null>> {
  const folders = new Map<string, Map<string, string | null>>();
  for (const [path, content] of wanted) {
    const cut = path.indexOf("/");
    if (cut === -1) continue;
    const below = folders.get(path.slice(0, cut)) ?? new Map<string, string | null>();
    folders.set(path.slice(0, cut), below.set(path.slice(cut + 1), content));
  }
  return folders;
}

/** The files that could stand in the way of what a change writes: in place of its folders, or below its files. */
export async function filesInTheWay(
  tree: GitTree,
  change: ReadonlyMap<string, string | null>,
): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const [path, content] of change) {
    if (content === null) continue;
    for (let cut = path.indexOf("/"); cut !== -1; cut = path.indexOf("/", cut + 1)) {
      const above = await tree.entry(path.slice(0, cut));
      if (above !== undefined && above.mode !== FOLDER_MODE) found.add(path.slice(0, cut));
    }
    for (const below of (await tree.files(path)).keys()) found.add(below);
  }
  return [...found];
}
