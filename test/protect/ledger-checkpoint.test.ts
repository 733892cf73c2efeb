import { describe, expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import { manualClock } from "../../src/model/time.ts";
import { keyFile } from "../../src/protect/authorization/records.ts";
import { appendLedger } from "../../src/protect/ledger.ts";
import { LedgerCheckpoint } from "../../src/protect/ledger-checkpoint.ts";
import { verifyLedger } from "../../src/protect/ledger-verify.ts";
import { type SigningKey, signingKeyOf } from "../../src/protect/signing-key.ts";
import { entries, entry } from "./ledger-entries.ts";

const AT = "2026-11-20T10:00:00.000Z";
const clock = manualClock(BigInt(Date.parse(AT)) * 1_000_000n);
const ADA = { type: "person", id: "ada" } as const;
const key = signingKeyOf(new Uint8Array(32).fill(1));
const other = signingKeyOf(new Uint8Array(32).fill(2));
const PATH = `ledger-checkpoints/000000000004-${key.kid}.json`;
const SEGMENT = "ledger/2026-11.ndjson";

const put = (state: StateStore, files: Record<string, string | null>) =>
  state.update("test", async () => ({ change: new Map(Object.entries(files)), value: undefined }));
const read = async (state: StateStore, path: string) => (await (await state.view()).read(path)) ?? "";
const verify = async (state: StateStore, kid?: string) => verifyLedger(await state.view(), { kid });
const publish = ({ kid, publicKey }: SigningKey, retired: null | "rotated" | "revoked" = null) =>
  keyFile({
    schema: "whetstone.authorization-key/1",
    kid,
    algorithm: "Ed25519",
    publicKey,
    owner: ADA,
    createdAt: AT,
    retired: retired === null ? null : { at: AT, by: ADA, why: retired },
  });

/** Six records, of which the first four are signed. */
async function signed(): Promise<StateStore> {
  const state = openMemoryState();
  await put(state, Object.fromEntries([publish(key)]));
  await appendLedger(state, entries(4), { clock, signer: key });
  await appendLedger(state, entries(2), { clock });
  return state;
}

describe("signed checkpoints", () => {
  test("say up to where the ledger is signed, by whom and when", async () => {
    const state = await signed();
    const checkpoint = LedgerCheckpoint.parse(JSON.parse(await read(state, PATH)));
    expect(await verify(state)).toMatchObject({
      ok: true,
      records: 6,
      signed: {
        upTo: {
          seq: 4,
          digest: checkpoint.digest,
          kid: key.kid,
          signer: "person ada",
          time: "2026-11-20T10:00:00.000000Z",
        },
        unsigned: 2,
        uncounted: [],
      },
    });
    expect(await verify(state, key.kid)).toMatchObject({ ok: true });
  });

  test("without one nothing is signed, and that is said", async () => {
    const state = openMemoryState();
    await appendLedger(state, entries(3), { clock });
    expect(await verify(state)).toMatchObject({ ok: true, signed: { upTo: null, unsigned: 3, uncounted: [] } });
    expect(await verify(state, key.kid)).toMatchObject({
      ok: false,
      detail: expect.stringContaining("signed nothing"),
    });
    expect(await verify(openMemoryState())).toMatchObject({ ok: true, signed: { upTo: null, unsigned: 0 } });
  });

  test("a ledger that was written anew, sound in itself, is found by what was signed", async () => {
    const state = await signed();
    const forged = openMemoryState();
    await appendLedger(forged, [entry(9), ...entries(5)], { clock });
    const [segment, tip] = await Promise.all([read(forged, SEGMENT), read(forged, "ledger-tip.json")]);
    expect(await verify(forged)).toMatchObject({ ok: true });
    await put(state, { [SEGMENT]: segment, "ledger-tip.json": tip });
    expect(await verify(state)).toMatchObject({ ok: false, seq: 4, detail: expect.stringContaining(key.kid) });
  });

  test("a ledger cut off before a signed record is found, though its tip was written anew", async () => {
    const state = await signed();
    const short = openMemoryState();
    await appendLedger(short, entries(3), { clock });
    await put(state, {
      [SEGMENT]: await read(short, SEGMENT),
      "ledger-tip.json": await read(short, "ledger-tip.json"),
    });
    expect(await verify(state)).toMatchObject({
      ok: false,
      seq: 4,
      detail: expect.stringContaining("record 4 was signed"),
    });
  });

  test("every byte of a checkpoint counts", async () => {
    const sound = await read(await signed(), PATH);
    for (let at = 0; at < sound.length; at += 1) {
      const letter = sound[at] === "a" ? "b" : "a";
      const state = await signed();
      await put(state, { [PATH]: sound.slice(0, at) + letter + sound.slice(at + 1) });
      const verdict = await verify(state);
      // Another key id names a key that is not there: not counted, which is said. Everything else is damage.
      if (verdict.ok) expect(verdict).toMatchObject({ signed: { upTo: null, uncounted: [{ seq: 4 }] } });
      else expect(verdict.detail).toContain(PATH);
    }
  });

  test.each([
    ["of a key that is not known", () => [], "not known"],
    ["of a key that was rotated away", () => [publish(key, "rotated")], "rotated"],
    ["of a key that was revoked", () => [publish(key, "revoked")], "revoked"],
  ])("%s do not count, and that is said", async (_name, keys, why) => {
    const state = await signed();
    await put(state, { [publish(key)[0]]: null, ...Object.fromEntries(keys()) });
    expect(await verify(state)).toMatchObject({
      ok: true,
      signed: { upTo: null, unsigned: 6, uncounted: [{ seq: 4, kid: key.kid, why: expect.stringContaining(why) }] },
    });
  });

  test("of another key than the one that is asked for do not count", async () => {
    const state = await signed();
    await put(state, Object.fromEntries([publish(other)]));
    await appendLedger(state, [entry(7)], { clock, signer: other });
    expect(await verify(state)).toMatchObject({ ok: true, signed: { upTo: { seq: 7, kid: other.kid }, unsigned: 0 } });
    expect(await verify(state, key.kid)).toMatchObject({
      ok: true,
      signed: { upTo: { seq: 4 }, unsigned: 3, uncounted: [{ seq: 7, kid: other.kid }] },
    });
  });

  test.each([
    ["no JSON", "what"],
    ["empty", ""],
    ["another document", "{}\n"],
  ])("a file that is %s is damage", async (_name, text) => {
    const state = await signed();
    await put(state, { [PATH]: text });
    expect(await verify(state)).toMatchObject({ ok: false, detail: expect.stringContaining("is no checkpoint") });
  });

  test("one under another name is damage", async () => {
    const state = await signed();
    await put(state, { [PATH.replace("04-", "05-")]: await read(state, PATH) });
    expect(await verify(state)).toMatchObject({ ok: false, detail: expect.stringContaining("05-") });
  });
});
