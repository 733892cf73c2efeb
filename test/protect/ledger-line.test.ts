import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { REASON_CODE_LIST } from "../../src/model/codes.ts";
import { canonicalJson } from "../../src/model/json.ts";
import { type LedgerEntry, LedgerRecord } from "../../src/model/ledger.ts";
import { sha256 } from "../../src/protect/digest.ts";
import { chain, CHAIN_START } from "../../src/protect/ledger-chain.ts";
import { ledgerLine, readLedgerLine } from "../../src/protect/ledger-line.ts";
import { entries } from "./ledger-entries.ts";

const TIME = "2026-11-20T10:00:00.000001Z";
/** Texts that try to look like the members around them. */
const text = (minLength = 0) =>
  fc.oneof(
    fc.string({ unit: "grapheme", minLength, maxLength: 20 }),
    fc.string({
      unit: fc.constantFrom('"', "\\", ",", "}", ',"digest":"', ',"time":"', "\u2028", "\u0000", "é", "🐎", "a"),
      minLength,
      maxLength: 8,
    }),
  );
const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const anyEntry: fc.Arbitrary<LedgerEntry> = fc.record(
  {
    actor: fc.record({ type: fc.constantFrom("person", "bot", "workflow"), id: text(1) }),
    operation: text(1),
    target: text(),
    decision: fc.constantFrom("allow", "deny", "none"),
    reasonCode: fc.constantFrom(...REASON_CODE_LIST),
    result: text(),
    parametersDigest: digest,
    run: text(),
    authorization: text(),
    rollback: text(),
  },
  { requiredKeys: ["actor", "operation", "target", "decision", "reasonCode", "result", "parametersDigest", "run"] },
);
const recordOf = (entry: LedgerEntry): LedgerRecord => {
  const [record] = chain({ seq: 41, digest: "a".repeat(64) }, [entry], { time: TIME, hash: sha256 });
  if (record === undefined) throw new Error("no record");
  return record;
};

/** The judgement by the schema alone, which the reader must agree with. */
function slowly(line: string): LedgerRecord | undefined {
  try {
    const { data } = LedgerRecord.safeParse(JSON.parse(line));
    return data !== undefined && canonicalJson(data) === line ? data : undefined;
  } catch {
    return undefined;
  }
}

describe("a line of the ledger", () => {
  test("every record comes back as it was, with the bytes that its digest covers", () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        const record = recordOf(entry);
        const read = readLedgerLine(ledgerLine(record));
        if (!read.ok) throw new Error(read.why);
        expect(read.record).toEqual(record);
        const { digest: _digest, ...covered } = record;
        expect(read.covered).toBe(canonicalJson(covered));
        expect(sha256(read.covered)).toBe(record.digest);
      }),
      { numRuns: 500 },
    );
  });

  test("any change of a line is judged as the schema judges it", () => {
    const letter = fc.constantFrom(
      "",
      "0",
      "9",
      "a",
      "z",
      ",",
      "{",
      "}",
      '"',
      "\\",
      "\n",
      " ",
      "é",
      "🐎",
      "\ud800",
      "ok",
    );
    let refused = 0;
    fc.assert(
      fc.property(anyEntry, fc.tuple(fc.nat(), fc.nat(3)), letter, (entry, [at, removed], inserted) => {
        const line = ledgerLine(recordOf(entry));
        const from = at % line.length;
        const changed = line.slice(0, from) + inserted + line.slice(from + removed);
        const read = readLedgerLine(changed);
        const expected = slowly(changed);
        expect(read.ok ? read.record : undefined).toEqual(expected);
        refused += read.ok ? 0 : 1;
      }),
      { numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  test("every single letter taken out, doubled or changed in a plain line is judged alike", () => {
    const [record] = chain(CHAIN_START, entries(15).slice(14), { time: TIME, hash: sha256 });
    const line = ledgerLine(record as LedgerRecord);
    for (let at = 0; at < line.length; at += 1) {
      for (const changed of [
        line.slice(0, at) + line.slice(at + 1),
        line.slice(0, at) + line.slice(at - 1),
        `${line.slice(0, at)}x${line.slice(at + 1)}`,
      ]) {
        const read = readLedgerLine(changed);
        expect(read.ok ? read.record : undefined).toEqual(slowly(changed));
      }
    }
  });

  test.each([
    ["", "is not JSON"],
    ["{", "is not JSON"],
    ["null", "is no ledger record"],
    ["[]", "is no ledger record"],
    ["{}", "is no ledger record (actor"],
  ])("%j: %s", (line, why) => {
    const read = readLedgerLine(line);
    expect(read.ok ? "" : read.why).toContain(why);
  });

  test.each([
    ["white space", (line: string) => line.replace(",", ", ")],
    ["an escape that is not needed", (line: string) => line.replace("notes", "\\u006eotes")],
    ["a member given twice", (line: string) => line.replace(',"run"', ',"result":"forged","run"')],
    [
      "members in another order",
      (line: string) => line.replace(/^\{("actor":\{[^}]*\}),(.*?),"digest"/, '{$2,$1,"digest"'),
    ],
    ["a number of another form", (line: string) => line.replace('"seq":42', '"seq":42.0')],
  ])("%s is not canonical", (_name, change) => {
    const line = change(ledgerLine(recordOf(entries(1)[0] as LedgerEntry)));
    expect(LedgerRecord.safeParse(JSON.parse(line)).success).toBe(true);
    expect(readLedgerLine(line)).toEqual({ ok: false, why: "is not canonical JSON" });
  });
});
