import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import { LEDGER_GENESIS, type LedgerRecord } from "../../src/model/ledger.ts";
import { ensureKey, revokeKey, rotateKeys } from "../../src/protect/authorization/keys.ts";
import { sha256 } from "../../src/protect/digest.ts";
import { chain } from "../../src/protect/ledger-chain.ts";
import { ledgerLine } from "../../src/protect/ledger-line.ts";
import { signingState } from "../../src/protect/ledger-signing.ts";
import { appendLedger, readLedger } from "../../src/protect/ledger.ts";
import { verifyLedger } from "../../src/protect/ledger-verify.ts";
import { openSigningKeys, type SigningKey } from "../../src/protect/signing-key.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { entries, entry } from "./ledger-entries.ts";

const ADA = { type: "person", id: "ada" } as const;
const NOVEMBER = BigInt(Date.parse("2026-11-20T10:00:00Z")) * 1_000_000n;
const DECEMBER = BigInt(Date.parse("2026-12-02T10:00:00Z")) * 1_000_000n;
const JANUARY = BigInt(Date.parse("2027-01-02T10:00:00Z")) * 1_000_000n;

let now = NOVEMBER;
const clock = { now: () => now, monotonicMs: () => 0 };
let plain: StateStore;
beforeEach(() => {
  now = NOVEMBER;
  plain = openMemoryState();
});

/** A machine with a folder for keys, whose person has one when asked for. */
async function machine(seed: number) {
  const folder = await temporaryFolder();
  const keys = openSigningKeys(join(folder.path, "keys"));
  const state = signingState(plain, { keys, clock });
  let last = seed;
  const random = (bytes: number) => new Uint8Array(bytes).fill((last += 10));
  const ring = { state, clock, folder: keys, owner: ADA, random };
  return { ...folder, ring, state, keys, path: join(folder.path, "keys") };
}
const checkpoints = async () => (await plain.view()).list("ledger-checkpoints");
const append = (state: StateStore, number: number) => appendLedger(state, [entry(number)], { clock });
const verify = async (kid?: string) => verifyLedger(await plain.view(), { kid });
const put = (files: ReadonlyMap<string, string | null>) =>
  plain.update("by hand", async () => ({ change: files, value: undefined }));

/** The same records with one result changed and everything behind it chained anew: what only a signature shows. */
async function rewrite(seq: number): Promise<void> {
  const { records } = await readLedger(await plain.view());
  let tip = { seq: 0, digest: LEDGER_GENESIS };
  const forged: LedgerRecord[] = [];
  for (const record of records) {
    const { schema: _schema, seq: _seq, time, previous: _previous, digest: _digest, ...open } = record;
    const changed = record.seq === seq ? { ...open, result: "forged" } : open;
    const [next] = chain(tip, [changed], { time, hash: sha256 });
    if (next === undefined) throw new Error("chain gave no record");
    forged.push(next);
    tip = next;
  }
  const [path = ""] = await (await plain.view()).list("ledger/");
  const tipText = `${JSON.stringify({ digest: tip.digest, schema: "whetstone.ledger-tip/1", seq: tip.seq })}\n`;
  await put(
    new Map([
      [path, forged.map((record) => `${ledgerLine(record)}\n`).join("")],
      ["ledger-tip.json", tipText],
    ]),
  );
}

describe("signingState", () => {
  test("without a key nothing is signed; from the first key on every append is, with all before it", async () => {
    await using one = await machine(1);
    await append(one.state, 1);
    expect(await checkpoints()).toEqual([]);
    const key = await ensureKey(one.ring);
    for (const number of [2, 3, 4]) {
      await append(one.state, number);
      expect(await verify(key.kid)).toMatchObject({ ok: true, signed: { unsigned: 0, upTo: { seq: number + 1 } } });
    }
    // One file a month and key, whatever the number of records.
    expect(await checkpoints()).toHaveLength(1);
    await append(plain, 5);
    expect(await verify()).toMatchObject({ ok: true, signed: { unsigned: 1 } });
    await append(one.state, 6);
    expect(await verify()).toMatchObject({ ok: true, signed: { unsigned: 0 } });
  });

  test("a change without a record is not signed, nor one that is signed already", async () => {
    await using one = await machine(1);
    const key = await ensureKey(one.ring);
    const before = await checkpoints();
    await one.state.update("m", async () => ({ change: new Map([["other", "x"]]), value: undefined }));
    expect(await checkpoints()).toEqual(before);
    await appendLedger(one.state, [entry(1)], { clock, signer: key });
    expect(await checkpoints()).toHaveLength(before.length + 1);
    expect(await one.state.update("m", async () => ({ change: new Map(), value: "value" }))).toBe("value");
  });

  test("the newest signature of every month stays", async () => {
    await using one = await machine(1);
    const key = await ensureKey(one.ring);
    for (const at of [NOVEMBER, NOVEMBER, DECEMBER, DECEMBER, JANUARY]) {
      now = at;
      await append(one.state, 1);
    }
    expect(await checkpoints()).toEqual(
      [3, 5, 6].map((seq) => `ledger-checkpoints/${String(seq).padStart(12, "0")}-${key.kid}.json`),
    );
    expect(await verify(key.kid)).toMatchObject({ ok: true, signed: { unsigned: 0 } });
  });

  test.each([1, 2, 3, 4])(
    "a ledger whose record %i was rewritten, chained anew to its end, is not signed any more",
    async (seq) => {
      await using one = await machine(1);
      await ensureKey(one.ring);
      for (const number of [1, 2, 3]) await append(one.state, number);
      const before = await checkpoints();
      await rewrite(seq);
      await append(one.state, 4);
      expect(await checkpoints()).toEqual(before);
      expect(await verify()).toMatchObject({ ok: false, seq: 4 });
    },
  );

  test("records that somebody cut off and wrote anew are not signed over", async () => {
    await using one = await machine(1);
    await ensureKey(one.ring);
    await append(one.state, 1);
    const early = await plain.view();
    const files = await Promise.all(
      (await early.list("ledger")).map(async (path) => [path, (await early.read(path)) ?? ""] as const),
    );
    const tip = (await early.read("ledger-tip.json")) ?? "";
    await append(one.state, 2);
    await put(new Map([...files, ["ledger-tip.json", tip]]));
    for (const number of [7, 8, 9]) await append(one.state, number);
    expect(await verify()).toMatchObject({ ok: false, seq: 3 });
  });

  test("a key of another machine signs beside; one that begins reads all, and signs nothing that does not verify", async () => {
    await using one = await machine(1);
    await using two = await machine(2);
    const [first, second] = [await ensureKey(one.ring), await ensureKey(two.ring)];
    await append(one.state, 1);
    await append(two.state, 2);
    for (const { kid } of [first, second]) expect(await verify(kid)).toEqual(expect.objectContaining({ ok: true }));
    await append(plain, 3);
    // The first key's own signature is older than the change, the second's is not held against it.
    await using three = await machine(3);
    await rewrite(4);
    await ensureKey(three.ring);
    const kids = (await checkpoints()).map((path) => path.slice(-21, -5));
    expect(new Set(kids)).toEqual(new Set([first.kid, second.kid]));
    expect(await verify()).toMatchObject({ ok: false });
  });

  test("a key that was rotated or revoked signs nothing; the new one signs all", async () => {
    await using one = await machine(1);
    const old = await ensureKey(one.ring);
    const { key } = await rotateKeys(one.ring);
    await append(one.state, 1);
    expect(await verify(key.kid)).toMatchObject({ ok: true, signed: { unsigned: 0, upTo: { kid: key.kid } } });
    await revokeKey(one.ring, { kid: key.kid, by: ADA });
    const before = await checkpoints();
    await append(one.state, 2);
    expect(await checkpoints()).toEqual(before);
    expect(before.filter((path) => path.includes(old.kid)).length).toBeLessThanOrEqual(1);
    expect(await verify()).toMatchObject({ ok: true, signed: { upTo: null } });
  });

  test("a key that others can read hinders no append, and signs none", async () => {
    await using one = await machine(1);
    const key: SigningKey = await ensureKey(one.ring);
    await append(one.state, 1);
    await chmod(join(one.path, `${key.kid}.json`), 0o644);
    await appendLedger(one.state, entries(2), { clock });
    expect(await verify()).toMatchObject({ ok: true, records: 4, signed: { unsigned: 2 } });
  });

  test("a key on the state branch that cannot be read hinders no append, and nothing is signed by another", async () => {
    await using one = await machine(1);
    await using two = await machine(2);
    const { kid } = await ensureKey(one.ring);
    await put(new Map([[`authorization-keys/${kid}.json`, "damaged"]]));
    await append(one.state, 1);
    await append(two.state, 2);
    expect((await readLedger(await plain.view())).records).toHaveLength(3);
    expect(await checkpoints()).toHaveLength(1);
  });
});
