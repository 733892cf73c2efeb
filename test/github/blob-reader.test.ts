import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { blobReader } from "../../src/github/blob-reader.ts";
import { runGit } from "../../src/github/git.ts";
import { temporaryFolder, temporaryRepository, type TestRepository } from "../support/git-repository.ts";

const stored = async ({ root }: TestRepository, text: string): Promise<string> => {
  const { stdout } = await runGit({ args: ["hash-object", "-w", "--stdin"], cwd: root, input: text });
  return stdout.toString("utf8").trim();
};

describe("blobReader", () => {
  test("gives every blob its own text, whatever stands in it and however many are asked for", async () => {
    await using repository = await temporaryRepository();
    const read = blobReader(repository.root);
    const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "\n", "é", "🐎", "\0", " blob 3\n") }), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(texts, async (wanted) => {
        const blobs = await Promise.all(wanted.map((text) => stored(repository, text)));
        expect(await Promise.all(blobs.map(read))).toEqual(wanted);
      }),
      { numRuns: 12 },
    );
  });

  test("what is asked for at once costs one git process", async () => {
    await using repository = await temporaryRepository();
    await using shim = await temporaryFolder();
    const blobs = await Promise.all(["a", "b", "c", "a"].map((text) => stored(repository, text)));
    const path = process.env["PATH"] ?? "";
    const counter = join(shim.path, "counter");
    await writeFile(join(shim.path, "git"), `#!/bin/sh\nPATH=${path}\nprintf x >>${counter}\nexec git "$@"\n`);
    await chmod(join(shim.path, "git"), 0o755);
    process.env["PATH"] = `${shim.path}:${path}`;
    try {
      const read = blobReader(repository.root);
      expect(await Promise.all(blobs.map(read))).toEqual(["a", "b", "c", "a"]);
      expect(await readFile(counter, "utf8")).toBe("x");
      expect(await read(blobs[1] ?? "")).toBe("b");
      expect(await readFile(counter, "utf8")).toBe("xx");
    } finally {
      process.env["PATH"] = path;
    }
  });

  test("an object that is missing or no blob is an error for all that waited, and the next are read", async () => {
    await using repository = await temporaryRepository();
    const blob = await stored(repository, "here");
    const commit = await repository.commit({ "a.txt": "1\n" });
    const read = blobReader(repository.root);
    for (const bad of ["0".repeat(40), commit]) {
      const both = await Promise.allSettled([read(blob), read(bad)]);
      for (const one of both)
        expect(one).toMatchObject({
          status: "rejected",
          reason: { code: "git_failed", message: expect.stringContaining(bad) },
        });
    }
    expect(await read(blob)).toBe("here");
  });
});
