/** A file, link or submodule of a commit. */
export type Entry = { readonly mode: string; readonly sha: string };
/** Everything but folders of a commit, by path. */
export type Tree = ReadonlyMap<string, Entry>;

/** The trees of a revert: after the change, before it, and now. */
export type RevertTrees = { readonly changed: Tree; readonly before: Tree; readonly now: Tree };

/** What taking a change back does to one path. */
export type PathStep =
  /** It becomes this; undefined: it goes. */
  | { readonly path: string; readonly kind: "take"; readonly entry: Entry | undefined }
  /** Its content was changed since, so the lines have to be merged. */
  | {
      readonly path: string;
      readonly kind: "merge";
      readonly mode: string;
      readonly blobs: { readonly base: string; readonly ours: string; readonly theirs: string };
    }
  | { readonly path: string; readonly kind: "conflict"; readonly why: string };

/**
 * The three-way merge of trees that git does for a revert, without following renames: base is the tree after the change,
 * ours is the tree now, theirs the tree before the change. Only paths that the change touched can have a step; those that
 * stand already as they were before have none.
 */
export function mergeTrees({ changed, before, now }: RevertTrees): readonly PathStep[] {
  const paths = [...new Set([...changed.keys(), ...before.keys()])].sort();
  const steps = paths.flatMap((path): readonly PathStep[] => {
    const step = stepOf(path, { base: changed.get(path), ours: now.get(path), theirs: before.get(path) });
    return step === undefined ? [] : [step];
  });
  return [...steps, ...clashes(steps, now)];
}

type Sides = { readonly base: Entry | undefined; readonly ours: Entry | undefined; readonly theirs: Entry | undefined };

function stepOf(path: string, { base, ours, theirs }: Sides): PathStep | undefined {
  if (equal(base, theirs) || equal(ours, theirs)) return undefined;
  if (equal(base, ours)) return takeOf(path, theirs);
  if (ours === undefined) return { path, kind: "conflict", why: "the file was removed since" };
  if (theirs === undefined)
    return { path, kind: "conflict", why: "the change added the file, and it was changed since" };
  if (base === undefined)
    return { path, kind: "conflict", why: "the change removed the file, and another took its place" };
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
    .filter((step) => step.kind === "take" && step.entry !== undefined && !now.has(step.path))
    .filter(({ path }) => folders.has(path) || foldersOf(path).some((folder) => there.has(folder)))
    .map(({ path }) => ({
      path,
      kind: "conflict",
      why: "a file and a folder of the same name stand in each other's way",
    }));
}

function foldersOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

function equal(one: Entry | undefined, other: Entry | undefined): boolean {
  return one?.sha === other?.sha && one?.mode === other?.mode;
}
