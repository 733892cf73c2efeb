import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import type { LedgerEntry, LedgerRecord } from "../../src/model/ledger.ts";
import { manualClock } from "../../src/model/time.ts";
import { type IndexOptions, type LedgerPage, openLedgerIndex } from "../../src/protect/ledger-index.ts";
import { actorFilter, checkFilter, fits, type LedgerFilter, microsOf } from "../../src/protect/ledger-query.ts";
import { appendLedger, readLedger } from "../../src/protect/ledger.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { entries, entry } from "./ledger-entries.ts";

const START_MS = Date.parse("2026-11-28T10:00:00Z");
const DAY_MS = 86_400_000;
const word = fc.constantFrom("a", "b", "c");
const anyEntry: fc.Arbitrary<LedgerEntry> = fc.record({
  actor: fc.record({ type: fc.constantFrom("person", "bot", "workflow"), id: word }),
  operation: word,
  target: word,
  decision: fc.constantFrom("allow", "deny", "none"),
  reasonCode: fc.constantFrom("ok", "recorded"),
  result: fc.string({ maxLength: 5 }),
  parametersDigest: fc.constant("0".repeat(64)),
  run: word,
});
const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const anyFilter: fc.Arbitrary<LedgerFilter> = fc.record({
  actor: some(fc.constantFrom("a", "person:a", "bot:", "person:b", "nobody", "workflow:c")),
  operation: some(fc.constantFrom("a", "b", "none such")),
  target: some(word),
  reason: some(fc.constantFrom("ok", "recorded", "disabled")),
  decision: some(fc.constantFrom("allow", "deny")),
  sinceMicros: some(fc.nat(9).map((day) => (START_MS + day * DAY_MS) * 1_000)),
  untilMicros: some(fc.nat(9).map((day) => (START_MS + day * DAY_MS) * 1_000)),
});

/** A ledger whose records lie a day apart, so that it goes over several months' files. */
async function daily(all: readonly LedgerEntry[]): Promise<StateStore> {
  const state = openMemoryState();
  const clock = manualClock(BigInt(START_MS) * 1_000_000n);
  for (const one of all) {
    await appendLedger(state, [one], { clock });
    clock.advance(DAY_MS);
  }
  return state;
}

const clock = manualClock(BigInt(START_MS) * 1_000_000n);
async function filled(count: number): Promise<StateStore> {
  const state = openMemoryState();
  await appendLedger(state, entries(count), { clock });
  return state;
}

const LARGE = { limit: 1_000 } as const;

test("refusals by their reason are those of the records", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { maxLength: 12 }), async (all) => {
      const state = openMemoryState();
      for (const one of all) await appendLedger(state, [one], { clock });
      const index = await openLedgerIndex(await state.view());
      const expected = new Map<string, number>();
      for (const { decision, reasonCode } of all) {
        if (decision === "deny") expected.set(reasonCode, (expected.get(reasonCode) ?? 0) + 1);
      }
      expect(new Map(index.denied())).toEqual(expected);
      index.close();
    }),
    { numRuns: 25 },
  );
});

async function ask(state: StateStore, filter: LedgerFilter, options: IndexOptions = {}) {
  const index = await openLedgerIndex(await state.view(), options);
  try {
    return { made: index.made, records: index.records, page: await index.query(filter, LARGE) };
  } finally {
    index.close();
  }
}

describe("questions to the ledger", () => {
  test("get what going through all records finds", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyEntry, { maxLength: 8 }),
        fc.array(anyFilter, { minLength: 1, maxLength: 6 }),
        async (all, filters) => {
          const state = await daily(all);
          const { records } = await readLedger(await state.view());
          for (const filter of filters) {
            const expected = records.filter((record) => fits(record, filter));
            expect((await ask(state, filter)).page).toEqual({
              records: expected,
              total: expected.length,
              before: null,
            });
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("page by page, newest first, nothing twice and nothing left out", async () => {
    const state = await filled(23);
    const index = await openLedgerIndex(await state.view());
    const seen: LedgerRecord[] = [];
    let before: number | undefined;
    for (
      let page: LedgerPage | undefined;
      page === undefined || page.before !== null;
      before = page.before ?? undefined
    ) {
      page = await index.query({ decision: "deny" }, { limit: 5, before });
      expect(page.total).toBe(12);
      seen.unshift(...page.records);
    }
    expect(seen.map(({ seq }) => seq)).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23]);
    index.close();
  });

  test.each([{ decision: "maybe" }, { reason: "because" }])("%j is a misspelt word, not an empty answer", (filter) => {
    expect(() => checkFilter(filter)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("actors are named by id, by kind and id, or by kind", () => {
    expect(actorFilter("ada")).toEqual({ type: null, id: "ada" });
    expect(actorFilter("bot:")).toEqual({ type: "bot", id: null });
    expect(actorFilter("person:a:b")).toEqual({ type: "person", id: "a:b" });
    expect(actorFilter("team:x")).toEqual({ type: null, id: "team:x" });
  });

  test("times are compared to the microsecond", () => {
    expect(microsOf({ time: "1970-01-01T00:00:01.000002Z" })).toBe(1_000_002);
  });
});

describe("the index file", () => {
  test("is made once, used again, extended by what came after, over several files", async () => {
    await using folder = await temporaryFolder();
    const options = { path: join(folder.path, "deep/er/index.db") };
    const state = await filled(5);
    expect(await ask(state, {}, options)).toMatchObject({ made: "rebuilt", records: 5 });
    expect(await ask(state, {}, options)).toMatchObject({ made: "fresh", records: 5 });
    for (let round = 0; round < 3; round += 1) await appendLedger(state, entries(200), { clock });
    expect((await (await state.view()).list("ledger/")).length).toBeGreaterThan(1);
    expect(await ask(state, { actor: "run-3" }, options)).toMatchObject({
      made: "extended",
      records: 605,
      page: { total: 4 },
    });
    expect(await ask(state, { actor: "run-3" }, options)).toMatchObject({ made: "fresh", page: { total: 4 } });
    const later = manualClock(BigInt(START_MS + 40 * DAY_MS) * 1_000_000n);
    await appendLedger(state, [entry(3)], { clock: later });
    expect(await ask(state, { actor: "run-3" }, options)).toMatchObject({ made: "extended", page: { total: 5 } });
  });

  test("of another ledger is made anew", async () => {
    await using folder = await temporaryFolder();
    const options = { path: join(folder.path, "index.db") };
    await ask(await filled(5), {}, options);
    const another = openMemoryState();
    await appendLedger(another, [entry(8), entry(9)], { clock });
    expect(await ask(another, { actor: "run-8" }, options)).toMatchObject({
      made: "rebuilt",
      records: 2,
      page: { total: 1 },
    });
    expect((await ask(another, { actor: "run-3" }, options)).page.total).toBe(0);
    expect(await ask(openMemoryState(), {}, options)).toMatchObject({ records: 0, page: { total: 0, records: [] } });
  });

  test.each([
    ["no database", (path: string) => writeFile(path, "what is this".repeat(500))],
    ["cut off", async (path: string) => truncate(path, Math.floor((await stat(path)).size / 2))],
    ["empty", (path: string) => truncate(path, 0)],
    ["damaged in the middle", (path: string) => overwritten(path)],
    ["of another version", async (path: string) => versioned(path)],
  ])("that is %s is made anew", async (_name, damage) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "index.db");
    const state = await filled(400);
    await ask(state, {}, { path });
    await damage(path);
    await appendLedger(state, [entry(3)], { clock });
    expect(await ask(state, { actor: "run-3" }, { path })).toMatchObject({
      made: "rebuilt",
      records: 401,
      page: { total: 2 },
    });
    expect(await ask(state, {}, { path })).toMatchObject({ made: "fresh", records: 401 });
  });

  test("that cannot be made is an error that says where", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "file"), "");
    const path = join(folder.path, "file", "index.db");
    await expect(openLedgerIndex(await (await filled(1)).view(), { path })).rejects.toMatchObject({
      code: "store_open_failed",
      data: { path },
    });
  });

  test("is not made of a broken ledger, and what was altered since is not shown", async () => {
    const state = await filled(5);
    const index = await openLedgerIndex(await state.view());
    const text = (await (await state.view()).read("ledger/2026-11.ndjson")) ?? "";
    const forged = text.replace("outcome 2", "outcome 7");
    await state.update("forge", async () => ({
      change: new Map([["ledger/2026-11.ndjson", forged]]),
      value: undefined,
    }));
    await expect(openLedgerIndex(await state.view())).rejects.toMatchObject({
      code: "ledger_broken",
      data: { seq: 2 },
    });
    await using folder = await temporaryFolder();
    const path = join(folder.path, "index.db");
    await ask(await filled(5), {}, { path });
    const stale = await openLedgerIndex(await state.view(), { path });
    expect(stale.made).toBe("fresh");
    await expect(stale.query({}, LARGE)).rejects.toMatchObject({ code: "ledger_broken", data: { seq: 2 } });
    stale.close();
    index.close();
  });

  test("a cut off ledger is not indexed", async () => {
    const state = await filled(5);
    const text = (await (await state.view()).read("ledger/2026-11.ndjson")) ?? "";
    const cut = text.split("\n").slice(0, 3).join("\n") + "\n";
    await state.update("cut", async () => ({ change: new Map([["ledger/2026-11.ndjson", cut]]), value: undefined }));
    await expect(openLedgerIndex(await state.view())).rejects.toMatchObject({
      code: "ledger_broken",
      data: { seq: 4 },
    });
  });
});

async function overwritten(path: string): Promise<void> {
  const bytes = await readFile(path);
  await writeFile(path, bytes.fill(0xff, 4_096));
}

function versioned(path: string): Promise<void> {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 99");
  db.close();
  return Promise.resolve();
}
