import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalJson } from "../../src/model/json.ts";
import { LEDGER_GENESIS, LedgerRecord } from "../../src/model/ledger.ts";
import { sha256 } from "../../src/protect/digest.ts";
import {
  chain,
  CHAIN_START,
  chainFault,
  type ChainVerdict,
  formatMicroseconds,
} from "../../src/protect/ledger-chain.ts";
import { entries } from "./ledger-entries.ts";

const TIME = "2026-11-20T10:00:00.000000Z";
const with_ = { time: TIME, hash: sha256 };
const CHAIN = chain(CHAIN_START, entries(200), with_);

/** Walks the records as the readers of the ledger do, up to the first that does not follow. */
function verify(records: readonly LedgerRecord[]): ChainVerdict {
  let last = CHAIN_START;
  for (const record of records) {
    const { digest: _digest, ...covered } = record;
    const detail = chainFault(record, { last, covered: canonicalJson(covered), hash: sha256 });
    if (detail !== undefined) return { ok: false, seq: last.seq + 1, detail };
    last = { seq: record.seq, digest: record.digest };
  }
  return { ok: true, records: records.length, tip: last };
}

/** Another value of the same type, so that only the digest can tell. */
function tampered(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "string") return value.endsWith("0") ? `${value.slice(0, -1)}1` : `${value.slice(0, -1)}0`;
  return { ...(value as object), id: "somebody else" };
}

describe("chain", () => {
  test("numbers from 1, starts from the genesis digest, links each record to the one before", () => {
    expect(CHAIN.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect(CHAIN[0]?.previous).toBe(LEDGER_GENESIS);
    for (const [index, record] of CHAIN.entries()) {
      expect(LedgerRecord.parse(record)).toEqual(record);
      if (index > 0) expect(record.previous).toBe(CHAIN[index - 1]?.digest);
    }
    expect(verify(CHAIN)).toEqual({ ok: true, records: 200, tip: { seq: 200, digest: CHAIN[199]?.digest } });
  });

  test("in one piece or in many: the same chain", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { maxLength: 8 }), (sizes) => {
        const all = entries(sizes.reduce((sum, size) => sum + size, 0));
        let records: readonly LedgerRecord[] = [];
        for (const size of sizes) {
          const verdict = verify(records);
          if (!verdict.ok) throw new Error(verdict.detail);
          records = [...records, ...chain(verdict.tip, all.slice(records.length, records.length + size), with_)];
        }
        expect(records).toEqual(chain(CHAIN_START, all, with_));
      }),
    );
  });

  test("uses the hash that it is given", () => {
    const [record] = chain(CHAIN_START, entries(1), { time: TIME, hash: () => "f".repeat(64) });
    expect(record?.digest).toBe("f".repeat(64));
  });
});

describe("chainFault finds, at its place,", () => {
  test("every changed field of every record", () => {
    let changes = 0;
    for (const [index, record] of CHAIN.entries()) {
      for (const [key, value] of Object.entries(record)) {
        const changed = { ...record, [key]: tampered(value) };
        const verdict = verify(CHAIN.toSpliced(index, 1, changed));
        // A changed digest of the last record but one shows at the record itself, as does everything else.
        expect(verdict).toMatchObject({ ok: false, seq: index + 1 });
        changes += 1;
      }
    }
    expect(changes).toBeGreaterThan(200 * 11);
  });

  test("every removed field and every added one", () => {
    for (const [index, record] of CHAIN.entries()) {
      for (const key of ["result", "authorization", "rollback"] as const) {
        const { [key]: value, ...rest } = record;
        const changed = value === undefined ? { ...record, [key]: "forged" } : (rest as LedgerRecord);
        expect(verify(CHAIN.toSpliced(index, 1, changed))).toMatchObject({ ok: false, seq: index + 1 });
      }
    }
  });

  test("every removal in the middle", () => {
    for (let index = 0; index < CHAIN.length - 1; index += 1) {
      expect(verify(CHAIN.toSpliced(index, 1))).toMatchObject({ ok: false, seq: index + 1 });
    }
  });

  test("every swap of neighbours, every duplicate and every insertion", () => {
    for (let index = 0; index < CHAIN.length - 1; index += 1) {
      const [one, two] = [CHAIN[index], CHAIN[index + 1]] as [LedgerRecord, LedgerRecord];
      expect(verify(CHAIN.toSpliced(index, 2, two, one))).toMatchObject({ ok: false, seq: index + 1 });
      expect(verify(CHAIN.toSpliced(index, 0, one))).toMatchObject({ ok: false, seq: index + 2 });
    }
  });

  test("a record that was forged whole, with its own digest made right", () => {
    for (const index of [0, 57, 198]) {
      const before = index === 0 ? CHAIN_START : (CHAIN[index - 1] as LedgerRecord);
      const [old] = entries(200).slice(index, index + 1);
      const forged = chain(before, [{ ...old!, result: "forged" }], with_);
      // The forged record itself is sound: the one after it no longer follows.
      expect(verify(CHAIN.toSpliced(index, 1, ...forged))).toMatchObject({ ok: false, seq: index + 2 });
    }
  });

  test("numbers that do not go on by one, although digests and links are right", () => {
    const jump = chain({ seq: 7, digest: LEDGER_GENESIS }, entries(2), with_);
    expect(verify(jump)).toEqual({ ok: false, seq: 1, detail: "record 1 is missing: 8 stands in its place" });
  });

  test("an end that was cut off only by comparing the tip", () => {
    const verdict = verify(CHAIN.slice(0, 150));
    expect(verdict).toEqual({ ok: true, records: 150, tip: { seq: 150, digest: CHAIN[149]?.digest } });
  });
});

test("formatMicroseconds rounds down to microseconds", () => {
  expect(formatMicroseconds(1_700_000_000_123_456_789n)).toBe("2023-11-14T22:13:20.123456Z");
  expect(formatMicroseconds(1_700_000_000_000_000_999n)).toBe("2023-11-14T22:13:20.000000Z");
  expect(formatMicroseconds(0n)).toBe("1970-01-01T00:00:00.000000Z");
});
