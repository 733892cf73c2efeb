import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { passWall } from "../../../src/protect/wall/wall.ts";
import { file } from "./bundle-writer.ts";
import { wallPlace, type WallPlace } from "./wall-place.ts";

let place: WallPlace;
const LINES = 15;
beforeAll(async () => {
  place = await wallPlace({
    "src/run.sh": file("#!/bin/sh\n", "100755"),
    "src/same": file("same\n".repeat(LINES)),
    "src/ends": file(`${"same\n".repeat(5)}other\n${"same\n".repeat(3)}last\n`),
  });
});
afterAll(() => place[Symbol.asyncDispose]());
const pass = (patch: string) =>
  passWall(place.git, { kind: "diff", bytes: patch, baseSha: place.sha }, { source: ["src/**"] });
const patchOf = (name: string, hunk: string) =>
  `diff --git a/src/${name} b/src/${name}\n--- a/src/${name}\n+++ b/src/${name}\n${hunk}`;

/**
 * git tries a hunk without context behind its changes at the end of the file before it looks where the header says.
 * Hunks that fit both places were found by `npm run fuzz:patch`.
 */
describe("a hunk that git would apply elsewhere than its header says", () => {
  test.each([
    ["an addition behind one line of context", "same", "@@ -9,1 +9,2 @@\n same\n+\n"],
    ["additions around a line", "same", "@@ -9,2 +9,4 @@\n same\n++\n same\n+\n"],
    ["a removal", "same", "@@ -10,3 +10,2 @@\n same\n same\n-same\n"],
    ["lines without any context", "same", "@@ -5,0 +6 @@\n+new\n"],
    ["a removal without any context", "same", "@@ -5 +4,0 @@\n-same\n"],
    ["one that begins at the first line", "ends", "@@ -1,2 +1,3 @@\n same\n same\n+new\n"],
    ["one that fits nowhere else", "ends", "@@ -6 +6 @@\n-other\n+OTHER\n"],
  ])("is refused: %s", async (_what, name, hunk) => {
    expect(await pass(patchOf(name, hunk))).toMatchObject({ ok: false, reasons: ["patch_does_not_apply"] });
  });

  test.each([
    ["at the very end", "same", "@@ -14,2 +14,3 @@\n same\n same\n+new\n"],
    ["of the whole file", "run.sh", "@@ -1 +1,2 @@\n #!/bin/sh\n+new\n"],
    ["with context behind it", "same", "@@ -5,2 +5,3 @@\n same\n+new\n same\n"],
  ])("an honest one is accepted: %s", async (_what, name, hunk) => {
    expect(await pass(patchOf(name, hunk))).toEqual(expect.objectContaining({ ok: true }));
  });

  test("wherever it stands and whatever it does, git is of one mind with what our own reading accepts", async () => {
    const hunk = fc
      .record({
        at: fc.integer({ min: 1, max: LINES }),
        kinds: fc.array(fc.constantFrom(" ", "+", "-"), { minLength: 1, maxLength: 4 }),
      })
      .filter(({ kinds }) => kinds.some((kind) => kind !== " "));
    await fc.assert(
      fc.asyncProperty(hunk, async ({ at, kinds }) => {
        const [old, now] = ["+", "-"].map((other) => kinds.filter((kind) => kind !== other).length) as [number, number];
        const start = (count: number) => (count === 0 ? at - 1 : at);
        const body = kinds.map((kind) => `${kind}same\n`).join("");
        const verdict = await pass(patchOf("same", `@@ -${start(old)},${old} +${start(now)},${now} @@\n${body}`));
        if (!verdict.ok)
          expect(["patch_does_not_apply", "patch_unparseable", "patch_empty"]).toContain(verdict.reasons[0]);
      }),
      { numRuns: 60 },
    );
  });
});
