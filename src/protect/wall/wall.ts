import type { StageVerdict } from "../../model/verdict.ts";
import { sha256 } from "../digest.ts";
import { parsePatch, pathsOf } from "../patch.ts";
import type { Patch } from "../patch-form.ts";
import {
  collisionsOf,
  DEFAULT_LIMITS,
  describeMode,
  type Fault,
  failWith,
  judgeScope,
  reviewsOf,
} from "../patch-rules.ts";
import { judgeViews } from "./agreement.ts";
import { patchOfBundle } from "./bundle.ts";
import { type Change, refuse, type WallRefusal, type WallResult, type WallRules } from "./change.ts";
import { ownView } from "./own-view.ts";
import type { BaseTree, TreeEntry, WallGit } from "./wall-git.ts";

/** A bundle is packed, with headers of its own; a patch of the largest size fits into this many times its limit. */
const BUNDLE_SHARE = 4;

/**
 * The one wall around every change from outside. In order: size, digest, freshness, our strict reading, the target's
 * rules, the base, our own application, git's reading and application in a scratch repository, the tree that came of it;
 * all views must be the same. One change at a time on one `git`. Refuses with reasons of the closed set; throws only where git cannot be run
 * (`git_failed`, `not_a_repository`). Nothing outside `git`'s scratch repository is written.
 */
export async function passWall(git: WallGit, change: Change, rules: WallRules): Promise<WallResult> {
  const refused = sizeRefusal(change, rules) ?? bindingRefusal(change);
  if (refused !== undefined) return refused;
  await git.clear();
  const base = await git.base(change.baseSha);
  if (base === undefined) {
    return refuse("base_missing", `The base commit ${change.baseSha} is not in this repository.`);
  }
  if (change.kind === "diff") return await passPatch(git, { change, base, patch: change.bytes }, rules);
  const made = await patchOfBundle(git, { change, base });
  if (!made.ok) return made;
  const large = sizeRefusal({ kind: "diff", bytes: made.patch }, rules);
  if (large !== undefined) return large;
  const result = await passPatch(git, { change, base, patch: made.patch }, rules);
  if (!result.ok || result.tree === made.tree) return result;
  return refuse("views_disagree", `The bundle leads to tree ${made.tree}, its patch to ${result.tree}.`);
}

/** Before anything is read: what is too large costs nothing. */
function sizeRefusal({ kind, bytes }: Pick<Change, "kind" | "bytes">, { limits }: WallRules): WallRefusal | undefined {
  const most = { ...DEFAULT_LIMITS, ...limits }.bytes * (kind === "bundle" ? BUNDLE_SHARE : 1);
  if (bytes.length === 0) return refuse("patch_empty", "The change has 0 bytes.");
  // Characters are at most as many as bytes, so a text that is too long in them is too long in bytes.
  if (bytes.length <= most) return undefined;
  return refuse("size_exceeded", `The change has ${bytes.length} bytes or more, at most ${most} are allowed.`);
}

function bindingRefusal({ bytes, digest, head, baseSha }: Change): WallRefusal | undefined {
  if (digest !== undefined && sha256(bytes) !== digest) {
    return refuse("digest_mismatch", `The change has digest ${sha256(bytes)}, ${digest} was recorded.`);
  }
  if (head === undefined || head === baseSha) return undefined;
  return refuse("base_moved", `The branch is at ${head}, the change was made on ${baseSha}.`);
}

type Parts = { readonly change: Change; readonly base: BaseTree; readonly patch: Uint8Array | string };

async function passPatch(git: WallGit, { change, base, patch: given }: Parts, rules: WallRules): Promise<WallResult> {
  const text = textOf(given);
  if (text === undefined) return refuse("patch_unparseable", "The patch is not UTF-8: nobody can review it.");
  const read = parsePatch(text);
  if (!read.ok) return refuse(read.reason, read.detail);
  const { patch } = read;
  const judged = firstFailure([() => judgeScope(patch, rules), () => judgeOnBase(patch, base)]);
  if (judged !== undefined) return refuse(judged.reasons, ...judged.details);
  const entries = new Map(base.entries.map((entry) => [entry.path, entry]));
  const ours = ownView(patch, { tree: base.tree, entries, contents: await contentsOf(git, patch, entries) });
  if (!ours.ok) return refuse("patch_does_not_apply", `By our own reading: ${ours.detail}.`);
  const applied = await git.apply(change.baseSha, Buffer.from(text, "utf8"));
  if (!applied.ok) return refuse("patch_does_not_apply", `git apply says: ${applied.detail}`);
  const tree = await git.diffTree(base.tree, applied.tree);
  const evidence = { ours: ours.changes, read: applied.reading, tree };
  const views = judgeViews(patch, evidence);
  if (views.verdict !== "pass") return { ...refuse(views.reasons, ...views.details), evidence };
  if (ours.changes.length === 0)
    return { ...refuse("patch_empty", "The patch leaves everything as it was."), evidence };
  const paths = patch.files.flatMap(pathsOf);
  const details = [`Three views agree on ${ours.changes.length} changed paths.`];
  return { ok: true, patch: text, tree: applied.tree, evidence, reviews: reviewsOf(paths, rules), details };
}

function textOf(given: Uint8Array | string): string | undefined {
  if (typeof given === "string") return given.isWellFormed() ? given : undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(given);
  } catch {
    return undefined;
  }
}

function firstFailure(judges: readonly (() => StageVerdict)[]): StageVerdict | undefined {
  for (const judge of judges) {
    const verdict = judge();
    if (verdict.verdict !== "pass") return verdict;
  }
  return undefined;
}

/** What can only be told with the base at hand: names that collide with its names, and what is no plain file there. */
function judgeOnBase(patch: Patch, { entries }: BaseTree): StageVerdict {
  const gone = new Set(patch.files.flatMap(({ oldPath, newPath }) => (oldPath === newPath ? [] : (oldPath ?? []))));
  const made = patch.files.flatMap(({ oldPath, newPath }) => (oldPath === newPath ? [] : (newPath ?? [])));
  const left = entries.filter(({ path }) => !gone.has(path));
  const faults = [
    ...specialFaults(patch.files.flatMap(pathsOf), entries),
    ...collisionsOf(
      made,
      left.map(({ path }) => path),
    ),
    // What lies below a link or submodule is said above.
    ...nestingFaults(made, [...left.filter(({ mode }) => PLAIN.has(mode)).map(({ path }) => path), ...made]),
  ];
  return faults.length === 0 ? { verdict: "pass", reasons: ["ok"], details: [] } : failWith(faults);
}

const PLAIN = new Set(["100644", "100755"]);

/** Paths that are a link or submodule in the base, or lie below one. */
function specialFaults(paths: readonly string[], entries: readonly TreeEntry[]): readonly Fault[] {
  const special = entries.filter(({ mode }) => !PLAIN.has(mode));
  return special
    .filter(({ path }) => paths.some((one) => one === path || one.startsWith(`${path}/`)))
    .map(({ path, mode }) => ({
      reason: "mode_forbidden",
      detail: `${JSON.stringify(path)} is ${describeMode(mode)} in the base.`,
    }));
}

/** New paths that are a folder of another file, or lie below one. */
function nestingFaults(made: readonly string[], all: readonly string[]): readonly Fault[] {
  return made.flatMap((path) =>
    all
      .filter((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`))
      .map((other): Fault => ({
        reason: "path_collision",
        detail: `${JSON.stringify(path)} and ${JSON.stringify(other)} cannot both be: one is a folder of the other.`,
      })),
  );
}

async function contentsOf(git: WallGit, patch: Patch, entries: ReadonlyMap<string, TreeEntry>) {
  const ids = patch.files.map(({ oldPath }) => (oldPath === undefined ? undefined : entries.get(oldPath)?.id));
  const objects = await git.objects([...new Set(ids.filter((id) => id !== undefined))]);
  return new Map([...objects].map(([id, { bytes }]) => [id, bytes]));
}
