import type { History } from "../../github/history-port.ts";
import { type Pieces, piecesOf, similarity } from "./similarity.ts";
import type { Entry, RevertTrees, Tree } from "./merge-trees.ts";

/** What became of a file that is gone. `unclear`: git may see a rename, and which one cannot be told for certain. */
export type Renamed =
  | { readonly kind: "to"; readonly path: string }
  | { readonly kind: "none" }
  | { readonly kind: "unclear"; readonly why: string };

/** Renames since the change, and those that taking it back makes, by the path in the tree after the change. */
export type Renames = { readonly ours: ReadonlyMap<string, Renamed>; readonly theirs: ReadonlyMap<string, Renamed> };

/** Git takes two files for one from a similarity of a half on; near that it is left to people. */
const CERTAIN = 0.6;
const POSSIBLE = 0.4;

/** Files whose contents are compared at most. */
const MOST_COMPARED = 150;

/** Bytes of a file that is taken apart to be compared: its pieces take several times as much memory. */
const LARGEST_COMPARED = 512 * 1024;

/** The blob of an empty file, by SHA-1 and SHA-256: git follows none. */
const EMPTY = new Set([
  "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
  "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
]);

/**
 * What became of the files for which it matters: those that the change touched and that are gone on one side. A rename is
 * followed where nothing else comes into question, in either direction, so that git sees the same one.
 * @throws WhetstoneError `api_failed`
 */
export async function findRenames(history: Pick<History, "blob">, trees: RevertTrees): Promise<Renames> {
  const { changed: base, now, before } = trees;
  const compare = comparer(history);
  const ours = new Map<string, Renamed>();
  const theirs = new Map<string, Renamed>();
  const since = movesOf(base, now);
  const back = movesOf(base, before);
  for (const [path, entry] of base) {
    const [isOurs, isTheirs] = [now.get(path), before.get(path)];
    if (isOurs === undefined && !isSame(isTheirs, entry)) ours.set(path, await renamed(path, since, compare));
    if (isTheirs === undefined && !isSame(isOurs, entry)) theirs.set(path, await renamed(path, back, compare));
  }
  return { ours, theirs };
}

/** Files of one tree that are not in the other, both ways. */
type Moves = { readonly gone: Tree; readonly added: Tree };

function movesOf(base: Tree, side: Tree): Moves {
  const without = (all: Tree, others: Tree): Tree =>
    new Map([...all].filter(([path, { sha }]) => !others.has(path) && !EMPTY.has(sha)));
  return { gone: without(base, side), added: without(side, base) };
}

async function renamed(path: string, moves: Moves, compare: Comparer): Promise<Renamed> {
  const entry = moves.gone.get(path);
  if (entry === undefined) return { kind: "none" };
  const equal = [...moves.added].filter(([, { sha }]) => sha === entry.sha);
  if (equal.length === 0)
    return isFile(entry) ? await renamedNearly({ path, entry }, moves, compare) : { kind: "none" };
  const rivals = [...moves.gone.values()].filter(({ sha }) => sha === entry.sha);
  const [[target, found] = []] = equal;
  if (target === undefined || found === undefined || equal.length > 1 || rivals.length > 1) return several(path);
  return isFile(entry) && isFile(found)
    ? { kind: "to", path: target }
    : { kind: "unclear", why: "a link or submodule was renamed" };
}

type Gone = { readonly path: string; readonly entry: Entry };

async function renamedNearly({ path, entry }: Gone, { gone, added }: Moves, compare: Comparer): Promise<Renamed> {
  const candidates = [...added].filter(([, one]) => isFile(one));
  if (candidates.length === 0) return { kind: "none" };
  const sources = [...gone].filter(([other, one]) => other !== path && isFile(one));
  if (candidates.length + sources.length > MOST_COMPARED) {
    return { kind: "unclear", why: "too many files came or went since to tell whether it was renamed" };
  }
  const found: { readonly target: string; readonly sha: string; readonly score: number }[] = [];
  for (const [target, { sha }] of candidates) {
    const score = await compare(entry.sha, sha);
    if (score >= POSSIBLE) found.push({ target, sha, score });
  }
  const [best, ...others] = found;
  if (best === undefined) return { kind: "none" };
  if (others.length > 0) return several(path);
  if (best.score < CERTAIN) return { kind: "unclear", why: `${best.target} may be what it was renamed to` };
  for (const [, { sha }] of sources) if ((await compare(sha, best.sha)) >= POSSIBLE) return several(path);
  return { kind: "to", path: best.target };
}

function several(path: string): Renamed {
  return { kind: "unclear", why: `several files may be what ${path} was renamed to, or have become of it` };
}

/** Similarity of two blobs, each read once; of one that is too large, what leaves it to people. */
type Comparer = (one: string, other: string) => Promise<number>;

type Read = { readonly size: number; readonly pieces: Pieces | undefined };

function comparer(history: Pick<History, "blob">): Comparer {
  const known = new Map<string, Read>();
  const read = async (sha: string): Promise<Read> => {
    const own = known.get(sha) ?? readOf(await history.blob(sha));
    known.set(sha, own);
    return own;
  };
  return async (one, other) => {
    const [a, b] = [await read(one), await read(other)];
    // No more can be common to them.
    const most = Math.min(a.size, b.size) / Math.max(a.size, b.size, 1);
    if (most < POSSIBLE) return most;
    return a.pieces === undefined || b.pieces === undefined ? POSSIBLE : similarity(a.pieces, b.pieces);
  };
}

function readOf(content: Uint8Array): Read {
  return { size: content.length, pieces: content.length > LARGEST_COMPARED ? undefined : piecesOf(content) };
}

function isFile({ mode }: Entry): boolean {
  return mode.startsWith("100");
}

function isSame(one: Entry | undefined, other: Entry): boolean {
  return one?.sha === other.sha && one.mode === other.mode;
}
