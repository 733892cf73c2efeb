import { expect, test } from "@jest/globals";
import type { Entry } from "../../../src/propose/revert/merge-trees.ts";
import { findRenames } from "../../../src/propose/revert/renames.ts";

const entry = (sha: string): Entry => ({ mode: "100644", sha });
const text = (kilobytes: number, last: string): Buffer =>
  Buffer.from(
    `${Array.from({ length: kilobytes * 16 }, (_, line) => `${line}`.padEnd(63, "x")).join("\n")}\n${last}\n`,
  );

/** What became of `old`, which the change touched and which is gone, where `came` came since. */
async function became(old: Buffer, came: Buffer) {
  const blobs: Readonly<Record<string, Buffer>> = { o: old, n: came };
  const trees = {
    changed: new Map([["old", entry("o")]]),
    before: new Map([["old", entry("b")]]),
    now: new Map([["new", entry("n")]]),
  };
  const { ours } = await findRenames({ blob: async (sha) => blobs[sha] ?? Buffer.of() }, trees);
  return ours.get("old");
}

test("a file is followed by what it holds; one that is too large to be taken apart in memory is for people", async () => {
  expect(await became(text(40, "a"), text(40, "b"))).toEqual({ kind: "to", path: "new" });
  expect(await became(text(2_000, "a"), text(2_000, "b"))).toMatchObject({ kind: "unclear" });
});

test("sizes that are far apart tell by themselves that it is another file", async () => {
  expect(await became(text(40, "a"), text(2_000, "a"))).toEqual({ kind: "none" });
});
