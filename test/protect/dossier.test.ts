import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { DossierManifest } from "../../src/model/dossier.ts";
import { digestOf, sha256 } from "../../src/protect/digest.ts";
import { openDossier, removeDrafts, writeDossier, type DossierHead } from "../../src/protect/dossier.ts";
import { temporaryFolder } from "../support/git-repository.ts";

const run = promisify(execFile);
const SOURCE = join(import.meta.dirname, "../../src/protect/dossier.ts");

const head: DossierHead = {
  id: "d-1",
  run: "r-1",
  target: "notes",
  createdAt: "2026-11-20T10:00:00.000Z",
  baseSha: "a".repeat(40),
  recorded: [],
  verdict: "promoted",
  reasons: ["ok"],
  stages: [{ stage: "gate", verdict: "pass", reasons: ["ok"], durationMs: 1.5, summary: "fine" }],
};
const files = new Map<string, string | Uint8Array>([
  ["report.md", "# Žluť\n"],
  ["evidence/spans.gz", new Uint8Array([0, 255, 10, 13])],
  ["a/b/c-d_e.f", ""],
]);

/** Paths that neither are each other's folder nor differ only in case. */
const paths = fc
  .uniqueArray(fc.stringMatching(/^[a-z0-9_-]{1,8}\.[a-z0-9]{1,4}$/), { maxLength: 5 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc
          .array(fc.stringMatching(/^[a-z0-9_-]{1,6}$/), { maxLength: 3 })
          .map((folders) => [...folders, name].join("/")),
      ),
    ),
  );
const content = fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array({ maxLength: 2_000 }));

/** Everything below a folder, hidden files too. */
async function everything(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

/** Gives a manifest another content and makes its own digest fit again, as somebody who forges a dossier would. */
async function forge(dossier: string, change: (manifest: DossierManifest) => Partial<DossierManifest>): Promise<void> {
  const path = join(dossier, "manifest.json");
  const { digest: _digest, ...before } = JSON.parse(await readFile(path, "utf8")) as DossierManifest;
  const body = { ...before, ...change({ ...before, digest: _digest }) };
  await writeFile(path, `${JSON.stringify({ ...body, digest: digestOf(body) }, undefined, 2)}\n`);
}

describe("a dossier that is written", () => {
  test("opens with the same files and the same manifest, whatever is in them", async () => {
    await using folder = await temporaryFolder();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        paths.chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), content)))),
        async (entries) => {
          count += 1;
          const id = `d-${count}`;
          const manifest = await writeDossier(folder.path, { ...head, id }, new Map(entries));
          const dossier = await openDossier(join(folder.path, id));
          expect(dossier.manifest).toEqual(manifest);
          expect(manifest.files.map(({ path }) => path)).toEqual(entries.map(([path]) => path).sort());
          for (const [path, data] of entries) {
            const bytes = Buffer.from(dossier.bytes(path) ?? "lost");
            expect(bytes.equals(Buffer.from(data as string))).toBe(true);
            if (typeof data === "string") expect(dossier.text(path)).toBe(data.toWellFormed());
          }
          const written = (await everything(join(folder.path, id))).filter((name) => name.includes("."));
          expect(written).toEqual([...entries.map(([path]) => path), "manifest.json"].sort());
        },
      ),
      { numRuns: 40 },
    );
    expect((await readdir(folder.path)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("says of each file its digest and size, and has none that it does not name", async () => {
    await using folder = await temporaryFolder();
    const manifest = await writeDossier(folder.path, head, files);
    expect(manifest.files).toEqual([
      { path: "a/b/c-d_e.f", sha256: sha256(""), bytes: 0 },
      { path: "evidence/spans.gz", sha256: sha256(new Uint8Array([0, 255, 10, 13])), bytes: 4 },
      { path: "report.md", sha256: sha256("# Žluť\n"), bytes: 9 },
    ]);
    const { digest, ...body } = manifest;
    expect(digest).toBe(digestOf(body));
    const dossier = await openDossier(join(folder.path, "d-1"));
    expect([dossier.text("none"), dossier.bytes("manifest.json")]).toEqual([undefined, undefined]);
  });

  test("has the same digest when its files come in another order", async () => {
    await using folder = await temporaryFolder();
    const one = await writeDossier(folder.path, head, files);
    const two = await writeDossier(join(folder.path, "two"), head, new Map([...files].toReversed()));
    expect(two.digest).toBe(one.digest);
  });

  test("opens through a link to its folder and where it was moved", async () => {
    await using folder = await temporaryFolder();
    await writeDossier(folder.path, head, files);
    await rename(join(folder.path, "d-1"), join(folder.path, "moved"));
    await symlink(join(folder.path, "moved"), join(folder.path, "link"));
    expect((await openDossier(join(folder.path, "link"))).text("report.md")).toBe("# Žluť\n");
  });
});

describe("writing is all or nothing", () => {
  test.each([
    "../evil",
    "a/../../evil",
    "/etc/evil",
    "a/./b",
    "a//b",
    "a/",
    "",
    ".",
    "a b",
    "a\nb",
    "a\\b",
    "ž",
    "manifest.json",
  ])("the path %j is refused before anything is written", async (path) => {
    await using folder = await temporaryFolder();
    const inner = join(folder.path, "dossiers");
    const written = writeDossier(inner, head, new Map([...files, [path, "x"]]));
    await expect(written).rejects.toMatchObject({ code: "write_failed", data: { path } });
    expect(await everything(folder.path)).toEqual([]);
  });

  test.each(["../d", "a/b", "", ".", "..", ".hidden", "d 1"])("the id %j is refused", async (id) => {
    await using folder = await temporaryFolder();
    const written = writeDossier(join(folder.path, "dossiers"), { ...head, id }, files);
    await expect(written).rejects.toMatchObject({ code: "write_failed", data: { path: id } });
    expect(await everything(folder.path)).toEqual([]);
  });

  test("a name that is a file and a folder at once leaves nothing", async () => {
    await using folder = await temporaryFolder();
    const both = new Map([
      ["a", "x"],
      ["a/b", "x"],
    ]);
    await expect(writeDossier(folder.path, head, both)).rejects.toMatchObject({ code: "write_failed" });
    expect(await everything(folder.path)).toEqual([]);
  });

  test("a dossier that exists stays as it is", async () => {
    await using folder = await temporaryFolder();
    await writeDossier(folder.path, head, files);
    const before = await everything(folder.path);
    const other = new Map([["report.md", "another"]]);
    await expect(writeDossier(folder.path, head, other)).rejects.toMatchObject({ code: "write_failed" });
    expect(await everything(folder.path)).toEqual(before);
    expect((await openDossier(join(folder.path, "d-1"))).text("report.md")).toBe("# Žluť\n");
  });

  test("two writers of one id: one lands whole, the other is told", async () => {
    await using folder = await temporaryFolder();
    const texts = ["one", "two"];
    const written = await Promise.allSettled(
      texts.map((text) => writeDossier(folder.path, head, new Map([["report.md", text]]))),
    );
    const landed = written.flatMap((result, index) => (result.status === "fulfilled" ? [texts[index]] : []));
    expect(landed).toHaveLength(1);
    expect(await readdir(folder.path)).toEqual(["d-1"]);
    expect((await openDossier(join(folder.path, "d-1"))).text("report.md")).toBe(landed[0]);
  });

  test("what a killed writer left is removed by its id; other drafts and dossiers stay", async () => {
    await using folder = await temporaryFolder();
    await removeDrafts(join(folder.path, "none"), "d-1");
    await writeDossier(folder.path, head, files);
    for (const draft of [".draft-d-1-x", ".draft-d-1-y", ".draft-d-10-x"]) {
      await mkdir(join(folder.path, draft));
      await writeFile(join(folder.path, draft, "report.md"), "half");
    }
    await removeDrafts(folder.path, "d-1");
    expect((await readdir(folder.path)).sort()).toEqual([".draft-d-10-x", "d-1"]);
    expect((await openDossier(join(folder.path, "d-1"))).manifest.id).toBe("d-1");
  });

  test("a folder that is a file is refused by name", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "dossiers"), "");
    const written = writeDossier(join(folder.path, "dossiers"), head, files);
    await expect(written).rejects.toMatchObject({ code: "write_failed", message: expect.stringContaining("d-1") });
  });

  /** Writes a dossier of 1 MB in a process of its own, as another user and under a limit on the size of files. */
  async function writeElsewhere(folder: string, options: { uid?: number; fileBlocks?: number }) {
    const script = join(folder, "script.ts");
    await writeFile(
      script,
      // Another user need not be able to read the sources: he takes over once they are loaded.
      `import { writeDossier } from ${JSON.stringify(SOURCE)};
       ${options.uid === undefined ? "" : `process.setuid(${options.uid});`}
       const files = new Map([["first.txt", "x"], ["a/large.txt", "x".repeat(1e6)]]);
       const error = await writeDossier(${JSON.stringify(join(folder, "dossiers"))}, ${JSON.stringify(head)}, files)
         .then(() => undefined, (e) => e);
       console.log(JSON.stringify({ code: error?.code, message: error?.message, remedy: error?.remedy }));`,
    );
    const limit = options.fileBlocks === undefined ? "" : `trap '' XFSZ; ulimit -f ${options.fileBlocks}; `;
    const command = ["-c", `${limit}exec "$0" --disable-warning=ExperimentalWarning "$1"`, process.execPath, script];
    const { stdout } = await run("bash", command);
    return JSON.parse(stdout) as unknown;
  }

  test("a disk that is full half-way leaves nothing", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "dossiers"));
    expect(await writeElsewhere(folder.path, { fileBlocks: 100 })).toEqual({
      code: "write_failed",
      message: expect.stringMatching(/d-1 could not be written: EFBIG/),
      remedy: expect.stringContaining("disk space"),
    });
    expect(await everything(join(folder.path, "dossiers"))).toEqual([]);
  });

  test("a folder that may only be read is left as it is", async () => {
    await using folder = await temporaryFolder();
    const dossiers = join(folder.path, "dossiers");
    await mkdir(dossiers);
    await chmod(folder.path, 0o755);
    await chmod(dossiers, 0o555);
    // Root may write everywhere, so the writer is then somebody else.
    const told = await writeElsewhere(folder.path, process.getuid?.() === 0 ? { uid: 65_534 } : {});
    expect(told).toMatchObject({ code: "write_failed", message: expect.stringContaining("EACCES") });
    expect(await everything(dossiers)).toEqual([]);
  });
});

describe("opening", () => {
  /** A written dossier to spoil. */
  async function written() {
    const folder = await temporaryFolder();
    await writeDossier(folder.path, head, files);
    const at = (path: string): string => join(folder.path, "d-1", path);
    return { path: at("."), at, folder: folder.path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  }
  const mismatch = (file: string, says: string) => ({
    code: "dossier_mismatch",
    data: { file },
    message: expect.stringContaining(says),
  });

  test("names the file in which a single bit was changed, be it the manifest", async () => {
    await using dossier = await written();
    for (const file of ["report.md", "evidence/spans.gz", "manifest.json"]) {
      const bytes = await readFile(dossier.at(file));
      for (let index = 0; index < bytes.length; index += 1) {
        const changed = Buffer.from(bytes);
        changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8));
        await writeFile(dossier.at(file), changed);
        await expect(openDossier(dossier.path)).rejects.toMatchObject({ code: "dossier_mismatch", data: { file } });
      }
      await writeFile(dossier.at(file), bytes);
    }
    expect((await openDossier(dossier.path)).manifest.id).toBe("d-1");
  });

  test.each([
    ["a byte more", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("x")]), "9 bytes"],
    ["a byte less", (bytes: Buffer) => bytes.subarray(0, -1), "9 bytes"],
    ["nothing", () => Buffer.alloc(0), "9 bytes"],
    ["other bytes", () => Buffer.from("123456789"), "another SHA-256"],
  ])("a file with %s is named", async (_name, change, says) => {
    await using dossier = await written();
    await writeFile(dossier.at("report.md"), change(await readFile(dossier.at("report.md"))));
    await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch("report.md", says));
  });

  test("a file that is missing is named; a dossier that is missing is not found", async () => {
    await using dossier = await written();
    await rm(dossier.at("a/b/c-d_e.f"));
    await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch("a/b/c-d_e.f", "cannot be read: ENOENT"));
    await rm(dossier.at("manifest.json"));
    await expect(openDossier(dossier.path)).rejects.toMatchObject({ code: "not_found" });
    await expect(openDossier(dossier.at("none"))).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("none"),
      remedy: expect.stringContaining(".whetstone/dossiers"),
    });
  });

  test("a manifest in other white space or with a key given twice is not the one that was written", async () => {
    await using dossier = await written();
    const text = await readFile(dossier.at("manifest.json"), "utf8");
    for (const other of [
      JSON.stringify(JSON.parse(text)),
      `${text}\n`,
      text.replace('  "verdict"', '  "verdict": "rejected",\n  "verdict"'),
    ]) {
      await writeFile(dossier.at("manifest.json"), other);
      await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch("manifest.json", "not written as it was"));
    }
  });

  test.each([
    ["no JSON", "{", "is not JSON"],
    ["no UTF-8", new Uint8Array([0xff]), "is not JSON"],
    ["no manifest", "[]\n", "is not a manifest"],
    ["of another version", '{\n  "schema": "whetstone.dossier/2"\n}\n', "is not a manifest"],
  ])("a manifest that is %s is refused as such", async (_name, text, says) => {
    await using dossier = await written();
    await writeFile(dossier.at("manifest.json"), text);
    await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch("manifest.json", says));
  });

  test.each(["../outside", "a/../../outside", "/etc/hostname", "a/./b", "", "manifest.json"])(
    "a manifest that was forged to name %j is refused",
    async (path) => {
      await using dossier = await written();
      await writeFile(join(dossier.folder, "outside"), "secret");
      const file = { path, sha256: sha256("secret"), bytes: 6 };
      await forge(dossier.path, (manifest) => ({ files: [...manifest.files, file] }));
      await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch(path, "not the name of a file"));
    },
  );

  test("a file that is a link is refused, though what it leads to has the right bytes", async () => {
    await using dossier = await written();
    await rename(dossier.at("report.md"), join(dossier.folder, "elsewhere"));
    await symlink(join(dossier.folder, "elsewhere"), dossier.at("report.md"));
    await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch("report.md", "symbolic link"));
  });

  test("a file below a folder that is a link is refused", async () => {
    await using dossier = await written();
    await rename(dossier.at("evidence"), join(dossier.folder, "elsewhere"));
    await symlink(join(dossier.folder, "elsewhere"), dossier.at("evidence"));
    await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch("evidence/spans.gz", "symbolic link"));
  });

  test("a manifest that is a link is refused", async () => {
    await using dossier = await written();
    await rename(dossier.at("manifest.json"), join(dossier.folder, "elsewhere"));
    await symlink(join(dossier.folder, "elsewhere"), dossier.at("manifest.json"));
    await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch("manifest.json", "symbolic link"));
  });

  test("a pipe or a folder in the place of a file is refused, and nothing waits for it", async () => {
    await using dossier = await written();
    await rm(dossier.at("report.md"));
    await run("mkfifo", [dossier.at("report.md")]);
    await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch("report.md", "not a regular file"));
    await rm(dossier.at("report.md"));
    await mkdir(dossier.at("report.md"));
    await expect(openDossier(dossier.path)).rejects.toMatchObject(mismatch("report.md", "not a regular file"));
  });

  test("a forged size is refused before the digest is looked at", async () => {
    await using dossier = await written();
    await forge(dossier.path, ({ files: listed }) => ({
      files: listed.map((file) => ({ ...file, bytes: file.bytes + 1 })),
    }));
    await expect(openDossier(dossier.path)).rejects.toMatchObject({
      code: "dossier_mismatch",
      message: expect.stringContaining("bytes"),
    });
  });

  test("what stands beside the files of the manifest cannot be read through it", async () => {
    await using dossier = await written();
    await writeFile(dossier.at("extra.txt"), "x");
    const opened = await openDossier(dossier.path);
    expect([opened.text("extra.txt"), opened.text("../d-1/report.md")]).toEqual([undefined, undefined]);
  });
});
