import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ReasonCode } from "../../../src/model/codes.ts";
import { PACK_LIMITS, packFault } from "../../../src/protect/wall/pack.ts";
import { passWall } from "../../../src/protect/wall/wall.ts";
import {
  applyEdits,
  bundleFile,
  bundleOf,
  commitOf,
  entry,
  file,
  head,
  packOf,
  type RawEntry,
  type Stored,
  stored,
  treeBytes,
  treeOf,
} from "./bundle-writer.ts";
import { BASE, wallPlace, type WallPlace } from "./wall-place.ts";

let place: WallPlace;
beforeAll(async () => {
  place = await wallPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

const pass = (bytes: Uint8Array | string) =>
  passWall(
    place.git,
    { kind: "bundle", bytes, baseSha: place.sha },
    { source: ["src/**"], limits: { bytes: 500_000 } },
  );

const objects = treeOf(applyEdits(BASE, { "src/n.ts": file("n\n") }));
const root = objects.at(-1)?.id ?? "";
const tree = (list: readonly RawEntry[], sorted = true): Stored => stored(2, treeBytes(list, sorted));
const blob = stored(3, "hello\n");
const unique = (list: readonly Stored[]) => [...new Map(list.map((one) => [one.id, one])).values()];
const entries = (list: readonly Stored[]) => unique(list).map(entry);
const honest = (base: string) => commitOf(root, [base]);
/** Header as `git bundle create` writes it, over any pack. */
const usual = (base: string, tip: string, pack: Uint8Array) =>
  bundleFile([`-${base} base`, `${tip} refs/heads/change`], pack);
const withRoot = (base: string, top: Stored, more: readonly Stored[] = [blob]) =>
  bundleOf(base, [...objects, ...more, top], commitOf(top.id, [base]));
const rootWith = (...more: RawEntry[]): Stored =>
  tree([["40000", "src", objects.find(({ id }) => id !== root && objects.at(-2)?.id === id)?.id ?? ""], ...more]);
/** A chain of deltas, each upon the one before, all of the same content. */
function chain(depth: number): Buffer[] {
  const content = Buffer.from("x".repeat(64));
  const delta = Buffer.from([64, 64, 0x90, 64]);
  const out = [Buffer.concat([head(3, 64), deflateSync(content)])];
  for (let index = 0; index < depth; index += 1) {
    const distance = out.at(-1)?.length ?? 0;
    out.push(Buffer.concat([head(6, delta.length), Buffer.from([distance]), deflateSync(delta)]));
  }
  return out;
}

type Attack = readonly [name: string, bundle: (base: string) => Uint8Array | string, reason: ReasonCode];
const over = (base: string, pack: Uint8Array) => usual(base, honest(base).id, pack);
const all = (base: string) => [...objects, honest(base)];
const ATTACKS: readonly Attack[] = [
  ["is a text", () => "hello\n\nPACK", "bundle_unreadable"],
  ["is a diff", () => "diff --git a/x b/x\n\n", "bundle_unreadable"],
  [
    "has a header only",
    (base) => bundleFile([`-${base}`, `${honest(base).id} HEAD`], Buffer.alloc(0)),
    "bundle_unreadable",
  ],
  ["has an empty pack", (base) => over(base, packOf([])), "bundle_unreadable"],
  ["is cut off in the pack", (base) => bundleOf(base, objects, honest(base)).subarray(0, -40), "bundle_unreadable"],
  ["is cut off in the header", (base) => bundleOf(base, objects, honest(base)).subarray(0, 60), "bundle_unreadable"],
  [
    "has one byte changed",
    (base) => {
      const bytes = bundleOf(base, objects, honest(base));
      bytes[200] = (bytes[200] ?? 0) ^ 1;
      return bytes;
    },
    "bundle_unreadable",
  ],
  [
    "has bytes after the pack",
    (base) => Buffer.concat([bundleOf(base, objects, honest(base)), Buffer.from("more")]),
    "bundle_unreadable",
  ],
  [
    "has bytes between objects and checksum",
    (base) => over(base, packOf([...entries(all(base)), Buffer.from("more")], entries(all(base)).length)),
    "bundle_unreadable",
  ],
  [
    "is of version 1",
    (base) => bundleFile([`-${base}`, `${honest(base).id} HEAD`], packOf(entries(all(base))), "# v1 git bundle"),
    "bundle_unreadable",
  ],
  [
    "asks for a filter",
    (base) =>
      bundleFile(
        ["@filter=blob:none", `-${base}`, `${honest(base).id} HEAD`],
        packOf(entries(all(base))),
        "# v3 git bundle",
      ),
    "bundle_unreadable",
  ],
  [
    "asks for an unknown capability",
    (base) =>
      bundleFile(["@run=sh", `-${base}`, `${honest(base).id} HEAD`], packOf(entries(all(base))), "# v3 git bundle"),
    "bundle_unreadable",
  ],
  [
    "asks for a capability in version 2",
    (base) => bundleFile(["@object-format=sha1", `-${base}`, `${honest(base).id} HEAD`], packOf(entries(all(base)))),
    "bundle_unreadable",
  ],
  [
    "says another object format",
    (base) =>
      bundleFile(
        ["@object-format=sha256", `-${base}`, `${honest(base).id} HEAD`],
        packOf(entries(all(base))),
        "# v3 git bundle",
      ),
    "bundle_unreadable",
  ],
  [
    "has a header with carriage returns",
    (base) => bundleFile([`-${base}\r`, `${honest(base).id} HEAD\r`], packOf(entries(all(base)))),
    "bundle_unreadable",
  ],
  [
    "has a header of 10,000 lines",
    (base) =>
      bundleFile(
        [...Array.from({ length: 10_000 }, () => `-${base}`), `${honest(base).id} HEAD`],
        packOf(entries(all(base))),
      ),
    "bundle_unreadable",
  ],
  ["names no ref", (base) => bundleFile([`-${base}`], packOf(entries(all(base)))), "bundle_unreadable"],
  [
    "names two refs",
    (base) =>
      bundleFile(
        [`-${base}`, `${honest(base).id} HEAD`, `${honest(base).id} refs/heads/main`],
        packOf(entries(all(base))),
      ),
    "bundle_unreadable",
  ],
  [
    "names a tag",
    (base) => bundleFile([`-${base}`, `${honest(base).id} refs/tags/v1`], packOf(entries(all(base)))),
    "bundle_unreadable",
  ],
  [
    "names a replacement",
    (base) => bundleFile([`-${base}`, `${honest(base).id} refs/replace/${base}`], packOf(entries(all(base)))),
    "bundle_unreadable",
  ],
  [
    "names a ref that leads upwards",
    (base) => bundleFile([`-${base}`, `${honest(base).id} refs/heads/../../config`], packOf(entries(all(base)))),
    "bundle_unreadable",
  ],
  [
    "names a ref that looks like an option",
    (base) => bundleFile([`-${base}`, `${honest(base).id} --upload-pack=sh`], packOf(entries(all(base)))),
    "bundle_unreadable",
  ],
  [
    "names a lock file as ref",
    (base) => bundleFile([`-${base}`, `${honest(base).id} refs/heads/main.lock`], packOf(entries(all(base)))),
    "bundle_unreadable",
  ],
  [
    "has refs before prerequisites",
    (base) => bundleFile([`${honest(base).id} HEAD`, `-${base}`], packOf(entries(all(base)))),
    "bundle_unreadable",
  ],
  [
    "has a short id",
    (base) => bundleFile([`-${base}`, `${honest(base).id.slice(0, 12)} HEAD`], packOf(entries(all(base)))),
    "bundle_unreadable",
  ],
  ["builds on nothing", (base) => bundleFile([`${honest(base).id} HEAD`], packOf(entries(all(base)))), "base_moved"],
  [
    "builds on another commit",
    (base) => bundleFile([`-${"4".repeat(40)}`, `${honest(base).id} HEAD`], packOf(entries(all(base)))),
    "base_moved",
  ],
  [
    "builds on the base and another commit",
    (base) => bundleFile([`-${base}`, `-${"4".repeat(40)}`, `${honest(base).id} HEAD`], packOf(entries(all(base)))),
    "base_moved",
  ],
  [
    "has a pack of version 3",
    (base) => over(base, packOf(entries(all(base)), all(base).length, 3)),
    "bundle_unreadable",
  ],
  [
    "counts more objects than it holds",
    (base) => over(base, packOf(entries(all(base)), entries(all(base)).length + 1)),
    "bundle_unreadable",
  ],
  ["counts fewer objects than it holds", (base) => over(base, packOf(entries(all(base)), 1)), "bundle_unreadable"],
  ["counts four billion objects", (base) => over(base, packOf(entries(all(base)), 0xffffffff)), "size_exceeded"],
  [
    "holds too many objects",
    (base) => over(base, packOf(Array.from({ length: 5_001 }, () => entry(blob)))),
    "size_exceeded",
  ],
  [
    "holds an object that unpacks to more than it states",
    (base) => over(base, packOf([Buffer.concat([head(3, 5), deflateSync(Buffer.alloc(5_000_000))])])),
    "bundle_unreadable",
  ],
  [
    "holds an object that unpacks to less than it states",
    (base) => over(base, packOf([Buffer.concat([head(3, 500), deflateSync(Buffer.alloc(5))])])),
    "bundle_unreadable",
  ],
  [
    "holds a bomb of 32 MB",
    (base) => over(base, packOf([entry({ type: 3, bytes: Buffer.alloc(32_000_000) })])),
    "size_exceeded",
  ],
  [
    "holds a bomb of many objects of 15 MB",
    (base) => {
      const one = entry({ type: 3, bytes: Buffer.alloc(15_000_000) });
      return over(base, packOf([one, one, one, one, one]));
    },
    "size_exceeded",
  ],
  [
    "states an object of 2^48 bytes",
    (base) => over(base, packOf([Buffer.concat([head(3, 2 ** 48), deflateSync(Buffer.alloc(5))])])),
    "size_exceeded",
  ],
  [
    "states a size of endless digits",
    (base) => over(base, packOf([Buffer.concat([Buffer.alloc(200, 0xff), deflateSync(Buffer.alloc(5))])])),
    "size_exceeded",
  ],
  [
    "holds a delta that states 4 GB",
    (base) =>
      over(
        base,
        packOf([
          entry(blob),
          Buffer.concat([
            head(6, 8),
            Buffer.from([entry(blob).length]),
            deflateSync(Buffer.from([6, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 65])),
          ]),
        ]),
      ),
    "size_exceeded",
  ],
  [
    "holds a delta that is cut off",
    (base) =>
      over(
        base,
        packOf([
          entry(blob),
          Buffer.concat([head(6, 1), Buffer.from([entry(blob).length]), deflateSync(Buffer.from([0x86]))]),
        ]),
      ),
    "bundle_unreadable",
  ],
  ["holds deltas 51 deep", (base) => over(base, packOf(chain(51))), "size_exceeded"],
  [
    "holds a delta of itself",
    (base) => over(base, packOf([Buffer.concat([head(6, 3), Buffer.from([0]), deflateSync(Buffer.from([1, 1, 1]))])])),
    "bundle_unreadable",
  ],
  [
    "holds a delta of what lies before the pack",
    (base) =>
      over(base, packOf([Buffer.concat([head(6, 3), Buffer.from([120]), deflateSync(Buffer.from([1, 1, 1]))])])),
    "bundle_unreadable",
  ],
  [
    "holds a delta of an object that is nowhere",
    (base) =>
      over(
        base,
        packOf([
          ...entries(all(base)),
          Buffer.concat([head(7, 4), Buffer.alloc(20, 9), deflateSync(Buffer.from([1, 1, 0x90, 1]))]),
        ]),
      ),
    "bundle_unreadable",
  ],
  [
    "holds an object of type 5",
    (base) => over(base, packOf([Buffer.concat([head(5, 5), deflateSync(Buffer.alloc(5))])])),
    "bundle_unreadable",
  ],
  ["lacks its tip", (base) => usual(base, "7".repeat(40), packOf(entries(objects))), "bundle_unreadable"],
  ["lacks the tree", (base) => bundleOf(base, [blob], commitOf("7".repeat(40), [base])), "bundle_unreadable"],
  [
    "lacks a file",
    (base) =>
      bundleOf(
        base,
        objects.filter((one) => one.bytes.toString() !== "n\n"),
        honest(base),
      ),
    "bundle_unreadable",
  ],
  ["has a tip that is a tree", (base) => usual(base, root, packOf(entries(all(base)))), "bundle_unreadable"],
  ["has a tip that is a file", (base) => usual(base, blob.id, packOf(entries([blob]))), "bundle_unreadable"],
  [
    "has a tip that is a tag",
    (base) => {
      const tag = stored(4, `object ${honest(base).id}\ntype commit\ntag x\ntagger A <a@b> 1 +0000\n\nx\n`);
      return bundleOf(base, all(base), tag);
    },
    "bundle_unreadable",
  ],
  [
    "merges another line",
    (base) => {
      const other = commitOf(root, [base], "\nencoding x");
      return bundleOf(base, [...objects, other], commitOf(root, [base, other.id]));
    },
    "merge_forbidden",
  ],
  ["merges the base with itself", (base) => bundleOf(base, objects, commitOf(root, [base, base])), "merge_forbidden"],
  ["begins a new history", (base) => bundleOf(base, objects, commitOf(root, [])), "merge_forbidden"],
  [
    "merges further down",
    (base) => {
      const [a, b] = [commitOf(root, [base]), commitOf(root, [base], "\nencoding x")];
      const m = commitOf(root, [a.id, b.id]);
      return bundleOf(base, [...objects, a, b, m], commitOf(root, [m.id]));
    },
    "merge_forbidden",
  ],
  [
    "has 21 commits",
    (base) => {
      const line: Stored[] = [];
      for (let n = 0; n < 21; n += 1) line.push(commitOf(root, [line.at(-1)?.id ?? base]));
      return bundleOf(base, [...objects, ...line], line.at(-1) ?? blob);
    },
    "size_exceeded",
  ],
  [
    "changes nothing",
    (base) => {
      const same = treeOf(BASE);
      return bundleOf(base, same, commitOf(same.at(-1)?.id ?? "", [base]));
    },
    "patch_empty",
  ],
  [
    "has a commit without author",
    (base) => bundleOf(base, objects, stored(1, `tree ${root}\nparent ${base}\n\nx\n`)),
    "bundle_unreadable",
  ],
  [
    "has a commit with NUL",
    (base) => bundleOf(base, objects, stored(1, `${commitOf(root, [base]).bytes.toString()}\0`)),
    "bundle_unreadable",
  ],
  [
    "has a tree that is not sorted",
    (base) =>
      withRoot(
        base,
        tree(
          [
            ["100644", "z", blob.id],
            ["100644", "a", blob.id],
          ],
          false,
        ),
      ),
    "bundle_unreadable",
  ],
  [
    "has a name twice in a tree",
    (base) =>
      withRoot(
        base,
        tree([
          ["100644", "a", blob.id],
          ["100644", "a", blob.id],
        ]),
      ),
    "bundle_unreadable",
  ],
  [
    "has a name as file and folder",
    (base) =>
      withRoot(
        base,
        tree([
          ["100644", "src", blob.id],
          ["40000", "src", objects.at(-2)?.id ?? ""],
        ]),
      ),
    "bundle_unreadable",
  ],
  ["has a name with a slash", (base) => withRoot(base, rootWith(["100644", "lib/evil", blob.id])), "path_forbidden"],
  ["has the name ..", (base) => withRoot(base, rootWith(["100644", "..", blob.id])), "path_forbidden"],
  ["has the name .", (base) => withRoot(base, rootWith(["100644", ".", blob.id])), "path_forbidden"],
  [
    "has the name .git",
    (base) => withRoot(base, rootWith(["40000", ".git", objects.at(-2)?.id ?? ""])),
    "path_forbidden",
  ],
  [
    "has a name that is no UTF-8",
    (base) => withRoot(base, rootWith(["100644", Buffer.from([0x63, 0xe9]), blob.id])),
    "path_forbidden",
  ],
  ["has a mode with a leading zero", (base) => withRoot(base, rootWith(["0100644", "x", blob.id])), "mode_forbidden"],
  ["has a group-writable file", (base) => withRoot(base, rootWith(["100664", "x", blob.id])), "mode_forbidden"],
  ["has a file of mode 0", (base) => withRoot(base, rootWith(["0", "x", blob.id])), "mode_forbidden"],
  ["has a folder that is a file", (base) => withRoot(base, rootWith(["40000", "x", blob.id])), "bundle_unreadable"],
  ["has a file that is a folder", (base) => withRoot(base, rootWith(["100644", "x", root])), "bundle_unreadable"],
  [
    "has .gitmodules that would run a program",
    (base) => {
      const evil = stored(3, '[submodule "x"]\n\tpath = x\n\turl = -u./payload\n');
      return withRoot(base, rootWith(["100644", ".gitmodules", evil.id]), [evil]);
    },
    "path_forbidden",
  ],
  [
    "has .gitmodules that is a link",
    (base) => withRoot(base, rootWith(["120000", ".gitmodules", blob.id])),
    "mode_forbidden",
  ],
];

describe("a bundle is refused that", () => {
  test.each(ATTACKS)("%s", async (_name, bundle, reason) => {
    const result = await pass(bundle(place.sha));
    expect(result).toMatchObject({ ok: false, remedy: expect.stringMatching(/\.$/) });
    expect({ reasons: result.ok ? [] : result.reasons, details: result.details }).toMatchObject({ reasons: [reason] });
  });

  test("the bundle that the attacks are made from passes, also of version 3 and with several commits", async () => {
    const { sha } = place;
    expect(await pass(bundleOf(sha, objects, honest(sha)))).toMatchObject({ ok: true, tree: root });
    const [lines, pack] = [[`-${sha}`, `${honest(sha).id} HEAD`], packOf(entries(all(sha)))];
    expect(await pass(bundleFile(["@object-format=sha1", ...lines], pack, "# v3 git bundle"))).toMatchObject({
      ok: true,
    });
    const first = commitOf(treeOf(BASE).at(-1)?.id ?? "", [sha]);
    const line = [...objects, ...treeOf(BASE), first];
    expect(await pass(bundleOf(sha, line, commitOf(root, [first.id])))).toMatchObject({ ok: true, tree: root });
  });
});

describe("packFault", () => {
  test("finds nothing in deltas as deep as allowed, and the limit holds exactly", () => {
    expect(packFault(packOf(chain(PACK_LIMITS.depth)), 20)).toBeUndefined();
    expect(packFault(packOf(chain(PACK_LIMITS.depth + 1)), 20)).toMatchObject({ kind: "too_large" });
    expect(packFault(packOf([entry(blob), entry(blob)]), 20, { ...PACK_LIMITS, objects: 2 })).toBeUndefined();
    expect(packFault(packOf([entry(blob), entry(blob)]), 20, { ...PACK_LIMITS, objects: 1 })).toMatchObject({
      kind: "too_large",
    });
  });

  test("any byte of a pack changed is found, and none throws", () => {
    const pack = packOf([...chain(2), entry(blob)]);
    for (let at = 0; at < pack.length; at += 1) {
      const bytes = Buffer.from(pack);
      bytes[at] = (bytes[at] ?? 0) ^ 0x55;
      expect({ at, found: packFault(bytes, 20) !== undefined }).toEqual({ at, found: true });
    }
    for (let length = 0; length < pack.length; length += 1)
      expect(packFault(pack.subarray(0, length), 20)).toBeDefined();
  });
});
