import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { openCatFile } from "../../src/github/cat-file.ts";
import { runGit } from "../../src/github/git.ts";
import fc from "fast-check";
import { temporaryFolder, temporaryRepository, type TestRepository } from "../support/git-repository.ts";
import { withGit } from "./git-shim.ts";

const stored = async ({ root }: TestRepository, content: string | Uint8Array): Promise<string> => {
  const { stdout } = await runGit({ args: ["hash-object", "-w", "--stdin"], cwd: root, input: content });
  return stdout.toString("utf8").trim();
};

describe("openCatFile", () => {
  test("gives every object its own bytes, whatever stands in it and however many are asked for", async () => {
    await using repository = await temporaryRepository();
    const get = openCatFile({ cwd: repository.root });
    const line = fc.constantFrom("a", "\n", "é", "🐎", "\0", " blob 3\n", `${"0".repeat(40)} blob 2\n`, "x missing\n");
    const texts = fc.array(fc.array(line, { maxLength: 5 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(texts, async (parts) => {
        const wanted = parts.map((part) => part.join(""));
        const ids = await Promise.all(wanted.map((text) => stored(repository, text)));
        const found = await Promise.all(ids.map(get));
        expect(found.map((object) => object?.bytes.toString("utf8"))).toEqual(wanted);
        expect(found.map((object) => object?.id)).toEqual(ids);
      }),
      { numRuns: 8 },
    );
  });

  test("objects that come in many pieces are put together", async () => {
    await using repository = await temporaryRepository();
    const large = Buffer.alloc(3_000_000, "0123456789abcdef\n");
    const [one, other] = [await stored(repository, large), await stored(repository, "small")];
    const get = openCatFile({ cwd: repository.root });
    const found = await Promise.all([get(one), get(other), get("0".repeat(40)), get(one)]);
    expect(found.map((object) => object?.bytes.length)).toEqual([3_000_000, 5, undefined, 3_000_000]);
    expect(found[3]?.bytes.equals(large)).toBe(true);
  });

  test("what is asked for without a pause costs one process, which ends by itself", async () => {
    await using repository = await temporaryRepository();
    await using shim = await temporaryFolder();
    const ids = await Promise.all(["a", "b", "c"].map((text) => stored(repository, text)));
    const counter = join(shim.path, "counter");
    const ends = join(shim.path, "ends");
    await withGit(shim.path, `printf x >>${counter}\ngit "$@"\ncode=$?\nprintf x >>${ends}\nexit $code`, async () => {
      const get = openCatFile({ cwd: repository.root });
      const texts: (string | undefined)[] = [];
      for (const id of ids) texts.push((await get(id))?.bytes.toString("utf8"));
      expect(texts).toEqual(["a", "b", "c"]);
      expect(await readFile(counter, "utf8")).toBe("x");
      // The next question comes after a pause in which the process was told to end.
      while ((await readFile(ends, "utf8").catch(() => "")) === "") await new Promise(setImmediate);
      expect((await get(ids[1] ?? ""))?.bytes.toString("utf8")).toBe("b");
      expect(await readFile(counter, "utf8")).toBe("xx");
    });
  });

  test("what is missing is no error; what git cannot say anything of is one, and others still get their answers", async () => {
    await using repository = await temporaryRepository();
    const blob = await stored(repository, "here");
    const get = openCatFile({ cwd: repository.root });
    expect(await Promise.all([get("0".repeat(40)), get("refs/heads/none"), get(blob)])).toMatchObject([
      undefined,
      undefined,
      { type: "blob" },
    ]);
    // A short name that fits two objects.
    const [first, second] = await twins(repository);
    const [ambiguous, sound] = await Promise.allSettled([get(first.slice(0, 4)), get(blob)]);
    expect(second.slice(0, 4)).toBe(first.slice(0, 4));
    expect(ambiguous).toMatchObject({ status: "rejected", reason: { code: "git_failed" } });
    expect(sound).toMatchObject({ status: "fulfilled", value: { id: blob } });
  });

  test("a damaged object counts as missing; a git that ends and a folder without repository are errors for all that waited", async () => {
    await using repository = await temporaryRepository();
    const [good, bad] = [await stored(repository, "good"), await stored(repository, "bad")];
    const file = join(repository.root, ".git/objects", bad.slice(0, 2), bad.slice(2));
    await chmod(file, 0o644);
    await writeFile(file, "no object");
    const get = openCatFile({ cwd: repository.root });
    expect(await Promise.all([get(bad), get(good)])).toMatchObject([undefined, { id: good }]);
    await using shim = await temporaryFolder();
    await withGit(shim.path, "exit 74", async () => {
      const failing = openCatFile({ cwd: repository.root });
      const all = await Promise.allSettled([failing(good), failing(good)]);
      for (const one of all) expect(one).toMatchObject({ reason: { code: "git_failed", data: { code: 74 } } });
    });
    await expect(openCatFile({ cwd: shim.path })(good)).rejects.toMatchObject({ code: "git_failed" });
    await expect(openCatFile({ cwd: join(shim.path, "gone") })(good)).rejects.toMatchObject({
      code: "not_a_repository",
    });
  });
});

/** Two objects whose ids begin with the same four digits. */
async function twins(repository: TestRepository): Promise<readonly [string, string]> {
  const known = new Map<string, string>();
  const texts = Array.from({ length: 2_000 }, (_, n) => `text ${n}`);
  const { objectId } = await import("../../src/github/git-object.ts");
  for (const text of texts) {
    const id = objectId({ type: "blob", bytes: Buffer.from(text) }, "sha1");
    const twin = known.get(id.slice(0, 4));
    if (twin !== undefined) return [await stored(repository, twin), await stored(repository, text)];
    known.set(id.slice(0, 4), text);
  }
  throw new Error("no twins among the texts");
}
