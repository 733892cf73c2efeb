import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Span } from "../../src/model/span.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { log } from "../store/log-records.ts";
import { gauge, pointAt } from "../store/points.ts";
import { allSpans } from "../store/naive.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { whetstone, type Ended } from "../support/whetstone.ts";

let folder = "";
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-keep-"));
});
afterAll(() => rm(folder, { recursive: true }));

const cli = (...args: string[]): Promise<Ended> => whetstone(args, { cwd: folder });
const json = async (...args: string[]) => JSON.parse((await cli(...args, "--json")).out) as Record<string, never>;
const DAY = 86_400_000_000_000n;

/** A store with a trace per day before today, those of even days with an error; returns its name. */
async function daily(days: number, filler = 0): Promise<string> {
  count += 1;
  const name = `${count}.db`;
  const now = BigInt(Date.now()) * 1_000_000n;
  const spans = Array.from({ length: days }, (_, n): Span =>
    span({
      traceId: traceId(n),
      spanId: spanId(n),
      startNs: now - BigInt(n) * DAY - DAY / 2n,
      status: n % 2 === 0 ? "error" : "ok",
      attributes: { n, filler: "x".repeat(filler) },
    }),
  );
  await using store = await openSqliteStore({ path: join(folder, name) });
  await store.append(spans);
  return name;
}

async function daysIn(name: string): Promise<readonly number[]> {
  await using store = await openSqliteStore({ path: join(folder, name) });
  return (await allSpans(store)).map(({ attributes }) => Number(attributes["n"])).toSorted((a, b) => a - b);
}

const kept = (days: number, plain: number, error: number): readonly number[] =>
  Array.from({ length: days }, (_, n) => n).filter((n) => n < (n % 2 === 0 ? error : plain));

describe("retain", () => {
  test("keeps 30 days, 90 with an error, unless told otherwise; a dry run removes nothing", async () => {
    const db = await daily(120);
    const dry = await json("retain", "--db", db, "--dry-run");
    expect(dry).toMatchObject({
      dryRun: true,
      plain: { traces: 45, spans: 45 },
      error: { traces: 15, spans: 15 },
      rollups: { rows: 60 },
    });
    expect(await daysIn(db)).toHaveLength(120);
    expect(await json("retain", "--db", db)).toMatchObject({ ...dry, dryRun: false });
    expect(await daysIn(db)).toEqual(kept(120, 30, 90));
    const again = await cli("retain", "--db", db);
    expect([again.code, again.err]).toEqual([0, ""]);
    expect(again.out).toMatch(/traces without error +30d +0 +0 spans/);
    expect(again.out).toMatch(/The store takes [\d.]+ kB; .* is free for what comes/);
  });

  test("removes metric points and log records by their own ages, and says how many", async () => {
    const db = await daily(1);
    const now = BigInt(Date.now()) * 1_000_000n;
    const days = Array.from({ length: 60 }, (_, n) => now - BigInt(n) * 86_400_000_000_000n);
    {
      await using store = await openSqliteStore({ path: join(folder, db) });
      await store.metrics.append(days.map((timeNs) => ({ ...pointAt(gauge(), 1, 1), timeNs })));
      await store.logs.append(days.map((timeNs) => log(1, { timeNs })));
    }
    expect(await json("retain", "--db", db, "--logs", "10d", "--dry-run")).toMatchObject({
      metrics: { points: 30 },
      logs: { records: 50 },
    });
    const { out } = await cli("retain", "--db", db, "--logs", "10d", "--metrics", "forever");
    expect(out).toMatch(/metrics +forever +0 +points/);
    expect(out).toMatch(/logs +10d +50 +records/);
    const made = await json("backup", "kept/signals.db", "--db", db);
    expect(made).toMatchObject({ traces: 1 });
    await cli("restore", "kept/signals.db", "--db", "again/signals.db");
    await using restored = await openSqliteStore({ path: join(folder, "again/signals.db"), readOnly: true });
    expect((await restored.logs.search({}, { limit: 1 })).total).toBe(10);
    expect((await restored.metrics.list({}, { limit: 1 })).metrics[0]?.firstNs).toBe(days.at(-1));
  });

  test("goes by whetstone.yaml, and by flags before it", async () => {
    const db = await daily(40);
    await writeFile(
      join(folder, "ages.yaml"),
      "version: 1\nretention: { traces: 10d, errors: 20d, rollups: forever }\n",
    );
    expect(await json("retain", "--db", db, "--config", "ages.yaml")).toMatchObject({ rollups: { rows: 0 } });
    expect(await daysIn(db)).toEqual(kept(40, 10, 20));
    await cli("retain", "--db", db, "--config", "ages.yaml", "--errors", "5d", "--traces", "forever");
    expect(await daysIn(db)).toEqual(kept(40, 10, 5));
  });

  test("a size takes the oldest before their age; what cannot be kept is said and exits with 1", async () => {
    const db = await daily(400, 4_000);
    const ages = ["--traces", "1000d", "--errors", "1000d", "--rollups", "forever"];
    const dry = await cli("retain", "--db", db, ...ages, "--size", "1MB", "--dry-run");
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining("would go before their age")]);
    const cut = await json("retain", "--db", db, ...ages, "--size", "1MB");
    expect(Number(cut["usedBytes"])).toBeLessThanOrEqual(1e6);
    expect(cut).toMatchObject({ over: 0 });
    expect(Number(cut["usedBytes"])).toBeGreaterThan(0.9e6);
    const left = await daysIn(db);
    // The newest of both kinds, which were to be kept for the same time, up to a step.
    expect(left.at(-1)).toBeLessThan(left.length + 10);
    const compacted = await json("retain", "--db", db, ...ages, "--size", "1MB", "--compact");
    expect(compacted["bytes"]).toBe(compacted["usedBytes"]);
    const impossible = await cli("retain", "--db", db, ...ages, "--size", "1kB");
    expect([impossible.code, impossible.out]).toEqual([1, expect.stringContaining("no trace is left")]);
  });

  test.each([
    [["--traces", "0d"], "usage"],
    [["--traces", "soon"], "usage"],
    [["--size", "big"], "usage"],
    [["--db", "missing.db"], "not_found"],
    [["--config", "missing.yaml"], "config_missing"],
  ])("%j is refused with %s, and nothing is removed", async (args, code) => {
    const db = await daily(50);
    const ended = await cli("retain", "--db", db, ...args);
    expect([ended.code, ended.out]).toEqual([2, ""]);
    expect(ended.err).toContain(`error (${code})`);
    expect(await daysIn(db)).toHaveLength(50);
  });
});

describe("backup and restore", () => {
  test("bring a store back; neither replaces anything without --force", async () => {
    const db = await daily(30);
    const made = await cli("backup", "kept/a.db", "--db", db);
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(made.out).toMatch(/^30 traces, [\d.]+ kB, in kept\/a\.db; checked/);
    expect((await cli("backup", "kept/a.db", "--db", db)).code).toBe(2);
    expect(await json("backup", "kept/a.db", "--db", db, "--force")).toMatchObject({ file: "kept/a.db", traces: 30 });
    await cli("retain", "--db", db, "--traces", "1s", "--errors", "1s");
    expect(await daysIn(db)).toEqual([]);
    const refused = await cli("restore", "kept/a.db", "--db", db);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("--force")]);
    expect((await cli("restore", "kept/a.db", "--db", db, "--force")).out).toMatch(/^30 traces, .* restored to/);
    expect(await daysIn(db)).toHaveLength(30);
    expect(await json("restore", "kept/a.db", "--db", "new/place.db")).toMatchObject({ traces: 30 });
    expect(await daysIn("new/place.db")).toHaveLength(30);
  });

  test("of PostgreSQL are left to its own tools, which are named", async () => {
    const url = "postgres://user:hunter2@127.0.0.1:1/db";
    const refused = await cli("backup", "b.dump", "--db", url);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("pg_dump --format=custom")]);
    expect((await cli("restore", "b.dump", "--db", url)).err).toContain("pg_restore");
    expect(refused.err).not.toContain("hunter2");
  });

  test("of what is not there are refused and leave nothing", async () => {
    expect((await cli("backup", "c.db", "--db", "missing.db")).code).toBe(2);
    expect((await cli("restore", "missing.db", "--db", "d.db")).code).toBe(2);
    await writeFile(join(folder, "text.db"), "no backup");
    await writeFile(join(folder, "text.db.sha256"), "no checksum");
    const ended = await cli("restore", "text.db", "--db", "d.db");
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining("text.db.sha256")]);
    expect(["c.db", "d.db", "missing.db"].filter((name) => existsSync(join(folder, name)))).toEqual([]);
    expect(await readFile(join(folder, "text.db"), "utf8")).toBe("no backup");
  });
});
