import type { FileChange } from "../../github/commit-port.ts";
import type { History } from "../../github/history-port.ts";
import type { CommitSha, Digest } from "../../model/json.ts";
import { digestOf, sha256 } from "../../protect/digest.ts";
import { type FileText, introducedNames, type Use, usesOf } from "./dependence.ts";
import { mergeLines } from "./merge-lines.ts";
import { mergeTrees, type PathStep, type RevertTrees, type Tree } from "./merge-trees.ts";
import { findRenames } from "./renames.ts";

/** The commits of a revert: the one before the change, the one after it, and the one that it is taken back on. */
export type RevertCommits = { readonly before: CommitSha; readonly changed: CommitSha; readonly now: CommitSha };

/** A path that cannot be taken back without a person, and why. */
export type Conflict = { readonly path: string; readonly why: string };

/** What taking a change back comes to. */
export type RevertPlan =
  | {
      readonly kind: "clean";
      readonly files: readonly FileChange[];
      /** Files of the change that were changed since on other lines. */
      readonly mergedFiles: readonly string[];
      /** Later lines that use what goes away, the first ones; `useCount` says how many there are. */
      readonly uses: readonly Use[];
      readonly useCount: number;
      /** Files that were changed since and are too large or too many to be searched for such lines. */
      readonly unsearched: number;
      /** Digest over commits and resulting files: the same proof comes of the same commits. */
      readonly digest: Digest;
    }
  | { readonly kind: "conflict"; readonly conflicts: readonly Conflict[] }
  /** Nothing of the change is there any more. */
  | { readonly kind: "nothing" };

type Reader = Pick<History, "tree" | "blob">;

/** Files that are searched for uses at most, and bytes of each. */
const MOST_SEARCHED = 200;
const LARGEST_SEARCHED = 512 * 1024;
const MOST_USES = 20;

/**
 * Prepares taking a change back, in memory: a three-way merge with git's semantics, and a search for later lines that use
 * what goes away. Nothing is written; the same commits give the same plan.
 * @throws WhetstoneError `api_failed`
 */
export async function planRevert(history: Reader, commits: RevertCommits): Promise<RevertPlan> {
  const { before, changed, now } = commits;
  const trees = {
    before: await history.tree(before),
    changed: await history.tree(changed),
    now: await history.tree(now),
  };
  const steps = mergeTrees(trees, await findRenames(history, trees));
  if (steps.length === 0) return { kind: "nothing" };
  const files: FileChange[] = [];
  const conflicts: Conflict[] = [];
  for (const step of steps) {
    const done = await carryOut(history, step);
    if ("why" in done) conflicts.push({ path: step.path, why: done.why });
    else files.push(done);
  }
  if (conflicts.length > 0) return { kind: "conflict", conflicts };
  const { uses, unsearched } = await dependents(history, trees, steps);
  const mergedFiles = steps.filter(({ kind }) => kind === "merge").map(({ path }) => path);
  const digest = digestOf({ commits, files: files.map(digestable) });
  return {
    kind: "clean",
    files,
    mergedFiles,
    uses: uses.slice(0, MOST_USES),
    useCount: uses.length,
    unsearched,
    digest,
  };
}

function digestable({ path, mode, bytes }: FileChange) {
  return { path, mode, sha256: bytes === null ? null : sha256(bytes) };
}

async function carryOut(history: Reader, step: PathStep): Promise<FileChange | { readonly why: string }> {
  const { path } = step;
  switch (step.kind) {
    case "conflict":
      return { why: step.why };
    case "take": {
      if (step.entry === undefined) return { path, mode: null, bytes: null };
      return { path, mode: step.entry.mode, bytes: await history.blob(step.entry.sha) };
    }
    case "merge": {
      const [base, ours, theirs] = await Promise.all(
        [step.blobs.base, step.blobs.ours, step.blobs.theirs].map((blob) => history.blob(blob)),
      );
      const empty = new Uint8Array();
      const merged = mergeLines({ base: base ?? empty, ours: ours ?? empty, theirs: theirs ?? empty });
      return merged.kind === "clean" ? { path, mode: step.mode, bytes: merged.bytes } : { why: merged.why };
    }
  }
}

type Dependents = { readonly uses: readonly Use[]; readonly unsearched: number };

/** Later lines that use a name which only the change brought; of a file that was renamed the lines are later than its own. */
async function dependents(history: Reader, trees: RevertTrees, steps: readonly PathStep[]): Promise<Dependents> {
  const touched = new Set(steps.flatMap(({ path, from }) => (from === undefined ? [path] : [path, from])));
  const names = introducedNames(
    await textsOf(history, trees.before, [...touched]),
    await textsOf(history, trees.changed, [...touched]),
  );
  if (names.size === 0) return { uses: [], unsearched: 0 };
  const origins = new Map(steps.flatMap(({ path, from }) => (from === undefined ? [] : [[path, from] as const])));
  const origin = (path: string): string => origins.get(path) ?? path;
  const later = [...trees.now.keys()].filter(
    (path) => trees.now.get(path)?.sha !== trees.changed.get(origin(path))?.sha,
  );
  const searched = later.slice(0, MOST_SEARCHED);
  const now = await textsOf(history, trees.now, searched);
  const readable = now.filter(({ text }) => text !== undefined);
  const changed = await textsOf(history, trees.changed, searched.map(origin));
  return {
    uses: usesOf(names, {
      touched,
      changed: changed.map(({ text }, index) => ({ path: searched[index] ?? "", text })),
      now: readable,
    }),
    unsearched: later.length - readable.length,
  };
}

async function textsOf(history: Reader, tree: Tree, paths: readonly string[]): Promise<readonly FileText[]> {
  const texts: FileText[] = [];
  for (const path of paths) {
    const entry = tree.get(path);
    const bytes = entry?.mode.startsWith("100") === true ? await history.blob(entry.sha) : undefined;
    const readable = bytes !== undefined && bytes.length <= LARGEST_SEARCHED && !bytes.includes(0);
    texts.push({ path, text: readable ? new TextDecoder().decode(bytes) : undefined });
  }
  return texts;
}
