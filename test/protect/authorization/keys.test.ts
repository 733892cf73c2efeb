import { chmod, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Actor } from "../../../src/model/ledger.ts";
import { grantAuthorization } from "../../../src/protect/authorization/grant.ts";
import { activeKey, ensureKey, type KeyRing, revokeKey, rotateKeys } from "../../../src/protect/authorization/keys.ts";
import { keyFile, listKeys, readKey } from "../../../src/protect/authorization/records.ts";
import { useAuthorization } from "../../../src/protect/authorization/use.ts";
import { verifyLedger } from "../../../src/protect/ledger.ts";
import { openSigningKeys } from "../../../src/protect/signing-key.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { acts, ALICE, ask, BOB, ID, keyOf, openDesk, type TestDesk, USE } from "./desk.ts";
import { refusedFor } from "./refused-for.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let desk: TestDesk;
let drawn = 0;
beforeEach(async () => {
  folder = await temporaryFolder();
  desk = openDesk();
  drawn = 0;
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

/** The ring of a person on a machine; seeds are counted. */
function ringOf(owner: Actor = ALICE, machine = "one"): KeyRing {
  const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill((drawn += 1));
  return { ...desk, folder: openSigningKeys(join(folder.path, machine)), owner, random };
}
const inUse = async (): Promise<string[]> =>
  (await listKeys(await desk.state.view())).filter(({ retired }) => retired === null).map(({ kid }) => kid);

describe("a person's key", () => {
  test("is made and published at the first use, and kept for the next", async () => {
    expect(await activeKey(ringOf())).toBeUndefined();
    const { kid } = await ensureKey(ringOf());
    expect((await ensureKey(ringOf())).kid).toBe(kid);
    expect(await inUse()).toEqual([kid]);
    expect(await acts(desk.state)).toEqual(["authorization.key.publish allow ok"]);
  });

  test("belongs to its owner: another person on the same machine gets one of his own", async () => {
    const first = await ensureKey(ringOf());
    desk.clock.advance(1);
    const second = await ensureKey(ringOf(BOB));
    expect(second.kid).not.toBe(first.kid);
    expect(await inUse()).toEqual([first.kid, second.kid]);
  });

  test("is one per machine: a second machine ends nothing that the first one signed; a rotation ends both", async () => {
    const first = await ensureKey(ringOf());
    desk.clock.advance(1);
    const second = await ensureKey(ringOf(ALICE, "two"));
    expect(await inUse()).toEqual([first.kid, second.kid]);
    expect((await ensureKey(ringOf())).kid).toBe(first.kid);
    const { key, retired } = await rotateKeys(ringOf());
    expect(retired.toSorted()).toEqual([first.kid, second.kid].sort());
    expect(await inUse()).toEqual([key.kid]);
    expect((await readKey(await desk.state.view(), first.kid))?.retired).toMatchObject({ by: ALICE, why: "rotated" });
    expect(await activeKey(ringOf(ALICE, "two"))).toBeUndefined();
  });

  test("whose private half is gone gets another beside it", async () => {
    const { kid } = await ensureKey(ringOf());
    await rm(join(folder.path, "one"), { recursive: true });
    desk.clock.advance(1);
    expect(await inUse()).toEqual([kid]);
    expect((await ensureKey(ringOf())).kid).not.toBe(kid);
  });

  test("that others can read stops everything that needs it, and makes no other", async () => {
    const { kid } = await ensureKey(ringOf());
    await chmod(join(folder.path, "one", `${kid}.json`), 0o644);
    await expect(ensureKey(ringOf())).rejects.toMatchObject({ code: "key_refused" });
    expect(await readdir(join(folder.path, "one"))).toEqual([".gitignore", `${kid}.json`]);
  });
});

describe("rotation and revocation", () => {
  const grantWith = async (id = ID): Promise<string> => {
    await ask(desk, { id });
    return (await grantAuthorization(desk, { id, by: ALICE, key: await ensureKey(ringOf()) })).token;
  };

  test("end what the old key signed, name it, and leave what was used alone", async () => {
    const used = await grantWith("a-20251009T085320Z-00000e");
    await useAuthorization(desk, used, USE);
    const token = await grantWith();
    const { key, retired, voided } = await rotateKeys(ringOf());
    expect([retired.length, voided]).toEqual([1, [ID]]);
    await expect(useAuthorization(desk, token, USE)).rejects.toMatchObject(refusedFor("key_retired"));
    expect(await inUse()).toEqual([key.kid]);
    await useAuthorization(desk, await grantWith("a-20251009T085320Z-00000f"), USE);
    expect((await verifyLedger(await desk.state.view())).ok).toBe(true);
  });

  test("of one person leave the keys of others in use", async () => {
    const { kid } = await ensureKey(ringOf(BOB));
    await ensureKey(ringOf());
    await rotateKeys(ringOf());
    expect(await inUse()).toContain(kid);
  });

  test("by anybody with a role retire a key at once; a key that is none is not found", async () => {
    const token = await grantWith();
    const { kid } = await ensureKey(ringOf());
    expect(await revokeKey(desk, { kid, by: BOB })).toEqual({ retired: [kid], voided: [ID] });
    await expect(useAuthorization(desk, token, USE)).rejects.toMatchObject(refusedFor("key_retired"));
    for (const gone of [kid, "0123456789abcdef", "../x"]) {
      await expect(revokeKey(desk, { kid: gone, by: BOB })).rejects.toMatchObject({ code: "not_found" });
    }
    expect((await acts(desk.state)).at(-1)).toBe("authorization.key.revoke allow ok");
  });

  test("of a retired key no grant follows", async () => {
    await ask(desk);
    const key = await ensureKey(ringOf());
    await revokeKey(desk, { kid: key.kid, by: ALICE });
    await expect(grantAuthorization(desk, { id: ID, by: ALICE, key })).rejects.toMatchObject(refusedFor("key_retired"));
  });
});

describe("a public key on the state branch", () => {
  test("that is not the key of its id is an error, never used: no key can be put under another's id", async () => {
    const { publicKey } = keyOf(9);
    const record = {
      schema: "whetstone.authorization-key/1",
      kid: keyOf(1).kid,
      algorithm: "Ed25519",
      publicKey,
      owner: ALICE,
      createdAt: "2025-10-09T08:53:20.000Z",
      retired: null,
    } as const;
    await desk.state.update("swap", async () => ({ change: new Map([keyFile(record)]), value: undefined }));
    await expect(readKey(await desk.state.view(), record.kid)).rejects.toMatchObject({ code: "input_unreadable" });
  });

  test("has an id that follows from it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), (a, b) => {
        expect(keyOf(a).kid === keyOf(b).kid).toBe(a === b);
      }),
    );
  });
});
