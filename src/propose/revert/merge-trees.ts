import type { Renames } from "./renames.ts";

/** A file, link or submodule of a commit. */
export type Entry = { readonly mode: string; readonly sha: string };
/** Everything but folders of a commit, by path. */
export type Tree = ReadonlyMap<string, Entry>;

/** The trees of a revert: after the change, before it, and now. */
export type RevertTrees = { readonly changed: Tree; readonly before: Tree; readonly now: Tree };

/** What taking a change back does to one path; `from`: the path after the change, where the file was renamed. */
export type PathStep = { readonly path: string; readonly from?: string } & PathAct;

type PathAct =
  /** It becomes this; undefined: it goes. */
  | { readonly kind: "take"; readonly entry: Entry | undefined }
  /** Its content was changed since, so the lines have to be merged. */
  | {
      readonly kind: "merge";
      readonly mode: string;
      readonly blobs: { readonly base: string; readonly ours: string; readonly theirs: string };
    }
  | { readonly kind: "conflict"; readonly why: string };

/**
 * The three-way merge of trees that git does for a revert: base is the tree after the change, ours is the tree now, theirs
 * the tree before the change. Only paths that the change touched, and what they were renamed to, can have a step; those
 * that stand already as they were before have none. Where a rename or a move of a folder is not certain it is a conflict.
 */
export function mergeTrees(trees: RevertTrees, renames: Renames): readonly PathStep[] {
  const { changed, before, now } = trees;
  const paths = [...new Set([...changed.keys(), ...before.keys()])].sort();
  const moved = paths.map((path) => movedStep(path, trees, renames));
  const taken = new Set(moved.flatMap((steps) => steps?.map(({ path }) => path) ?? []));
  const steps = paths.flatMap((path, index): readonly PathStep[] => {
    const own = moved[index];
    if (own !== undefined) return own;
    if (taken.has(path)) return [];
    const step = stepOf(path, { base: changed.get(path), ours: now.get(path), theirs: before.get(path) });
    return step === undefined ? [] : [step];
  });
  return [...steps, ...clashes(steps, now), ...movedFolders(steps, trees, renames)];
}

/** The steps of a file that is gone on one side; undefined where that matters to nothing. */
function movedStep(path: string, trees: RevertTrees, renames: Renames): readonly PathStep[] | undefined {
  const [since, back] = [renames.ours.get(path), renames.theirs.get(path)];
  const { changed, before, now } = trees;
  const base = changed.get(path);
  const found = [since, back].find((one) => one !== undefined && one.kind !== "none");
  if (base === undefined || found === undefined) return undefined;
  if (found.kind === "unclear") return [conflict(path, found.why)];
  // Gone on both sides, and renamed on one of them.
  if (!now.has(path) && !before.has(path)) return [conflict(path, "it was renamed or removed since")];
  if (now.has(found.path) && before.has(found.path)) return [conflict(path, `${found.path} is another file`)];
  const ours = now.get(path) ?? now.get(found.path);
  const theirs = before.get(path) ?? before.get(found.path);
  if (ours === undefined || theirs === undefined) return [conflict(path, "it was renamed or removed since")];
  const sides = { base, ours, theirs };
  if (now.has(path)) return [{ path, kind: "take", entry: undefined }, backTo(found.path, path, sides)];
  const step = stepOf(found.path, sides);
  return step === undefined ? [] : [{ ...step, from: path }];
}

/** A file that the change had renamed gets its name back, and keeps what was changed in it since. */
function backTo(path: string, from: string, sides: Three): PathStep {
  const { base, ours, theirs } = sides;
  if (equal(base, theirs) || equal(ours, theirs)) return { ...takeOf(path, ours), from };
  const step = mergeEntries(path, sides);
  return { ...step, from };
}

function conflict(path: string, why: string): PathStep {
  return { path, kind: "conflict", why };
}

/** Files that come into a folder which was renamed on the other side: git asks where they belong. */
function movedFolders(steps: readonly PathStep[], trees: RevertTrees, { theirs }: Renames): readonly PathStep[] {
  const { changed, before, now } = trees;
  const [base, there, back] = [changed, now, before].map((tree) => new Set([...tree.keys()].flatMap(foldersOf)));
  const isLost = (folder: string, side: ReadonlySet<string> | undefined): boolean =>
    base?.has(folder) === true && side?.has(folder) === false;
  const came = steps.filter((step) => step.kind !== "conflict" && !now.has(step.path) && !isRemoval(step));
  const lost = came.filter(({ path }) => foldersOf(path).some((folder) => isLost(folder, there)));
  const grown = [...now.keys()].filter(
    (path) => !changed.has(path) && foldersOf(path).some((folder) => isLost(folder, back)),
  );
  const wasMoved = came.length > 0 || [...theirs.values()].some(({ kind }) => kind !== "none");
  return [
    ...lost.map(({ path }) => conflict(path, "its folder was moved or removed since")),
    ...(wasMoved ? grown : []).map((path) => conflict(path, "it came to a folder that the change had moved")),
  ];
}

function isRemoval(step: PathStep): boolean {
  return step.kind === "take" && step.entry === undefined;
}

type Sides = { readonly base: Entry | undefined; readonly ours: Entry | undefined; readonly theirs: Entry | undefined };

function stepOf(path: string, { base, ours, theirs }: Sides): PathStep | undefined {
  if (equal(base, theirs) || equal(ours, theirs)) return undefined;
  if (equal(base, ours)) return takeOf(path, theirs);
  if (ours === undefined) return conflict(path, "the file was removed since");
  if (theirs === undefined) return conflict(path, "the change added the file, and it was changed since");
  if (base === undefined) return conflict(path, "the change removed the file, and another took its place");
  return mergeEntries(path, { base, ours, theirs });
}

function takeOf(path: string, entry: Entry | undefined): PathStep {
  if (entry === undefined || entry.mode.startsWith("100") || entry.mode === "120000")
    return { path, kind: "take", entry };
  return { path, kind: "conflict", why: "a submodule has to be set back by hand" };
}

type Three = { readonly base: Entry; readonly ours: Entry; readonly theirs: Entry };

/** Modes are merged as contents are: who changed it alone has his way. */
function mergeEntries(path: string, { base, ours, theirs }: Three): PathStep {
  const regular = [base, ours, theirs].every(({ mode }) => mode.startsWith("100"));
  if (!regular) return { path, kind: "conflict", why: "a link or submodule was changed on both sides" };
  if (base.mode !== ours.mode && base.mode !== theirs.mode && ours.mode !== theirs.mode)
    return { path, kind: "conflict", why: "the mode of the file was changed on both sides" };
  const mode = base.mode === ours.mode ? theirs.mode : ours.mode;
  if (base.sha === theirs.sha || ours.sha === theirs.sha) return { path, kind: "take", entry: { mode, sha: ours.sha } };
  if (base.sha === ours.sha) return { path, kind: "take", entry: { mode, sha: theirs.sha } };
  return { path, kind: "merge", mode, blobs: { base: base.sha, ours: ours.sha, theirs: theirs.sha } };
}

/** A file that comes back where there is a folder now, or below what is a file now. */
function clashes(steps: readonly PathStep[], now: Tree): readonly PathStep[] {
  const gone = new Set(steps.flatMap((step) => (step.kind === "take" && step.entry === undefined ? [step.path] : [])));
  const there = new Set([...now.keys()].filter((path) => !gone.has(path)));
  const folders = new Set([...there].flatMap(foldersOf));
  return steps
    .filter((step) => step.kind !== "conflict" && !isRemoval(step) && !now.has(step.path))
    .filter(({ path }) => folders.has(path) || foldersOf(path).some((folder) => there.has(folder)))
    .map(({ path }) => conflict(path, "a file and a folder of the same name stand in each other's way"));
}

function foldersOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

function equal(one: Entry | undefined, other: Entry | undefined): boolean {
  return one?.sha === other?.sha && one?.mode === other?.mode;
}
