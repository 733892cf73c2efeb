import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openGitState } from "../../src/github/git-state.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import { manualClock } from "../../src/model/time.ts";
import { appendLedger, planLedger, readLedger, verifyLedger } from "../../src/protect/ledger.ts";
import { temporaryRepository } from "../support/git-repository.ts";
import { entries, entry } from "./ledger-entries.ts";

const at = (text: string) => manualClock(BigInt(Date.parse(text)) * 1_000_000n);
const NOVEMBER = "2026-11-20T10:00:00Z";
const SEGMENT = "ledger/2026-11.ndjson";

const text = async (state: StateStore, path = SEGMENT) => (await (await state.view()).read(path)) ?? "";
const put = (state: StateStore, files: Record<string, string | null>) =>
  state.update("test", async () => ({ change: new Map(Object.entries(files)), value: undefined }));
const verify = async (state: StateStore) => verifyLedger(await state.view());

async function filled(count: number, clock = at(NOVEMBER)): Promise<StateStore> {
  const state = openMemoryState();
  await appendLedger(state, entries(count), { clock });
  return state;
}

describe("ledger", () => {
  test("is empty and sound at first; no entries make no commit", async () => {
    const state = openMemoryState();
    expect(await verify(state)).toMatchObject({ ok: true, records: 0 });
    expect(await appendLedger(state, [], { clock: at(NOVEMBER) })).toEqual({ records: [] });
    expect((await state.view()).head).toBeUndefined();
  });

  test("appends in order, one line each, with the clock's time", async () => {
    const state = await filled(2);
    const clock = at(NOVEMBER);
    clock.advance(1.5);
    const { records } = await appendLedger(state, [entry(3)], { clock });
    expect(records).toMatchObject([{ seq: 3, time: "2026-11-20T10:00:00.001500Z", result: "outcome 3" }]);
    const read = await readLedger(await state.view());
    expect(read.records.map(({ result }) => result)).toEqual(["outcome 1", "outcome 2", "outcome 3"]);
    expect((await text(state)).match(/\n/g)).toHaveLength(3);
    expect(await verify(state)).toMatchObject({ ok: true, records: 3, tip: { seq: 3, digest: records[0]?.digest } });
  });

  test("one segment per month, one chain over all", async () => {
    const state = await filled(2);
    await appendLedger(state, [entry(3)], { clock: at("2026-12-01T00:00:00Z") });
    await appendLedger(state, [entry(4)], { clock: at("2027-01-31T23:59:59Z") });
    const view = await state.view();
    expect(await view.list("ledger")).toEqual([SEGMENT, "ledger/2026-12.ndjson", "ledger/2027-01.ndjson"]);
    expect(await verifyLedger(view)).toMatchObject({ ok: true, records: 4 });
  });

  test("a clock that is behind does not write before what is there", async () => {
    const state = await filled(1, at("2026-12-01T00:00:00Z"));
    await appendLedger(state, [entry(2)], { clock: at(NOVEMBER) });
    expect(await (await state.view()).list("ledger")).toEqual(["ledger/2026-12.ndjson"]);
    expect(await verify(state)).toMatchObject({ ok: true, records: 2 });
  });

  test("its change can go into one commit with others", async () => {
    const state = openMemoryState();
    const records = await state.update("both", async (view) => {
      const { change, value } = await planLedger(view, [entry(1)], { clock: at(NOVEMBER) });
      return { change: new Map([...change, ["outcomes/o.json", "{}"]]), value: value.records };
    });
    expect(records).toHaveLength(1);
    expect(await (await state.view()).list("")).toEqual(["ledger-tip.json", SEGMENT, "outcomes/o.json"]);
  });

  test("eight writers at once on real git: one chain with every entry once", async () => {
    await using repository = await temporaryRepository();
    const clock = at(NOVEMBER);
    const open = () => openGitState({ cwd: repository.root, now: clock.now });
    await Promise.all(entries(8).map((one) => appendLedger(open(), [one], { clock })));
    const view = await open().view();
    expect(await verifyLedger(view)).toMatchObject({ ok: true, records: 8 });
    const { records } = await readLedger(view);
    expect(records.map(({ run }) => run).sort()).toEqual(entries(8).map(({ run }) => run));
    expect(await repository.git("log", "-1", "--format=%s", "whetstone/state")).toBe("ledger: record");
  });
});

describe("a damaged ledger", () => {
  test("any changed byte is found", async () => {
    const sound = await text(await filled(6));
    const letters = fc.constantFrom("0", "a", ",", "{", "}", " ", '"', "\\", "\n", "é");
    await fc.assert(
      fc.asyncProperty(fc.nat(sound.length - 2), letters, async (index, letter) => {
        fc.pre(sound[index] !== letter);
        const state = openMemoryState();
        await put(state, { [SEGMENT]: sound.slice(0, index) + letter + sound.slice(index + 1) });
        expect((await verify(state)).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ["white space between fields", (line: string) => line.replace(",", ", ")],
    ["a field given twice", (line: string) => line.replace("{", '{"result":"forged",')],
    ["an unknown field", (line: string) => line.replace("{", '{"zzz":1,')],
    ["no JSON", () => "what"],
    ["an empty line", () => ""],
  ])("%s is named with segment and line, and nothing is appended", async (_name, change) => {
    const state = await filled(3);
    const lines = (await text(state)).split("\n");
    await put(state, { [SEGMENT]: lines.toSpliced(1, 1, change(lines[1] ?? "")).join("\n") });
    const verdict = await verify(state);
    expect(verdict).toMatchObject({ ok: false, seq: 2 });
    expect(verdict.ok ? "" : verdict.detail).toContain("ledger/2026-11.ndjson, line 2");
    const { head } = await state.view();
    await expect(appendLedger(state, [entry(4)], { clock: at(NOVEMBER) })).rejects.toMatchObject({
      code: "ledger_broken",
      data: { path: SEGMENT, seq: 2 },
    });
    expect((await state.view()).head).toBe(head);
  });

  test("a removed line stops appends too", async () => {
    const state = await filled(3);
    await put(state, { [SEGMENT]: (await text(state)).split("\n").toSpliced(1, 1).join("\n") });
    await expect(appendLedger(state, [entry(4)], { clock: at(NOVEMBER) })).rejects.toMatchObject({
      code: "ledger_broken",
    });
  });

  test("a missing or emptied segment in the middle is found", async () => {
    for (const content of [null, ""]) {
      const state = await filled(1);
      await appendLedger(state, [entry(2)], { clock: at("2026-12-01T00:00:00Z") });
      await appendLedger(state, [entry(3)], { clock: at("2027-01-01T00:00:00Z") });
      await put(state, { "ledger/2026-12.ndjson": content });
      expect(await verify(state)).toMatchObject({ ok: false, seq: 2 });
    }
  });

  test("a file that is no segment is not passed over", async () => {
    const state = await filled(1);
    await put(state, { "ledger/2026-11.ndjson.bak": "" });
    expect(await verify(state)).toMatchObject({ ok: false, detail: expect.stringContaining("2026-11.ndjson.bak") });
  });

  test("an error of the store is not taken for a verdict", async () => {
    const view = { head: "x", list: async () => [SEGMENT], read: () => Promise.reject(new Error("disk")) };
    await expect(verifyLedger(view)).rejects.toThrow("disk");
  });
});

describe("a half-written last line", () => {
  test("wherever it broke off: said, cut off by the next append, and recorded", async () => {
    const whole = await text(await filled(3));
    const begin = whole.slice(0, -1).lastIndexOf("\n") + 1;
    for (let length = begin + 1; length < whole.length - 1; length += 1) {
      const state = openMemoryState();
      await put(state, { [SEGMENT]: whole.slice(0, length) });
      const torn = { segment: SEGMENT, text: whole.slice(begin, length) };
      expect(await verify(state)).toMatchObject({ ok: false, seq: 3, torn });
      expect((await readLedger(await state.view())).torn).toEqual(torn);
      const appended = await appendLedger(state, [entry(3)], { clock: at(NOVEMBER) });
      expect(appended.recovered).toEqual(torn);
      expect(appended.records.map(({ operation, reasonCode }) => [operation, reasonCode])).toEqual([
        ["recover", "recovered"],
        ["record", "recorded"],
      ]);
      const verdict = await verify(state);
      expect(verdict).toMatchObject({ ok: true, records: 4 });
      expect(verdict).not.toHaveProperty("torn");
    }
  });

  test("only the line break missing: nothing is lost", async () => {
    const state = await filled(3);
    await put(state, { [SEGMENT]: (await text(state)).trimEnd() });
    expect(await verify(state)).toMatchObject({ ok: true, records: 3 });
    const appended = await appendLedger(state, [entry(4)], { clock: at(NOVEMBER) });
    expect(appended).not.toHaveProperty("recovered");
    expect(await verify(state)).toMatchObject({ ok: true, records: 4 });
  });

  test("as the first line of a new month the chain goes on from the month before", async () => {
    const state = await filled(2);
    await put(state, { "ledger/2026-12.ndjson": '{"act' });
    for (const now of ["2026-12-02T00:00:00Z", "2027-01-02T00:00:00Z"]) {
      await appendLedger(state, [entry(3)], { clock: at(now) });
      expect((await verify(state)).ok).toBe(true);
    }
    expect(await verify(state)).toMatchObject({ ok: true, records: 5 });
  });

  test("in an older segment it is a break", async () => {
    const state = await filled(2);
    await appendLedger(state, [entry(3)], { clock: at("2026-12-01T00:00:00Z") });
    await put(state, { [SEGMENT]: (await text(state)).slice(0, -20) });
    expect(await verify(state)).toMatchObject({ ok: false, seq: 2 });
  });
});
