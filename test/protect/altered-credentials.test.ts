import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { manualClock } from "../../src/model/time.ts";
import { newApiKey, verifyApiKey } from "../../src/protect/api-key.ts";
import { createAuthenticator } from "../../src/protect/authenticate.ts";
import { memoryKeys, openKeyFolder } from "../../src/protect/key-store.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { countingBytes } from "./random-bytes.ts";

const SECRET = new Uint8Array(32).fill(7);
const random = countingBytes();
const clock = manualClock();
const made = (name = "ci") => newApiKey({ name, role: "developer", nowNs: clock.now(), random });

async function authority(keys = memoryKeys(), secret = SECRET) {
  const { text, record } = made();
  await keys.add(record);
  const authenticator = createAuthenticator({ keys, signer: { secret }, clock });
  const principal = { keyId: record.id, name: record.name, role: record.role };
  return { keys, text, record, authenticator, token: authenticator.issue(principal).token };
}

/** Every text that differs from one in one place: a bit turned, a letter of the other case, one lost, doubled, swapped. */
function alterations(text: string): string[] {
  const changed = text.split("").flatMap((letter, at) => {
    const put = (other: string): string => text.slice(0, at) + other + text.slice(at + 1);
    const bits = [1, 2, 4, 8, 16, 32, 64].map((bit) => String.fromCharCode(letter.charCodeAt(0) ^ bit));
    const next = text[at + 1] ?? "";
    const swapped = text.slice(0, at) + next + letter + text.slice(at + 2);
    return [...bits, letter.toUpperCase(), letter.toLowerCase(), "", letter + letter, "\u0000"]
      .map(put)
      .concat(swapped);
  });
  const around = [
    `${text}=`,
    `${text}\n`,
    `${text}.`,
    ` ${text}`,
    `${text} x`,
    text.slice(0, -1),
    text.slice(1),
    text + text,
  ];
  return [...changed, ...around].filter((other) => other.trim() !== text);
}

describe("every alteration proves nothing", () => {
  test.each(["key", "session token"])("of a %s, in every place", async (what) => {
    const { authenticator, text, token } = await authority();
    const whole = what === "key" ? text : token;
    expect((await authenticator.identify(`Bearer ${whole}`)).kind).toBe("known");
    const others = alterations(whole);
    expect(others.length).toBeGreaterThan(whole.length * 8);
    const known = await Promise.all(
      others.map(async (other) => ((await authenticator.identify(`Bearer ${other}`)).kind === "known" ? other : "")),
    );
    expect(known.filter(Boolean)).toEqual([]);
  });

  test("of a record: another salt, hash or id makes the key unknown", () => {
    const { text, record } = made();
    const flip = (hex: string, at: number): string =>
      hex.slice(0, at) + (hex[at] === "0" ? "1" : "0") + hex.slice(at + 1);
    for (const field of ["salt", "hash", "id"] as const) {
      for (let at = 0; at < record[field].length; at += 1) {
        const other = { ...record, [field]: flip(record[field], at) };
        expect(verifyApiKey(text, other, clock.now())).toEqual({ kind: "refused", why: "unknown" });
      }
    }
    expect(verifyApiKey(text, record, clock.now()).kind).toBe("known");
  });
});

describe("two stores, two secrets, two keys", () => {
  test("a key of one is unknown in the other; a session is held to the secret and to the record", async () => {
    const [one, two] = [await authority(), await authority()];
    const [crossed, foreign] = [
      await two.authenticator.identify(`Bearer ${one.text}`),
      await two.authenticator.identify(`Bearer ${one.token}`),
    ];
    expect([crossed, foreign]).toMatchObject([{ why: "unknown" }, { why: "revoked" }]);
    const elsewhere = await authority(one.keys, new Uint8Array(32).fill(8));
    expect(await elsewhere.authenticator.identify(`Bearer ${one.token}`)).toMatchObject({ why: "unknown" });
    expect(await elsewhere.authenticator.identify(`Bearer ${one.text}`)).toMatchObject({ kind: "known" });
  });

  test("parts of two keys or two tokens do not make a third", async () => {
    const keys = memoryKeys();
    const [a, b] = [await authority(keys), await authority(keys)];
    const mixed = [
      a.text.slice(0, 17) + b.text.slice(17),
      `${a.token.split(".")[0]}.${b.token.split(".")[1]}`,
      `${b.token.split(".")[0]}.${a.token.split(".")[1]}`,
      `whs_${a.text.slice(4)}`,
      `whk_${a.token.slice(4)}`,
    ];
    for (const text of mixed)
      expect(await a.authenticator.identify(`Bearer ${text}`)).toMatchObject({ why: "unknown" });
  });

  test("two processes over one folder: what one adds or revokes counts in the other at once", async () => {
    await using folder = await temporaryFolder();
    const [first, second] = [openKeyFolder(folder.path), openKeyFolder(folder.path)];
    const { text, record } = made();
    await first.add(record);
    const { authenticator } = await authority(second);
    expect((await authenticator.identify(`Bearer ${text}`)).kind).toBe("known");
    await Promise.all([first.revoke(record.id, clock.now()), second.revoke(record.id, clock.now())]);
    expect(await authenticator.identify(`Bearer ${text}`)).toMatchObject({ why: "revoked" });
    expect((await readdir(folder.path)).filter((name) => name.startsWith(record.id))).toEqual([`${record.id}.json`]);
  });

  test("many at once over one folder: none is lost", async () => {
    await using folder = await temporaryFolder();
    const [one, two] = [openKeyFolder(folder.path), openKeyFolder(folder.path)];
    const records = Array.from({ length: 20 }, (_, i) => made(`key ${i}`).record);
    await Promise.all(records.map((record, i) => (i % 2 === 0 ? one : two).add(record)));
    await Promise.all(records.slice(0, 10).map(({ id }, i) => (i % 2 === 0 ? two : one).revoke(id, clock.now())));
    const listed = await one.list();
    expect(listed.map(({ id }) => id).sort()).toEqual(records.map(({ id }) => id).sort());
    expect(listed.filter(({ revoked }) => revoked !== undefined)).toHaveLength(10);
  });
});

describe("a folder of keys that somebody has been at", () => {
  test.each([
    ["cut off", (text: string) => text.slice(0, -20)],
    ["empty", () => ""],
    ["of another schema", (text: string) => text.replace("api-key/1", "api-key/2")],
    ["with a field more", (text: string) => text.replace("{", '{"admin": true,')],
    ["with a role that is none", (text: string) => text.replace('"developer"', '"root"')],
    ["revoked at no time", (text: string) => text.replace("{", '{"revoked": "",')],
    ["of 20,000 bytes", (text: string) => text + " ".repeat(20_000)],
  ])("a record %s lets nobody in and is told", async (_, change) => {
    await using folder = await temporaryFolder();
    const keys = openKeyFolder(folder.path);
    const { text, record, authenticator } = await authority(keys);
    const path = join(folder.path, `${record.id}.json`);
    await writeFile(path, change(await readFile(path, "utf8")));
    await expect(authenticator.identify(`Bearer ${text}`)).rejects.toMatchObject({ code: "input_unreadable" });
    await expect(keys.list()).rejects.toMatchObject({ code: "input_unreadable" });
  });

  test("a record under another id is refused, one that is gone is unknown, other files are left alone", async () => {
    await using folder = await temporaryFolder();
    const keys = openKeyFolder(folder.path);
    const { text, record, authenticator, token } = await authority(keys);
    const other = made();
    await writeFile(join(folder.path, `${record.id}.json`), JSON.stringify(other.record));
    await expect(authenticator.identify(`Bearer ${text}`)).rejects.toMatchObject({ code: "input_unreadable" });
    await rm(join(folder.path, `${record.id}.json`));
    expect(await authenticator.identify(`Bearer ${text}`)).toMatchObject({ why: "unknown" });
    expect(await authenticator.identify(`Bearer ${token}`)).toMatchObject({ why: "revoked" });
    await writeFile(join(folder.path, "README.md"), "mine");
    await mkdir(join(folder.path, "old.json"));
    expect(await keys.list()).toEqual([]);
    for (const id of ["../secret", "", "0".repeat(11), "ABCDEF012345", "__proto__"])
      expect(await keys.find(id)).toBeUndefined();
  });
});
