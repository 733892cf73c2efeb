import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { CarriedFile } from "../../src/github/carried-change.ts";
import { carriedPatch } from "../../src/github/carried-patch.ts";
import { openWallGit } from "../../src/github/wall-git.ts";
import { passWall } from "../../src/protect/wall/wall.ts";
import { blobId } from "../../src/github/rest-objects.ts";
import { temporaryRepository, type TestRepository } from "../support/git-repository.ts";

const LONG = Array.from({ length: 30 }, (_, line) => `line ${line}\n`).join("");

let repository: TestRepository;
let baseSha: string;
beforeAll(async () => {
  repository = await temporaryRepository();
  baseSha = await repository.commit({
    "src/a.ts": LONG,
    "src/b.ts": "b\n",
    "docs/c.md": "c\n",
    ".gitattributes": "* text\n",
  });
});
afterAll(async () => {
  await repository[Symbol.asyncDispose]();
});

type After = readonly [path: string, content: string | Uint8Array | null, mode?: string];

async function patchOf(files: readonly After[], blob?: (sha: string) => Promise<Uint8Array>) {
  const contents = new Map<string, Uint8Array>();
  const changes = files.map(([path, content, mode = "100644"]): CarriedFile => {
    if (content === null) return [path, null];
    const sha = mode === "160000" ? "5".repeat(40) : blobId(content);
    contents.set(sha, Buffer.from(content));
    return [path, { mode, sha }];
  });
  const known = async (sha: string) => contents.get(sha) ?? new Uint8Array();
  return await carriedPatch({ root: repository.root, baseSha, changes, blob: blob ?? known });
}

async function wall(patch: string) {
  await using git = await openWallGit(repository.root);
  return await passWall(git, { kind: "diff", bytes: patch, baseSha }, { source: ["src/**"] });
}

describe("carriedPatch", () => {
  test("is the diff that passes the wall: a changed, a renamed, a new and a removed file", async () => {
    const made = await patchOf([
      ["src/a.ts", null],
      ["src/b.ts", null],
      ["src/moved.ts", LONG.replace("line 3\n", "line three\n")],
      ["src/new.ts", "new\r\n"],
    ]);
    if (!made.ok) throw new Error(made.detail);
    expect(made.patch).toContain("rename from src/a.ts\nrename to src/moved.ts");
    expect(made.patch).toContain("+new\r\n");
    expect(await wall(made.patch)).toMatchObject({ ok: true });
    expect(await repository.git("status", "--porcelain")).toBe("");
  });

  test("a folder may take the place of a file", async () => {
    const made = await patchOf([
      ["src/b.ts", null],
      ["src/b.ts/c.ts", "c\n"],
    ]);
    expect(made).toMatchObject({ ok: true, patch: expect.stringContaining("b/src/b.ts/c.ts") });
  });

  test.each<[string, After, string]>([
    ["a workflow", [".github/workflows/x.yml", "on: push\n"], "path_forbidden"],
    ["the configuration", ["whetstone.yaml", "version: 1\n"], "path_forbidden"],
    ["a symbolic link", ["src/link.ts", "/etc/passwd", "120000"], "mode_forbidden"],
    ["a submodule", ["src/module", "", "160000"], "mode_forbidden"],
    ["an executable", ["src/b.ts", "b\n", "100755"], "mode_forbidden"],
    ["binary content", ["src/b.ts", Uint8Array.from([0, 1, 2, 255])], "binary_forbidden"],
  ])("%s becomes a patch that the wall refuses", async (_what, after, reason) => {
    const made = await patchOf([after]);
    if (!made.ok) throw new Error(made.detail);
    expect(await wall(made.patch)).toMatchObject({ ok: false, reasons: expect.arrayContaining([reason]) });
  });

  test("text that is not UTF-8 is no patch", async () => {
    expect(await patchOf([["src/b.ts", Buffer.from("caf\xe9\n", "latin1")]])).toMatchObject({
      ok: false,
      reason: "patch_unparseable",
    });
  });

  test("names that git takes for its own are refused, not written", async () => {
    for (const path of [".git/config", "src/../x.ts", "src/.GIT/hooks/post-checkout", "/etc/x", "src/\ufffd.ts"]) {
      expect(await patchOf([[path, "x\n"]])).toMatchObject({ ok: false, reason: "patch_unparseable" });
    }
  });

  test("bytes that are another blob than the tree says are refused", async () => {
    const made = await patchOf([["src/b.ts", "announced\n"]], async () => Buffer.from("another\n"));
    expect(made).toMatchObject({
      ok: false,
      reason: "patch_unparseable",
      detail: expect.stringContaining("is not the file"),
    });
  });

  test("a file above 16 MiB ends it, whatever else there is", async () => {
    const asked: string[] = [];
    const made = await patchOf(
      [
        ["src/a.ts", "large\n"],
        ["src/b.ts", "never asked for\n"],
      ],
      async (sha) => {
        asked.push(sha);
        return Buffer.alloc(16 * 1024 * 1024 + 1, 65);
      },
    );
    expect(made).toMatchObject({ ok: false, reason: "size_exceeded" });
    expect(asked).toHaveLength(1);
  });
});
