import { deflateSync } from "node:zlib";
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ReasonCode } from "../../../src/model/codes.ts";
import { sha256 } from "../../../src/protect/digest.ts";
import type { Change, WallRules } from "../../../src/protect/wall/change.ts";
import { passWall } from "../../../src/protect/wall/wall.ts";
import { stored } from "./bundle-writer.ts";
import { BASE, wallPlace, type WallPlace } from "./wall-place.ts";

let place: WallPlace;
beforeAll(async () => {
  place = await wallPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

const RULES: WallRules = { source: ["src/**"], binary: ["src/img/**"] };
const pass = (bytes: Change["bytes"], more: Partial<Change> = {}, rules: Partial<WallRules> = {}) =>
  passWall(place.git, { kind: "diff", bytes, baseSha: place.sha, ...more }, { ...RULES, ...rules });

/** Honest by itself; every attack is one step away from it. */
const EDIT = `diff --git a/src/a.ts b/src/a.ts
index 1111111..2222222 100644
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
`;
const ADD = `diff --git a/src/n.ts b/src/n.ts
new file mode 100644
--- /dev/null
+++ b/src/n.ts
@@ -0,0 +1 @@
+n
`;
const MOVE = `diff --git a/src/lib/x.ts b/src/y.ts
similarity index 100%
rename from src/lib/x.ts
rename to src/y.ts
`;
const LONG = `diff --git a/src/repeat.ts b/src/repeat.ts
--- a/src/repeat.ts
+++ b/src/repeat.ts
@@ -10,3 +10,3 @@
 same
-same
+other
 same
`;

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
/** git's base 85, one line of at most 52 bytes each. */
export function base85(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 52) {
    const part = bytes.subarray(at, at + 52);
    const length =
      part.length <= 26 ? String.fromCharCode(64 + part.length) : String.fromCharCode(96 + part.length - 26);
    let text = length;
    for (let group = 0; group < part.length; group += 4) {
      const four = Buffer.alloc(4);
      part.copy(four, 0, group, Math.min(group + 4, part.length));
      let [value, digits] = [four.readUInt32BE(), ""];
      for (let digit = 0; digit < 5; digit += 1) {
        digits = (DIGITS[value % 85] ?? "") + digits;
        value = Math.floor(value / 85);
      }
      text += digits;
    }
    lines.push(text);
  }
  return `${lines.join("\n")}\n`;
}
const logo = Buffer.from(BASE["src/img/logo.png"]?.content ?? "");
const next = Buffer.from([1, 2, 3, 0, 255]);
const idOf = (bytes: Uint8Array) => stored(3, bytes).id;
type Binary = {
  old?: string;
  now?: string;
  size?: number;
  data?: Buffer;
  form?: string;
  after?: string;
  path?: string;
};
const binary = ({
  old = idOf(logo),
  now = idOf(next),
  size = next.length,
  data = next,
  form = "literal",
  after = "",
  path = "src/img/logo.png",
}: Binary = {}) =>
  `diff --git a/${path} b/${path}\nindex ${old}..${now} 100644\nGIT binary patch\n${form} ${size}\n${base85(deflateSync(data))}\n${after}`;
const delta = (...bytes: number[]): Binary => ({ form: "delta", size: bytes.length, data: Buffer.from(bytes) });

type Attack = readonly [name: string, patch: string | Uint8Array, reason: ReasonCode];
const ATTACKS: readonly Attack[] = [
  ["text before the first header", `Subject: x\n\n${EDIT}`, "patch_unparseable"],
  ["an e-mail signature", `${EDIT}-- \n2.39\n`, "patch_unparseable"],
  ["no git header", EDIT.split("\n").slice(2).join("\n"), "patch_unparseable"],
  ["only ---, +++ and a hunk, for a second file", EDIT + EDIT.split("\n").slice(2).join("\n"), "patch_unparseable"],
  [
    "a context diff",
    "*** a/src/a.ts\n--- b/src/a.ts\n***************\n*** 1 ****\n! one\n--- 1 ----\n! x\n",
    "patch_unparseable",
  ],
  ["an ed script", "2c\nTWO\n.\n", "patch_unparseable"],
  [
    "a combined diff",
    EDIT.replace("diff --git a/src/a.ts b/src/a.ts", "diff --cc src/a.ts").replace(
      "@@ -1,3 +1,3 @@",
      "@@@ -1,3 -1,3 +1,3 @@@",
    ),
    "patch_unparseable",
  ],
  ["--- names another file", EDIT.replace("--- a/src/a.ts", "--- a/package.json"), "patch_unparseable"],
  ["+++ names another file", EDIT.replace("+++ b/src/a.ts", "+++ b/package.json"), "patch_unparseable"],
  [
    "--- and +++ name another file",
    EDIT.replace("--- a/src/a.ts", "--- a/package.json").replace("+++ b/src/a.ts", "+++ b/package.json"),
    "patch_unparseable",
  ],
  [
    "the header names another file",
    EDIT.replace("diff --git a/src/a.ts b/src/a.ts", "diff --git a/package.json b/package.json"),
    "patch_unparseable",
  ],
  ["the header names two files", EDIT.replace("b/src/a.ts\nindex", "b/package.json\nindex"), "patch_unparseable"],
  ["names without prefix", EDIT.replaceAll("a/src", "src").replaceAll("b/src", "src"), "patch_unparseable"],
  [
    "one folder more is stripped",
    EDIT.replaceAll("a/src", "x/a/src").replaceAll("b/src", "x/b/src"),
    "patch_unparseable",
  ],
  [
    "a quoted name with an escape git does not write",
    EDIT.replace("--- a/src/a.ts", '--- "a/src/\\x61.ts"'),
    "patch_unparseable",
  ],
  ["a quoted name that is another one", EDIT.replace("--- a/src/a.ts", '--- "a/\\163rc/b.ts"'), "patch_unparseable"],
  ["a quoted name that does not end", EDIT.replace("--- a/src/a.ts", '--- "a/src/a.ts'), "patch_unparseable"],
  [
    "a name that ends at a tab for git",
    EDIT.replace("+++ b/src/a.ts", "+++ b/src/a.ts\t2026-01-01 00:00:00"),
    "patch_unparseable",
  ],
  ["a rename to two names", MOVE.replace("rename to src/y.ts", "rename to package.json"), "patch_unparseable"],
  ["a rename said twice", `${MOVE}rename to package.json\n`, "patch_unparseable"],
  ["a rename with one name", MOVE.replace("rename to src/y.ts\n", ""), "patch_unparseable"],
  [
    "the old words for a rename",
    MOVE.replace("rename from", "rename old").replace("rename to", "rename new"),
    "patch_unparseable",
  ],
  ["a copy", MOVE.replaceAll("rename ", "copy "), "patch_unparseable"],
  [
    "a copy out of a forbidden place",
    "diff --git a/package.json b/src/p.ts\nsimilarity index 100%\ncopy from package.json\ncopy to src/p.ts\n",
    "patch_unparseable",
  ],
  ["a rename that is 999% alike", MOVE.replace("100%", "999%"), "patch_unparseable"],
  ["an edit that says how alike it is", EDIT.replace("index 1", "similarity index 50%\nindex 1"), "patch_unparseable"],
  ["a rename out of a protected file", MOVE.replaceAll("src/lib/x.ts", "package.json"), "path_forbidden"],
  ["a rename into a protected file", MOVE.replaceAll("src/y.ts", "CLAUDE.md"), "path_forbidden"],
  ["a rename into git's own folder", MOVE.replaceAll("src/y.ts", ".git/hooks/pre-commit"), "path_forbidden"],
  ["a rename upwards", MOVE.replaceAll("src/y.ts", "../y.ts"), "path_forbidden"],
  ["a rename over a file that is there", MOVE.replaceAll("src/y.ts", "src/a.ts"), "patch_does_not_apply"],
  ["a rename that only changes the case", MOVE.replaceAll("src/y.ts", "src/lib/X.ts"), "path_collision"],
  ["the same file twice", EDIT + EDIT.replaceAll("TWO", "2"), "patch_unparseable"],
  ["a file made and edited at once", ADD + EDIT.replaceAll("src/a.ts", "src/n.ts"), "patch_unparseable"],
  ["a file renamed away and made anew", MOVE + ADD.replaceAll("src/n.ts", "src/lib/x.ts"), "patch_unparseable"],
  ["a file made that is there", ADD.replaceAll("src/n.ts", "src/lib/x.ts"), "patch_does_not_apply"],
  ["a file made in the place of an empty one", ADD.replaceAll("src/n.ts", "src/empty.txt"), "patch_does_not_apply"],
  ["a file edited that is not there", EDIT.replaceAll("src/a.ts", "src/no.ts"), "patch_does_not_apply"],
  [
    "a file removed only in part",
    "diff --git a/src/a.ts b/src/a.ts\ndeleted file mode 100644\n--- a/src/a.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n",
    "patch_does_not_apply",
  ],
  ["a file removed by ---, +++ alone", EDIT.replace("+++ b/src/a.ts", "+++ /dev/null"), "patch_unparseable"],
  ["a file made by ---, +++ alone", ADD.replace("new file mode 100644\n", ""), "patch_unparseable"],
  ["a link made by the index line", EDIT.replace("2222222 100644", "2222222 120000"), "mode_forbidden"],
  ["a mode that stands twice", EDIT.replace("index", "old mode 100644\nnew mode 120000\nindex"), "patch_unparseable"],
  [
    "an edit of a link that does not say so",
    EDIT.replace("index 1111111..2222222 100644\n", "")
      .replaceAll("src/a.ts", "src/link")
      .replace(
        "@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n",
        "@@ -1 +1 @@\n-a.ts\n\\ No newline at end of file\n+/etc/passwd\n\\ No newline at end of file\n",
      ),
    "mode_forbidden",
  ],
  [
    "an edit of a submodule that does not say so",
    EDIT.replace("index 1111111..2222222 100644\n", "")
      .replaceAll("src/a.ts", "src/sub")
      .replace(
        "@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n",
        `@@ -1 +1 @@\n-Subproject commit ${"5".repeat(40)}\n+Subproject commit ${"6".repeat(40)}\n`,
      ),
    "mode_forbidden",
  ],
  [
    "another old mode than the base's",
    EDIT.replace("index 1111111..2222222 100644", "old mode 100755\nnew mode 100644\nindex 1111111..2222222"),
    "patch_does_not_apply",
  ],
  [
    "an executable bit hidden behind the index line",
    EDIT.replace("2222222 100644", "2222222 100755"),
    "patch_does_not_apply",
  ],
  ["a folder's mode", EDIT.replace("2222222 100644", "2222222 040000"), "mode_forbidden"],
  ["a group-writable mode", ADD.replace("100644", "100664"), "mode_forbidden"],
  ["a set-user-id mode", ADD.replace("100644", "104755"), "mode_forbidden"],
  ["a mode of five digits", ADD.replace("100644", "12000"), "patch_unparseable"],
  ["a mode of seven digits", ADD.replace("100644", "0120000"), "patch_unparseable"],
  ["more lines counted than there are", EDIT.replace("-1,3 +1,3", "-1,4 +1,4"), "patch_unparseable"],
  ["fewer lines counted: the rest would hide", EDIT.replace("-1,3 +1,3", "-1,2 +1,2"), "patch_unparseable"],
  ["a count beyond 32 bits", EDIT.replace("-1,3 +1,3", "-1,4294967299 +1,4294967299"), "patch_unparseable"],
  ["a negative position", EDIT.replace("-1,3 +1,3", "--1,3 +-1,3"), "patch_unparseable"],
  ["a hunk that changes nothing", EDIT.replace("-two\n+TWO\n", " two\n"), "patch_unparseable"],
  [
    "a hunk of no line",
    EDIT.replace("@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n", "@@ -1,0 +1,0 @@\n"),
    "patch_unparseable",
  ],
  ["hunks that overlap", `${LONG}@@ -11,3 +11,3 @@\n same\n-same\n+x\n same\n`, "patch_unparseable"],
  ["hunks out of order", `${LONG}@@ -1,3 +1,3 @@\n same\n-same\n+x\n same\n`, "patch_unparseable"],
  ["a new position that leads git to another place", LONG.replace("+10,3", "+30,3"), "patch_unparseable"],
  ["old and new position that git would both correct", EDIT.replace("-1,3 +1,3", "-2,3 +2,3"), "patch_does_not_apply"],
  ["a hunk that fits elsewhere by offset", LONG.replace("-10,3 +10,3", "-39,3 +39,3"), "patch_does_not_apply"],
  ["context that differs in white space", EDIT.replace(" one", " one "), "patch_does_not_apply"],
  ["context that differs in the line break", EDIT.replace(" one\n", " one\r\n"), "patch_does_not_apply"],
  ["a line after the last line", EDIT.replace(" one\n", " one\n\\ No newline at end of file\n"), "patch_unparseable"],
  [
    "a last line without a break in the middle of the file",
    "diff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1 +1 @@\n-one\n+ONE\n\\ No newline at end of file\n",
    "patch_does_not_apply",
  ],
  [
    "an insertion without context, in the middle",
    "diff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,0 +2 @@\n+x\n",
    "patch_does_not_apply",
  ],
  ["carriage returns in the headers", EDIT.replaceAll("\n", "\r\n"), "patch_unparseable"],
  ["NUL in a line", EDIT.replace("TWO", "T\0O"), "patch_unparseable"],
  ["half a character pair", EDIT.replace("TWO", "\ud800"), "patch_unparseable"],
  ["bytes that are no UTF-8", Buffer.from(EDIT.replace("TWO", "caf\u00e9"), "latin1"), "patch_unparseable"],
  ["UTF-16", Buffer.from(EDIT, "utf16le"), "patch_unparseable"],
  ["a byte order mark", `\ufeff${EDIT}`, "patch_unparseable"],
  ["cut off in a line", EDIT.slice(0, -3), "patch_unparseable"],
  ["cut off in a hunk", EDIT.split("\n").slice(0, 7).join("\n") + "\n", "patch_unparseable"],
  ["0 bytes", "", "patch_empty"],
  ["blanks only", " \n\t\n", "patch_empty"],
  ["a patch that leaves all as it was", EDIT.replace("+TWO", "+two"), "patch_empty"],
  ["a word of a model", "Here is the patch you asked for:\n", "patch_unparseable"],
  ["a patch in a fence", `\`\`\`diff\n${EDIT}\`\`\`\n`, "patch_unparseable"],
  [
    "too many hunks",
    `diff --git a/src/repeat.ts b/src/repeat.ts\n--- a/src/repeat.ts\n+++ b/src/repeat.ts\n${Array.from({ length: 201 }, (_, n) => `@@ -${n + 1} +${n + 1} @@\n-same\n+${n}\n`).join("")}`,
    "size_exceeded",
  ],
  ["binary content where it is not allowed", binary({ path: "src/a.ts" }), "binary_forbidden"],
  [
    "binary content that is only announced",
    `diff --git a/src/img/logo.png b/src/img/logo.png\nindex ${idOf(logo)}..${idOf(Buffer.from("{}\n"))} 100644\nBinary files a/src/img/logo.png and b/src/img/logo.png differ\n`,
    "binary_forbidden",
  ],
  ["binary: the id of another object that git has", binary({ now: idOf(Buffer.from("{}\n")) }), "patch_does_not_apply"],
  ["binary: another base", binary({ old: "3".repeat(40) }), "patch_does_not_apply"],
  ["binary: ids cut short", binary({ old: "1111111", now: "2222222" }), "patch_unparseable"],
  ["binary: another size than is stated", binary({ size: 6 }), "patch_unparseable"],
  [
    "binary: unpacks to far more than is stated",
    binary({ data: Buffer.alloc(30_000_000), size: 5 }),
    "patch_unparseable",
  ],
  ["binary: states 2 GB", binary({ size: 2_000_000_000 }), "patch_unparseable"],
  [
    "binary: larger than the limit",
    binary({ size: 1_100_000, data: Buffer.alloc(1_100_000), now: idOf(Buffer.alloc(1_100_000)) }),
    "size_exceeded",
  ],
  ["binary: a digit that is none", binary().replace(/\n([A-Z])./, '\n$1"'), "patch_unparseable"],
  ["binary: a line that is too short", binary().replace(/(literal 5\n.{8})./, "$1"), "patch_unparseable"],
  ["binary: no empty line at the end", binary().slice(0, -1), "patch_unparseable"],
  ["binary: text after it", `${binary()}junk\n`, "patch_unparseable"],
  ["binary: not deflated", binary().replace(/literal 5\n.*\n/, `literal 5\n${base85(next)}`), "patch_unparseable"],
  ["binary: a delta for another base", binary(delta(99, 2, 2, 65, 66)), "patch_does_not_apply"],
  [
    "binary: a delta that copies from beyond the base",
    binary(delta(logo.length, 2, 0x91, 200, 2)),
    "patch_does_not_apply",
  ],
  ["binary: a delta that grows beyond its size", binary(delta(logo.length, 1, 2, 65, 66)), "patch_does_not_apply"],
  ["binary: a delta with the reserved command", binary(delta(logo.length, 1, 0)), "patch_does_not_apply"],
  [
    "binary: a delta that states 64 GB",
    binary(delta(logo.length, 0x80, 0x80, 0x80, 0x80, 0x80, 2, 65)),
    "patch_unparseable",
  ],
  [
    "binary: a way back to another file",
    binary({ after: `literal 1\n${base85(deflateSync(Buffer.from("x")))}\n` }),
    "patch_does_not_apply",
  ],
  ["binary: a way back that cannot be read", binary({ after: "literal 1\nAxxxxx\n\n" }), "patch_unparseable"],
  ["an honest file and a hostile one", EDIT + ADD.replaceAll("src/n.ts", ".github/workflows/x.yml"), "path_forbidden"],
  [
    "a hostile header within a hunk that counts too few",
    EDIT.replace("+TWO\n", `+TWO\n${ADD.replaceAll("src/n.ts", "package.json")}`),
    "patch_unparseable",
  ],
];

describe("a diff that could be read in two ways, or does not fit, is refused", () => {
  test.each(ATTACKS)("%s", async (_name, patch, reason) => {
    const result = await pass(patch, {}, { limits: { bytes: 2_000_000 } });
    expect(result).toMatchObject({ ok: false, reasons: [reason], remedy: expect.stringMatching(/\.$/) });
    expect(result.details.length).toBeGreaterThan(0);
  });

  test("the patches that the attacks are made from pass", async () => {
    for (const patch of [EDIT, ADD, MOVE, LONG, binary(), EDIT + ADD + MOVE + LONG + binary()]) {
      expect(await pass(patch)).toMatchObject({ ok: true });
    }
  });

  test("several faults are all named", async () => {
    const result = await pass(ADD.replaceAll("src/n.ts", "package.json").replace("100644", "120000"));
    expect([...(result.ok ? [] : result.reasons)].sort()).toEqual(["mode_forbidden", "path_forbidden"]);
  });
});

describe("what a change is bound to", () => {
  test("another digest than was recorded", async () => {
    expect(await pass(EDIT, { digest: sha256(EDIT) })).toMatchObject({ ok: true });
    expect(await pass(EDIT, { digest: sha256(`${EDIT}\n`) })).toMatchObject({
      ok: false,
      reasons: ["digest_mismatch"],
    });
    expect(await pass(Buffer.from(EDIT), { digest: sha256(EDIT) })).toMatchObject({ ok: true });
  });

  test("a branch that moved", async () => {
    expect(await pass(EDIT, { head: place.sha })).toMatchObject({ ok: true });
    expect(await pass(EDIT, { head: "4".repeat(40) })).toMatchObject({ ok: false, reasons: ["base_moved"] });
  });

  test("a base that is not here, or no commit", async () => {
    const blob = await place.repository.git("rev-parse", "HEAD:src/a.ts");
    for (const baseSha of ["4".repeat(40), blob]) {
      const result = await pass(EDIT, { baseSha });
      expect(result).toMatchObject({ ok: false, reasons: ["base_missing"], remedy: expect.stringContaining("Fetch") });
    }
  });

  test("a change of 200 MB is refused unread: its bytes are not even looked at", async () => {
    const huge = Buffer.alloc(200_000_000);
    const unread = new Proxy(huge, {
      get: (target, name) => (name === "length" ? target.length : expect(name).toBe("length")),
    });
    for (const kind of ["diff", "bundle"] as const) {
      const result = await pass(unread, { kind });
      expect(result).toMatchObject({
        ok: false,
        reasons: ["size_exceeded"],
        remedy: expect.stringContaining("limits"),
      });
    }
    expect(await pass("x".repeat(200_000_000))).toMatchObject({ ok: false, reasons: ["size_exceeded"] });
  });
});

test("whatever was refused, the repository holds not one object, ref or file more", async () => {
  const { repository } = place;
  const look = async () => [
    await repository.git("count-objects", "-v"),
    await repository.git("for-each-ref"),
    await repository.git("status", "--porcelain"),
    readdirSync(`${repository.root}/.git`).sort(),
  ];
  const before = await look();
  for (const [, patch] of ATTACKS.slice(0, 12)) await pass(patch);
  await pass(EDIT + ADD);
  expect(await look()).toEqual(before);
});
