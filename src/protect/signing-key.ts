import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { chmod, lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Kid } from "../model/authorization.ts";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";
import { sha256 } from "./digest.ts";
import { readJson, writeFileWhole } from "./files.ts";

/** A private Ed25519 key in memory. */
export type SigningKey = {
  readonly kid: string;
  /** 32 bytes, base64url. */
  readonly publicKey: string;
  /** Signature of 64 bytes (RFC 8032). */
  readonly sign: (data: Uint8Array) => Uint8Array;
};

const KeyFile = z.strictObject({
  schema: z.literal("whetstone.signing-key/1"),
  kid: Kid,
  /** The private key, 32 bytes, base64url. */
  seed: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

/** DER around the 32 bytes of an Ed25519 private and public key (RFC 8410, section 7 and 4). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** The id of a public key of 32 bytes. */
export function kidOf(publicKey: Uint8Array): string {
  return sha256(publicKey).slice(0, 16);
}

/** The key pair of a 32-byte seed. */
export function signingKeyOf(seed: Uint8Array): SigningKey {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  const raw = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(SPKI_HEAD.length);
  return {
    kid: kidOf(raw),
    publicKey: raw.toString("base64url"),
    sign: (data) => sign(null, data, key),
  };
}

/** Whether a signature of `data` holds under a public key of 32 bytes in base64url; false for what is no key. */
export function verifySignature(publicKey: string, data: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKeyOf(publicKey);
  return key !== undefined && signature.length === 64 && verify(null, data, key, signature);
}

function publicKeyOf(text: string): KeyObject | undefined {
  const raw = Buffer.from(text, "base64url");
  if (raw.length !== 32) return undefined;
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD, raw]), format: "der", type: "spki" });
}

/** A folder of private keys, one file per key, readable by its owner alone. */
export type SigningKeyFolder = {
  /** Makes a key and writes it; the folder keeps itself out of git. Errors: `write_failed`. */
  readonly create: (random: (bytes: number) => Uint8Array) => Promise<SigningKey>;
  /** Undefined when there is no such key. @throws WhetstoneError `key_refused` */
  readonly read: (kid: string) => Promise<SigningKey | undefined>;
  /** Ids of the keys that are there, sorted. @throws WhetstoneError `key_refused` */
  readonly kids: () => Promise<readonly string[]>;
};

/** Private keys below `folder`, as `<kid>.json` of mode 0600. On Windows, whose files have no such modes, they are not checked. */
export function openSigningKeys(folder: string): SigningKeyFolder {
  const pathOf = (kid: string): string => join(folder, `${kid}.json`);
  return {
    create: async (random) => {
      const seed = random(32);
      const key = signingKeyOf(seed);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
      await writeFileWhole(join(folder, ".gitignore"), "*\n");
      const file = {
        schema: "whetstone.signing-key/1",
        kid: key.kid,
        seed: Buffer.from(seed).toString("base64url"),
      } satisfies z.input<typeof KeyFile>;
      await writeFileWhole(pathOf(key.kid), `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600 });
      return key;
    },
    read: async (kid) => {
      const path = pathOf(Kid.parse(kid));
      if (!(await isPrivateFile(path))) return undefined;
      const file = await readJson({ path, schema: KeyFile, limitBytes: 1_000, code: "key_refused" });
      const key = signingKeyOf(Buffer.from(file.seed, "base64url"));
      if (key.kid === kid && file.kid === kid) return key;
      throw refused(
        path,
        "it holds another key than its name says",
        "Put it back under its own name, or rotate the key.",
      );
    },
    kids: async () =>
      (await namesIn(folder)).flatMap((name) => Kid.safeParse(name.replace(/\.json$/, "")).data ?? []).sort(),
  };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return [];
    throw refused(folder, messageOf(cause), "Check that the folder is yours.");
  }
}

/** False when there is no such file. @throws WhetstoneError `key_refused` when others could read or replace it */
async function isPrivateFile(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw refused(path, messageOf(error), "Check that the file is yours.");
  });
  if (found === undefined) return false;
  if (!found.isFile()) throw refused(path, "it is not a regular file", "Replace it by the file itself.");
  if (process.platform === "win32") return true;
  const mode = found.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    const why = `its mode is ${mode.toString(8).padStart(4, "0")}, so that others can read or change it`;
    throw refused(path, why, `Rotate the key if others had access; else: chmod 600 ${path}`);
  }
  if (found.uid !== process.getuid?.()) throw refused(path, "it belongs to another user", "Use a key of your own.");
  return true;
}

function refused(path: string, why: string, remedy: string): WhetstoneError {
  return new WhetstoneError("key_refused", `The signing key ${path} is not used: ${why}.`, { remedy, data: { path } });
}
