import { generateKeyPairSync, type KeyObject } from "node:crypto";

/** A key pair of an App, made for this run. */
export type AppKey = { readonly pem: string; readonly publicKey: KeyObject };

/** An RSA key as GitHub hands it out: PKCS #1, PEM. */
export function newAppKey(): AppKey {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { pem: privateKey.export({ type: "pkcs1", format: "pem" }).toString(), publicKey };
}
