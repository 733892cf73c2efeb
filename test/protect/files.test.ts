import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { z } from "zod";
import { WhetstoneError } from "../../src/model/error.ts";
import { readJson, writeFileWhole } from "../../src/protect/files.ts";
import { temporaryFolder } from "../support/git-repository.ts";

const run = promisify(execFile);
const SOURCE = join(import.meta.dirname, "../../src/protect/files.ts");

describe("writeFileWhole", () => {
  test("writes text and bytes, makes missing folders, leaves no draft", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "a/b/c.json");
    await writeFileWhole(path, "žluť\n");
    expect(await readFile(path, "utf8")).toBe("žluť\n");
    await writeFileWhole(path, new Uint8Array([0, 255]));
    expect([...(await readFile(path))]).toEqual([0, 255]);
    expect(await readdir(join(folder.path, "a/b"))).toEqual(["c.json"]);
  });

  test("writes a stream as it comes; one that fails leaves the old file, no draft, and its own error", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "lines");
    async function* lines(fault?: Error): AsyncGenerator<string> {
      for (let n = 0; n < 3; n += 1) yield `line ${n}\n`;
      if (fault) throw fault;
    }
    await writeFileWhole(path, lines());
    const unread = new WhetstoneError("store_read_failed", "no more");
    await expect(writeFileWhole(path, lines(unread))).rejects.toBe(unread);
    await expect(writeFileWhole(path, lines(new Error("odd")))).rejects.toMatchObject({ code: "write_failed" });
    expect(await readFile(path, "utf8")).toBe("line 0\nline 1\nline 2\n");
    expect(await readdir(folder.path)).toEqual(["lines"]);
  });

  test("names path and cause when the target is a folder, and leaves nothing behind", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "taken"));
    await expect(writeFileWhole(join(folder.path, "taken"), "x")).rejects.toMatchObject({
      code: "write_failed",
      message: expect.stringMatching(/taken could not be written: E\w+/),
      data: { path: join(folder.path, "taken") },
    });
    expect(await readdir(folder.path)).toEqual(["taken"]);
  });

  test("fails clearly when a parent is a file", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "file"), "");
    await expect(writeFileWhole(join(folder.path, "file/x"), "x")).rejects.toMatchObject({ code: "write_failed" });
  });

  test("when space runs out in the middle the old file stands and no draft is left", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "state.json");
    await writeFile(path, "old");
    // A limit on file size makes the write itself fail part-way, as a full disk does.
    const script = `import { writeFileWhole } from ${JSON.stringify(SOURCE)};
      const error = await writeFileWhole(${JSON.stringify(path)}, "x".repeat(1e6)).then(() => undefined, (e) => e);
      console.log(JSON.stringify({ code: error?.code, message: error?.message }));`;
    const file = join(folder.path, "script.ts");
    await writeFile(file, script);
    const shell = `trap '' XFSZ; ulimit -f 8; exec "$0" --disable-warning=ExperimentalWarning "$1"`;
    const { stdout } = await run("bash", ["-c", shell, process.execPath, file]);
    expect(JSON.parse(stdout)).toMatchObject({ code: "write_failed", message: expect.stringContaining("EFBIG") });
    expect(await readFile(path, "utf8")).toBe("old");
    expect((await readdir(folder.path)).sort()).toEqual(["script.ts", "state.json"]);
  });

  test("concurrent writers: the file is one of the contents, whole", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "f");
    const contents = ["a", "b", "c", "d"].map((letter) => letter.repeat(100_000));
    await Promise.all(contents.map((content) => writeFileWhole(path, content)));
    expect(contents).toContain(await readFile(path, "utf8"));
    expect(await readdir(folder.path)).toEqual(["f"]);
  });
});

const Shape = z.strictObject({ a: z.object({ list: z.array(z.number()) }), "odd key": z.string().optional() });

describe("readJson", () => {
  const read = (path: string, limitBytes = 1_000) =>
    readJson({ path, schema: Shape, limitBytes, code: "session_invalid" });

  test("reads what fits the schema, with or without a byte order mark", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "f.json");
    await writeFile(path, '{"a":{"list":[1]}}');
    expect(await read(path)).toEqual({ a: { list: [1] } });
    await writeFile(path, '\ufeff{"a":{"list":[1]}}');
    expect(await read(path)).toEqual({ a: { list: [1] } });
  });

  test.each([
    ["not JSON", '{"a":\n  {"list": [1,]}}', 'line 2, column 15: found "]", expected value'],
    ["truncated", '{"a": {"li', 'line 1, column 8: found "\\"", expected key'],
    ["empty", "", "line 1, column 1: the text ends, expected value"],
    ["a wrong field", '{"a":{"list":[1,"x"]}}', "field a.list[1] is wrong"],
    ["an unknown key", '{"a":{"list":[]},"zz":1}', '"zz"'],
    ["another type", "[]", "the whole is wrong"],
  ])("%s is said with its place", async (_name, text, message) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "f.json");
    await writeFile(path, text);
    await expect(read(path)).rejects.toMatchObject({
      code: "session_invalid",
      message: expect.stringContaining(message),
      data: { path },
    });
    await expect(read(path)).rejects.toThrow(path);
  });

  test("missing, a folder, too large and not UTF-8 are said as such", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "f.json");
    await expect(read(path)).rejects.toThrow("there is no such file");
    await expect(read(folder.path)).rejects.toThrow("not a regular file");
    await writeFile(path, new Uint8Array([0x22, 0xff, 0x22]));
    await expect(read(path)).rejects.toThrow("not UTF-8");
    await truncate(path, 2_000_000_000);
    await expect(read(path)).rejects.toThrow("larger than 1000 bytes");
  });

  test("a file of exactly the limit is read, one byte more is not", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "f.json");
    const text = '{"a":{"list":[]}}';
    await writeFile(path, text);
    expect(await read(path, text.length)).toEqual({ a: { list: [] } });
    await expect(read(path, text.length - 1)).rejects.toThrow("larger than 16 bytes");
  });

  test("a link that leads nowhere is a missing file", async () => {
    await using folder = await temporaryFolder();
    await symlink(join(folder.path, "gone"), join(folder.path, "link"));
    await expect(read(join(folder.path, "link"))).rejects.toThrow("there is no such file");
  });

  test("what was written whole is read back", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "f.json");
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        await writeFileWhole(path, JSON.stringify(value));
        const file = { path, schema: z.unknown(), limitBytes: 1_000_000, code: "input_unreadable" as const };
        expect(await readJson(file)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 30 },
    );
  });

  test("a file without read permission says so", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "f.json");
    await writeFile(path, '{"a":{"list":[]}}');
    await chmod(path, 0);
    // Root may read everything; for everybody else the permission decides.
    const result = await read(path).catch((error: Error) => error.message);
    if (process.getuid?.() === 0) expect(result).toEqual({ a: { list: [] } });
    else expect(result).toContain("EACCES");
  });
});
