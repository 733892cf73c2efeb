import type { ReasonCode } from "../../model/codes.ts";
import { describeMode } from "../patch-rules.ts";
import { type BundleHeader, readBundleHeader } from "./bundle-header.ts";
import { type Change, type RawChange, refuse, type WallRefusal } from "./change.ts";
import { objectId } from "./own-view.ts";
import { packFault } from "./pack.ts";
import { dangerOf } from "./path-form.ts";
import { treeView } from "./tree-view.ts";
import type { BaseTree, WallGit } from "./wall-git.ts";

/** A bundle as the unified diff that it amounts to, and the tree that it leads to. */
export type BundlePatch = { readonly ok: true; readonly patch: Uint8Array; readonly tree: string };

/** Commits that a bundle may hold. */
const MOST_COMMITS = 20;

type Parts = { readonly change: Change; readonly base: BaseTree };

/**
 * Takes a bundle apart: header and pack by our own reading, then by git with fsck; commits in one line from the base,
 * no merge; the trees by our own reading, which must be git's.
 */
export async function patchOfBundle(git: WallGit, { change, base }: Parts): Promise<BundlePatch | WallRefusal> {
  const bundle = typeof change.bytes === "string" ? Buffer.from(change.bytes, "latin1") : change.bytes;
  const read = readBundleHeader(bundle);
  if (!read.ok) return refuse("bundle_unreadable", `The bundle cannot be read: ${read.detail}.`);
  const { header } = read;
  const refused = headerRefusal(header, change.baseSha) ?? packRefusal(bundle, header);
  if (refused !== undefined) return refused;
  const taken = await git.takeBundle(bundle, { packAt: header.packAt });
  if (!taken.ok) return refuse(reasonOf(taken.fault), `git refuses the bundle: ${taken.detail}`);
  const tip = header.tips[0]?.id ?? "";
  const agreed = taken.tips.length === 1 && taken.tips[0] === `${tip} ${header.tips[0]?.ref}`;
  if (!agreed) return refuse("views_disagree", `git reads the refs ${taken.tips.join(", ")} in the bundle.`);
  const tree = await treeOfLine(git, tip, change.baseSha);
  if (typeof tree !== "string") return tree;
  return await comparedTree(git, base, tree);
}

async function comparedTree(git: WallGit, base: BaseTree, tree: string): Promise<BundlePatch | WallRefusal> {
  const own = await treeView(git.objects, base, tree);
  if (!own.ok) return refuse(own.reason, `The bundle's tree is refused: ${own.detail}.`);
  const special = own.changes.flatMap(specialModes);
  if (special.length > 0) return refuse("mode_forbidden", ...special.slice(0, 20));
  // A name that the diff would have to quote in a way that hides something is refused before it is written.
  const odd = own.changes.flatMap(({ path }) =>
    dangerOf(path) === undefined ? [] : [`${JSON.stringify(path)} ${dangerOf(path)}.`],
  );
  if (odd.length > 0) return refuse("path_forbidden", ...odd.slice(0, 20));
  const theirs = await git.diffTree(base.tree, tree);
  if (JSON.stringify(own.changes) !== JSON.stringify(theirs)) {
    return refuse("views_disagree", "git sees other changes in the bundle's tree than our own reading of it.");
  }
  if (theirs.length === 0) return refuse("patch_empty", "The bundle leaves everything as it was.");
  return { ok: true, patch: await git.diff(base.tree, tree), tree };
}

function headerRefusal({ prerequisites, tips }: BundleHeader, baseSha: string): WallRefusal | undefined {
  if (tips.length !== 1) return refuse("bundle_unreadable", `The bundle has ${tips.length} refs; it must have one.`);
  if (prerequisites.length === 1 && prerequisites[0] === baseSha) return undefined;
  const said = prerequisites.length === 0 ? "nothing" : prerequisites.slice(0, 3).join(", ");
  return refuse("base_moved", `The bundle builds on ${said}; it must build on ${baseSha} alone.`);
}

function packRefusal(bundle: Uint8Array, { packAt, idLength }: BundleHeader): WallRefusal | undefined {
  const fault = packFault(bundle.subarray(packAt), idLength / 2);
  if (fault === undefined) return undefined;
  const reason = fault.kind === "damaged" ? "bundle_unreadable" : "size_exceeded";
  return refuse(reason, `The bundle's pack is refused: ${fault.detail}.`);
}

/** fsck's message ids (fsck-msgids) that stand for something else than damage. */
function reasonOf(fault: string | undefined): ReasonCode {
  if (fault === undefined) return "bundle_unreadable";
  if (/^(?:hasDot|hasDotdot|hasDotgit|emptyName|fullPathname|gitmodules|gitattributes|gitignore|mailmap)/.test(fault)) {
    return fault.endsWith("Symlink") ? "mode_forbidden" : "path_forbidden";
  }
  if (fault.endsWith("Filemode") || /symlink/i.test(fault)) return "mode_forbidden";
  return "bundle_unreadable";
}

/** The tree of a commit that follows from the base in one line. */
async function treeOfLine(git: WallGit, tip: string, baseSha: string): Promise<string | WallRefusal> {
  let tree: string | undefined;
  let id = tip;
  for (let count = 0; count < MOST_COMMITS; count += 1) {
    const object = (await git.objects([id])).get(id);
    if (object?.type !== "commit" || objectId("commit", object.bytes, id.length) !== id) {
      return refuse("bundle_unreadable", `${id} is no commit of the bundle.`);
    }
    const commit = readCommit(Buffer.from(object.bytes).toString("latin1"));
    tree ??= commit.tree;
    const [parent, ...others] = commit.parents;
    if (parent === undefined || others.length > 0) {
      return refuse("merge_forbidden", `Commit ${id} has ${commit.parents.length} parents; it must have one.`);
    }
    if (parent === baseSha && commit.tree !== undefined) return tree ?? commit.tree;
    id = parent;
  }
  return refuse("size_exceeded", `The bundle has more than ${MOST_COMMITS} commits.`);
}

/** Tree and parents of a commit object: the first header lines, in this order. */
function readCommit(text: string): { readonly tree: string | undefined; readonly parents: readonly string[] } {
  const head = text.slice(0, text.indexOf("\n\n") + 1).split("\n");
  const ids = (name: string) =>
    head.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  return { tree: ids("tree")[0], parents: ids("parent") };
}

function specialModes({ path, oldMode, newMode }: RawChange): readonly string[] {
  return [oldMode, newMode]
    .filter((mode) => mode !== null && mode !== "100644" && mode !== "100755")
    .map((mode) => `${JSON.stringify(path)} is ${describeMode(mode ?? "")}.`);
}
