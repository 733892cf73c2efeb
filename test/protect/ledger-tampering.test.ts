import { describe, expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { StateView } from "../../src/github/state-port.ts";
import type { LedgerRecord } from "../../src/model/ledger.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { manualClock } from "../../src/model/time.ts";
import { sha256 } from "../../src/protect/digest.ts";
import { chain, CHAIN_START, chainFault, type ChainTip } from "../../src/protect/ledger-chain.ts";
import { ledgerLine } from "../../src/protect/ledger-line.ts";
import { recordsOf } from "../../src/protect/ledger-segment.ts";
import { appendLedger } from "../../src/protect/ledger.ts";
import { verifyLedger } from "../../src/protect/ledger-verify.ts";
import { entries, entry } from "./ledger-entries.ts";

const COUNT = 1_000;
const PART = 100;
const CHAIN = chain(CHAIN_START, entries(COUNT), { time: "2026-11-20T10:00:00.000000Z", hash: sha256 });
const LINES = CHAIN.map(ledgerLine);
const LAST = CHAIN.at(-1) as LedgerRecord;
const tipOf = ({ seq, digest }: ChainTip) => JSON.stringify({ digest, schema: "whetstone.ledger-tip/1", seq });
const pathOf = (part: number): string =>
  part === 0 ? "ledger/2026-11.ndjson" : `ledger/2026-11.part${String(part + 1).padStart(6, "0")}.ndjson`;

/** Parts of a ledger as texts. A view over them costs nothing, so that every record can be altered in turn. */
const PARTS = Array.from({ length: COUNT / PART }, (_, part) => LINES.slice(part * PART, (part + 1) * PART));
function viewOf(files: ReadonlyMap<string, string>): StateView {
  return {
    head: "a".repeat(40),
    read: async (path) => files.get(path),
    list: async (prefix) => [...files.keys()].filter((path) => path.startsWith(prefix)).sort(),
  };
}
const FILES = new Map([
  ...PARTS.map((lines, part): [string, string] => [pathOf(part), `${lines.join("\n")}\n`]),
  ["ledger-tip.json", tipOf(LAST)] as [string, string],
]);

/** Verifies the whole ledger with other lines in the place of those of a part. */
const verifyWith = (part: number, lines: readonly string[]) =>
  verifyLedger(viewOf(new Map([...FILES, [pathOf(part), lines.map((line) => `${line}\n`).join("")]])));

/** Another value of the same type and form, so that only the chain can tell. */
function other(key: string, value: unknown): unknown {
  if (key === "actor") return { ...(value as object), id: "somebody" };
  if (key === "schema") return "whetstone.ledger/2";
  if (key === "decision") return value === "allow" ? "deny" : "allow";
  if (key === "reasonCode") return value === "ok" ? "recorded" : "ok";
  if (key === "time") return "2026-11-20T10:00:00.000001Z";
  if (typeof value === "number") return value + 1;
  const text = String(value);
  return text.endsWith("0") ? `${text.slice(0, -1)}1` : `${text.slice(0, -1)}0`;
}

describe("a ledger of 1,000 records", () => {
  test("verifies", async () => {
    expect(await verifyLedger(viewOf(FILES))).toMatchObject({ ok: true, records: COUNT, tip: { seq: COUNT } });
  });

  test("every altered field of every record is found at that record", async () => {
    let altered = 0;
    for (const [index, record] of CHAIN.entries()) {
      const part = Math.floor(index / PART);
      const keys = [...new Set([...Object.keys(record), "authorization", "rollback"])];
      for (const [turn, key] of keys.entries()) {
        const changed = { ...record, [key]: other(key, record[key as keyof LedgerRecord] ?? "") };
        const lines = (PARTS[part] ?? []).toSpliced(index % PART, 1, ledgerLine(changed as LedgerRecord));
        const wholeWay = index % 50 === turn; // each field now and then; through all parts it costs ten times as much
        const verdict = wholeWay ? await verifyWith(part, lines) : judgeAlone(part, lines);
        expect({ key, verdict }).toMatchObject({ key, verdict: { ok: false, seq: index + 1 } });
        altered += 1;
      }
    }
    expect(altered).toBeGreaterThan(COUNT * 14);
  });

  test.each([
    ["removed", (lines: readonly string[], at: number) => lines.toSpliced(at, 1), 0],
    ["doubled", (lines: readonly string[], at: number) => lines.toSpliced(at, 0, lines[at] ?? ""), 1],
    ["swapped with the next", (lines: readonly string[], at: number) => swapped(lines, at), 0],
    ["followed by a foreign one", (lines: readonly string[], at: number) => lines.toSpliced(at + 1, 0, FOREIGN), 1],
    ["replaced by a foreign one", (lines: readonly string[], at: number) => lines.with(at, FOREIGN), 0],
    ["followed by an empty line", (lines: readonly string[], at: number) => lines.toSpliced(at + 1, 0, ""), 1],
  ])(
    "every record %s is found",
    async (_name, change, offset) => {
      for (let index = 0; index < COUNT - 1; index += 1) {
        const part = Math.floor(index / PART);
        const at = index % PART;
        if (at === PART - 1 && change(["a", "b"], 0)[0] === "b") continue; // swapped across files, below
        const verdict = judgeAlone(part, change(PARTS[part] ?? [], at));
        expect({ index, verdict }).toMatchObject({ index, verdict: { ok: false, seq: index + 1 + offset } });
      }
    },
    60_000,
  );

  test("neighbours swapped across files, and files swapped, are found", async () => {
    for (let part = 0; part < PARTS.length - 1; part += 1) {
      const [one = [], two = []] = [PARTS[part], PARTS[part + 1]];
      const files = new Map(FILES)
        .set(pathOf(part), `${[...one.slice(0, -1), two[0]].join("\n")}\n`)
        .set(pathOf(part + 1), `${[one.at(-1), ...two.slice(1)].join("\n")}\n`);
      expect(await verifyLedger(viewOf(files))).toMatchObject({ ok: false, seq: (part + 1) * PART });
      const whole = new Map(FILES)
        .set(pathOf(part), `${two.join("\n")}\n`)
        .set(pathOf(part + 1), `${one.join("\n")}\n`);
      expect(await verifyLedger(viewOf(whole))).toMatchObject({ ok: false, seq: part * PART + 1 });
    }
  });

  test("cut off behind any record: found by the tip, and no append covers it up", async () => {
    for (let kept = 0; kept < COUNT; kept += 37) {
      const files = new Map<string, string>([["ledger-tip.json", tipOf(LAST)]]);
      for (const [part, lines] of PARTS.entries()) {
        const rest = lines.slice(0, Math.max(0, kept - part * PART));
        if (rest.length > 0) files.set(pathOf(part), `${rest.join("\n")}\n`);
      }
      expect(await verifyLedger(viewOf(files))).toMatchObject({
        ok: false,
        seq: kept + 1,
        detail: expect.stringContaining(`names record ${COUNT}`),
      });
      const state = openMemoryState();
      await state.update("cut", async () => ({ change: files, value: undefined }));
      const clock = manualClock();
      await expect(appendLedger(state, [entry(1)], { clock })).rejects.toMatchObject({ code: "ledger_broken" });
    }
  });

  test("the last line half-written: said wherever it broke off", async () => {
    const whole = LINES.at(-1) ?? "";
    for (let length = 1; length < whole.length; length += 11) {
      const files = new Map(FILES).set(
        pathOf(9),
        `${[...(PARTS[9] ?? []).slice(0, -1), whole.slice(0, length)].join("\n")}`,
      );
      const torn = { segment: pathOf(9), text: whole.slice(0, length) };
      expect(await verifyLedger(viewOf(files))).toMatchObject({ ok: false, seq: COUNT, torn });
    }
  });

  test("a tip that is missing, unreadable or another one is found", async () => {
    const tips = ["", "{}", "null", tipOf({ seq: COUNT, digest: "0".repeat(64) }), tipOf({ ...LAST, seq: COUNT + 1 })];
    for (const tip of tips)
      expect(await verifyLedger(viewOf(new Map(FILES).set("ledger-tip.json", tip)))).toMatchObject({
        ok: false,
        seq: COUNT + 1,
      });
    const none = new Map(FILES);
    none.delete("ledger-tip.json");
    expect(await verifyLedger(viewOf(none))).toMatchObject({
      ok: false,
      detail: expect.stringContaining("is missing"),
    });
  });

  test("a record that was noted elsewhere has to be there, and has to be that one", async () => {
    const noted = CHAIN[499] as LedgerRecord;
    expect(await verifyLedger(viewOf(FILES), { anchor: noted })).toMatchObject({ ok: true });
    const wrong = { seq: 500, digest: "0".repeat(64) };
    expect(await verifyLedger(viewOf(FILES), { anchor: wrong })).toMatchObject({ ok: false, seq: 500 });
    const beyond = { seq: COUNT + 5, digest: noted.digest };
    expect(await verifyLedger(viewOf(FILES), { anchor: beyond })).toMatchObject({ ok: false, seq: COUNT + 1 });
  });
});

/** A record of another ledger: sound by itself, and numbered as if it belonged anywhere. */
const FOREIGN = ledgerLine(
  chain({ seq: 499, digest: "f".repeat(64) }, [entry(7)], {
    time: "2026-11-20T11:00:00.000000Z",
    hash: sha256,
  })[0] as LedgerRecord,
);

const swapped = (lines: readonly string[], at: number) => lines.toSpliced(at, 2, lines[at + 1] ?? "", lines[at] ?? "");

/**
 * Judges the lines of one part, and the first line behind it, from the tip of the part before: by the same steps as
 * `verifyLedger`, without going through all parts before it each time.
 */
function judgeAlone(part: number, lines: readonly string[]): { ok: boolean; seq: number } {
  let last: ChainTip = CHAIN[part * PART - 1] ?? CHAIN_START;
  const next = PARTS[part + 1]?.slice(0, 1) ?? [];
  try {
    for (const { record, covered } of recordsOf({ path: pathOf(part), lines: [...lines, ...next] }, last.seq)) {
      if (chainFault(record, { last, covered, hash: sha256 }) !== undefined) return { ok: false, seq: last.seq + 1 };
      last = record;
    }
    return { ok: true, seq: last.seq };
  } catch (error) {
    if (!(error instanceof WhetstoneError)) throw error;
    return { ok: false, seq: Number(error.data["seq"]) };
  }
}
