import { readdirSync, readFileSync, watch } from "node:fs";
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { allSpans } from "../store/naive.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { startWhetstone, whetstone, type Ended } from "../support/whetstone.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-export-"));
});
afterAll(() => rm(folder, { recursive: true }));

const cli = (...args: string[]): Promise<Ended> => whetstone(args, { cwd: folder });
const START = 1_763_635_500_000_000_000n;

/** A store of `count` spans with `filler` characters each. */
async function store(name: string, { count, filler }: { count: number; filler: number }): Promise<string> {
  const path = join(folder, name);
  await using db = await openSqliteStore({ path });
  for (let first = 0; first < count; first += 2_000) {
    await db.append(
      Array.from({ length: Math.min(2_000, count - first) }, (_, at) => {
        const n = first + at;
        return span({
          traceId: traceId(Math.floor(n / 10)),
          spanId: spanId(n),
          startNs: START + BigInt(n) * 1_000_000_000n,
          service: n % 2 === 0 ? "even" : "odd",
          resource: { "service.name": n % 2 === 0 ? "even" : "odd" },
          attributes: { n, filler: "x".repeat(filler) },
        });
      }),
    );
  }
  return path;
}

describe("export", () => {
  test("OTLP is imported again to an equal store, from standard output and from a file", async () => {
    const db = await store("a.db", { count: 1_250, filler: 10 });
    const piped = await cli("export", "--db", db);
    expect([piped.code, piped.err]).toEqual([0, "1250 spans exported.\n"]);
    const filed = await cli("export", "--db", db, "-o", "deep/a.jsonl", "--json");
    expect(JSON.parse(filed.out)).toEqual({ file: "deep/a.jsonl", format: "otlp", spans: 1_250 });
    expect(await readFile(join(folder, "deep/a.jsonl"), "utf8")).toBe(piped.out);
    expect((await cli("import", "--db", "b.db", "deep/a.jsonl")).code).toBe(0);
    await using from = await openSqliteStore({ path: db });
    await using to = await openSqliteStore({ path: join(folder, "b.db") });
    expect(await allSpans(to)).toEqual(await allSpans(from));
    const window = { sinceNs: START, untilNs: START + 10n ** 13n };
    expect(await to.operations(window)).toEqual(await from.operations(window));
  });

  test("filters choose spans; NDJSON and CSV have one row each", async () => {
    const db = await store("c.db", { count: 40, filler: 0 });
    const since = new Date(Number(START / 1_000_000n) + 20_000).toISOString();
    const filtered = ["--db", db, "--service", "odd", "--since", since];
    const ndjson = (await cli("export", "--format", "ndjson", ...filtered)).out.trimEnd().split("\n");
    expect(ndjson.map((line) => (JSON.parse(line) as { attributes: { n: number } }).attributes.n)).toEqual([
      21, 23, 25, 27, 29, 31, 33, 35, 37, 39,
    ]);
    expect((await cli("export", "--format", "csv", ...filtered)).out.trimEnd().split("\r\n")).toHaveLength(11);
    const none = await cli("export", "--format", "ndjson", "--db", db, "--service", "nobody");
    expect([none.code, none.out, none.err]).toEqual([0, "", "0 spans exported.\n"]);
  });

  test("the store that whetstone.yaml names is the one", async () => {
    await store("named.db", { count: 3, filler: 0 });
    await mkdir(join(folder, "configured"), { recursive: true });
    await writeFile(join(folder, "configured", "whetstone.yaml"), "version: 1\ndb: ../named.db\n");
    const ended = await whetstone(["export"], { cwd: join(folder, "configured") });
    expect(ended.err).toBe("3 spans exported.\n");
  });

  test.each([
    [["export", "--format", "xml"], /choices|Allowed/],
    [["export", "--since", "yesterday"], /error \(usage\)/],
    [["export", "--config", "missing.yaml"], /error \(config_missing\)/],
    [["export", "--db", "a.db/x"], /error \(not_found\)/],
  ])("%j is refused", async (args, says) => {
    const ended = await cli(...args);
    expect([ended.code, ended.out]).toEqual([2, ""]);
    expect(ended.err).toMatch(says);
  });
});

describe("export of a large store", () => {
  let db = "";
  beforeAll(async () => {
    db = await store("large.db", { count: 40_000, filler: 2_000 });
  });

  /** Peak memory of a command in MB, whose output is read only when it has had time to pile up. */
  async function peakOf(args: string[]): Promise<{ peak: number; bytes: number }> {
    const file = join(folder, "peak");
    await writeFile(
      join(folder, "peak.mjs"),
      `import { writeFileSync } from "node:fs";
      process.on("exit", () => writeFileSync(${JSON.stringify(file)}, String(process.resourceUsage().maxRSS)));`,
    );
    // A small heap: what is kept shows as more memory, or as the end of the process, not as lazy collection.
    const heap = "--max-old-space-size=48 --max-semi-space-size=8";
    const env = { NODE_OPTIONS: `--import ${join(folder, "peak.mjs")} ${heap}` };
    const { child, ended } = startWhetstone(args, { cwd: folder, env });
    let bytes = 0;
    child.stdout?.removeAllListeners("data");
    for await (const text of child.stdout ?? []) {
      bytes += Buffer.byteLength(text as string);
      await new Promise(setImmediate);
    }
    await ended;
    return { peak: Number(readFileSync(file, "utf8")) / 1024, bytes };
  }

  test("takes no more memory than that of a small one, on standard output and in a file", async () => {
    const small = await peakOf(["export", "--db", db, "--until", "2000-01-01T00:00:00Z"]);
    for (const to of [[], ["-o", "large.jsonl"]]) {
      const large = await peakOf(["export", "--db", db, ...to]);
      if (to.length === 0) expect(large.bytes).toBeGreaterThan(80e6);
      expect(large.peak - small.peak).toBeLessThan(70);
    }
    await rm(join(folder, "large.jsonl"));
  });

  test("that is interrupted leaves the old file and no draft", async () => {
    const target = join(folder, "kept");
    await mkdir(target);
    await writeFile(join(target, "spans.jsonl"), "old");
    const { child, ended } = startWhetstone(["export", "--db", db, "-o", "kept/spans.jsonl"], { cwd: folder });
    const watcher = watch(target);
    watcher.once("change", () => child.kill("SIGTERM"));
    const { code, err } = await ended;
    watcher.close();
    expect(code).toBe(1);
    expect(err).toContain("error (interrupted)");
    expect(readdirSync(target)).toEqual(["spans.jsonl"]);
    expect(readFileSync(join(target, "spans.jsonl"), "utf8")).toBe("old");
  });

  test("ends well when the reader has enough", async () => {
    const { child, ended } = startWhetstone(["export", "--db", db, "--format", "ndjson"], { cwd: folder });
    child.stdout?.once("data", () => child.stdout?.destroy());
    const { code, err } = await ended;
    expect(code).toBe(0);
    expect(err).toMatch(/^\d+ spans exported\.\n$/);
  });
});
