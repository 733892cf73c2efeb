import { chmod, mkdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { generateKeyPairSync, sign } from "node:crypto";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { kidOf, openSigningKeys, signingKeyOf, verifySignature } from "../../src/protect/signing-key.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";

const seed = (fill: number) => (bytes: number) => new Uint8Array(bytes).fill(fill);

describe("signatures", () => {
  test("the test vector 2 of RFC 8032, section 7.1", () => {
    const key = signingKeyOf(Buffer.from("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "hex"));
    expect(Buffer.from(key.publicKey, "base64url").toString("hex")).toBe(
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    );
    expect(Buffer.from(key.sign(Uint8Array.of(0x72))).toString("hex")).toBe(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    expect(key.kid).toBe(kidOf(Buffer.from(key.publicKey, "base64url")));
  });

  test("hold for their data and key, and for nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), fc.nat(63), (data, other, at) => {
        const key = signingKeyOf(seed(1)(32));
        const signature = key.sign(data);
        const altered = Uint8Array.from(signature, (byte, index) => (index === at ? byte ^ 1 : byte));
        expect(verifySignature(key.publicKey, data, signature)).toBe(true);
        expect(verifySignature(key.publicKey, other, signature)).toBe(Buffer.compare(data, other) === 0);
        expect(verifySignature(key.publicKey, data, altered)).toBe(false);
        expect(verifySignature(signingKeyOf(seed(2)(32)).publicKey, data, signature)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test("agree with keys that were made elsewhere", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ format: "jwk" }).x ?? "";
    const data = Buffer.from("data");
    expect(verifySignature(raw, data, sign(null, data, privateKey))).toBe(true);
  });

  test.each(["", "AAAA", "=".repeat(43), "A".repeat(44)])("no key %j, no signature", (publicKey) => {
    expect(verifySignature(publicKey, Uint8Array.of(1), new Uint8Array(64))).toBe(false);
  });

  test.each([0, 63, 65])("a signature of %i bytes is none", (length) => {
    const key = signingKeyOf(seed(1)(32));
    expect(verifySignature(key.publicKey, Uint8Array.of(1), new Uint8Array(length))).toBe(false);
  });
});

describe("a folder of keys", () => {
  test("keeps them for their owner alone, and out of git", async () => {
    await using repository = await temporaryRepository();
    const folder = join(repository.root, ".whetstone", "keys");
    const keys = openSigningKeys(folder);
    expect(await keys.kids()).toEqual([]);
    const key = await keys.create(seed(3));
    expect(await keys.kids()).toEqual([key.kid]);
    expect((await keys.read(key.kid))?.publicKey).toBe(key.publicKey);
    const file = join(folder, `${key.kid}.json`);
    expect([(await stat(file)).mode & 0o777, (await stat(folder)).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(await repository.git("status", "--porcelain", "--untracked-files=all")).toBe("");
  });

  test("a key that is not there is not there", async () => {
    await using folder = await temporaryFolder();
    expect(await openSigningKeys(join(folder.path, "none")).read("0123456789abcdef")).toBeUndefined();
  });

  test.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666])("mode %o is refused", async (mode) => {
    await using folder = await temporaryFolder();
    const keys = openSigningKeys(folder.path);
    const { kid } = await keys.create(seed(3));
    await chmod(join(folder.path, `${kid}.json`), mode);
    await expect(keys.read(kid)).rejects.toMatchObject({
      code: "key_refused",
      remedy: expect.stringContaining("chmod 600"),
    });
    await chmod(join(folder.path, `${kid}.json`), 0o400);
    expect((await keys.read(kid))?.kid).toBe(kid);
  });

  test("a link, a folder, a damaged file and the key of another name are refused", async () => {
    await using folder = await temporaryFolder();
    const keys = openSigningKeys(folder.path);
    const { kid } = await keys.create(seed(3));
    const at = (name: string): string => join(folder.path, `${name}.json`);
    await symlink(at(kid), at("1111111111111111"));
    await mkdir(at("2222222222222222"));
    await writeFile(at("3333333333333333"), (await readFile(at(kid), "utf8")).slice(0, -20), { mode: 0o600 });
    await writeFile(at("4444444444444444"), await readFile(at(kid)), { mode: 0o600 });
    for (const name of ["1111111111111111", "2222222222222222", "3333333333333333", "4444444444444444"]) {
      await expect(keys.read(name)).rejects.toMatchObject({ code: "key_refused" });
    }
    await rename(at(kid), at("5555555555555555"));
    await expect(keys.read("5555555555555555")).rejects.toMatchObject({ code: "key_refused" });
  });

  test("a name that is no key id reaches no file", async () => {
    await using folder = await temporaryFolder();
    await expect(openSigningKeys(folder.path).read("../x")).rejects.toThrow();
  });
});
