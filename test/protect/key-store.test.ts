import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type ApiKeyRecord, newApiKey } from "../../src/protect/api-key.ts";
import { type KeyStore, memoryKeys, openKeyFolder } from "../../src/protect/key-store.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { countingBytes } from "./random-bytes.ts";

const random = countingBytes();
const NOW = 1_700_000_000_000_000_000n;
const record = (at = 0n): ApiKeyRecord => newApiKey({ name: "ci", role: "security", nowNs: NOW + at, random }).record;

const kinds: readonly (readonly [string, (folder: string) => KeyStore])[] = [
  ["memory", () => memoryKeys()],
  ["folder", openKeyFolder],
];

describe.each(kinds)("keys in %s", (_, open) => {
  test("are found by id and listed oldest first", async () => {
    await using folder = await temporaryFolder();
    const keys = open(join(folder.path, "keys"));
    expect(await keys.list()).toEqual([]);
    const [later, earlier] = [record(9n), record(1n)];
    await keys.add(later);
    await keys.add(earlier);
    expect(await keys.list()).toEqual([earlier, later]);
    expect(await keys.find(later.id)).toEqual(later);
    expect(await keys.find("000000000000")).toBeUndefined();
  });

  test("are revoked once; the first time stays", async () => {
    await using folder = await temporaryFolder();
    const keys = open(folder.path);
    const { id, ...rest } = record();
    await keys.add({ id, ...rest });
    const revoked = { id, ...rest, revoked: "2023-11-14T22:13:20.000Z" };
    expect(await keys.revoke(id, NOW)).toEqual(revoked);
    expect(await keys.revoke(id, NOW + 1_000_000_000n)).toEqual(revoked);
    expect(await keys.find(id)).toEqual(revoked);
    await expect(keys.revoke("000000000000", NOW)).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a folder of keys", () => {
  test("an id that is a path finds nothing outside of it", async () => {
    await using folder = await temporaryFolder();
    const outside = record();
    await writeFile(join(folder.path, `${outside.id}.json`), JSON.stringify(outside));
    const keys = openKeyFolder(join(folder.path, "keys"));
    await mkdir(join(folder.path, "keys"));
    for (const id of [`../${outside.id}`, `..%2f${outside.id}`, "", "."]) expect(await keys.find(id)).toBeUndefined();
    await expect(keys.revoke(`../${outside.id}`, NOW)).rejects.toMatchObject({ code: "not_found" });
  });

  test("a damaged record, or one under another id, is an error and no key", async () => {
    await using folder = await temporaryFolder();
    const keys = openKeyFolder(folder.path);
    const [one, other] = [record(), record()];
    await writeFile(join(folder.path, `${one.id}.json`), "{");
    await expect(keys.find(one.id)).rejects.toMatchObject({ code: "input_unreadable" });
    await writeFile(join(folder.path, `${one.id}.json`), JSON.stringify(other));
    await expect(keys.find(one.id)).rejects.toMatchObject({ code: "input_unreadable" });
    await expect(keys.list()).rejects.toMatchObject({ code: "input_unreadable" });
  });

  test("processes that add at the same time lose nothing, and other files are left alone", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "README"), "mine");
    const records = Array.from({ length: 20 }, () => record());
    await Promise.all(records.map((one) => openKeyFolder(folder.path).add(one)));
    expect(await openKeyFolder(folder.path).list()).toHaveLength(20);
    expect(await readdir(folder.path)).toHaveLength(21);
  });
});
