import type { StateStore, StateView } from "../../github/state-port.ts";
import type { PublicKeyRecord } from "../../model/authorization.ts";
import { WhetstoneError } from "../../model/error.ts";
import { canonicalJson } from "../../model/json.ts";
import type { Actor } from "../../model/ledger.ts";
import { type Clock, formatInstant } from "../../model/time.ts";
import { digestOf } from "../digest.ts";
import { planLedger } from "../ledger.ts";
import type { SigningKey, SigningKeyFolder } from "../signing-key.ts";
import { keyFile, listAuthorizations, listKeys, readKey } from "./records.ts";
import { standingOf } from "./rules.ts";

/** Where a person's keys are and who that is. */
export type KeyRing = {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly folder: SigningKeyFolder;
  readonly owner: Actor;
  readonly random: (bytes: number) => Uint8Array;
};

/** The owner's key that this machine can sign with; the newest of several. @throws WhetstoneError `key_refused` */
export async function activeKey({ state, folder, owner }: KeyRing): Promise<SigningKey | undefined> {
  const here = await folder.kids();
  const usable = (await keysOf(await state.view(), owner)).filter(({ kid }) => here.includes(kid));
  const newest = usable.at(-1);
  return newest === undefined ? undefined : await folder.read(newest.kid);
}

/**
 * The owner's key on this machine; made and published at the first use, beside those that he has on others. Errors:
 * `key_refused`, `write_failed`, those of the state.
 */
export async function ensureKey(ring: KeyRing): Promise<SigningKey> {
  return (await activeKey(ring)) ?? (await publish(ring, { replacing: false })).key;
}

/** A new key, and what became of the ones before. */
export type Rotation = {
  readonly key: SigningKey;
  readonly retired: readonly string[];
  /** Ids of granted, unused authorizations that count no more, because a retired key had signed them. */
  readonly voided: readonly string[];
};

/**
 * Replaces every key of the owner by a new one, in one commit. Tokens that the old ones signed are refused from then on:
 * a key is rotated because it may be in other hands.
 */
export function rotateKeys(ring: KeyRing): Promise<Rotation> {
  return publish(ring, { replacing: true });
}

/**
 * Retires one key, whoever owns it. @throws WhetstoneError `not_found`, also for one that is retired already
 */
export async function revokeKey(
  { state, clock }: Pick<KeyRing, "state" | "clock">,
  { kid, by }: { readonly kid: string; readonly by: Actor },
): Promise<Omit<Rotation, "key">> {
  return await state.update(`authorization: revoke key ${kid}`, async (view) => {
    const found = await readKey(view, kid);
    if (found === undefined || found.retired !== null) {
      throw new WhetstoneError("not_found", `There is no key ${kid} in use.`, {
        remedy: "`whetstone authorize keys list` shows all.",
      });
    }
    const at = formatInstant(clock.now());
    const revoked = { ...found, retired: { at, by, why: "revoked" } } satisfies PublicKeyRecord;
    const voided = await grantedBy(view, [kid], clock.now());
    const { change } = await planLedger(view, [entry("key.revoke", { by, kid })], { clock });
    return { change: new Map([...change, keyFile(revoked)]), value: { retired: [kid], voided } };
  });
}

async function publish(ring: KeyRing, { replacing }: { readonly replacing: boolean }): Promise<Rotation> {
  const { state, clock, folder, owner, random } = ring;
  // On disk first: a published key whose private half was lost would have to be revoked again.
  const key = await folder.create(random);
  const { kid, publicKey } = key;
  return await state.update(`authorization: key ${kid}`, async (view) => {
    const at = formatInstant(clock.now());
    const old = replacing ? await keysOf(view, owner) : [];
    const added: PublicKeyRecord = {
      schema: "whetstone.authorization-key/1",
      kid,
      algorithm: "Ed25519",
      publicKey,
      owner,
      createdAt: at,
      retired: null,
    };
    const rotated = old.map((one): PublicKeyRecord => ({ ...one, retired: { at, by: owner, why: "rotated" } }));
    const retired = old.map((one) => one.kid);
    const voided = await grantedBy(view, retired, clock.now());
    const { change } = await planLedger(view, [entry("key.publish", { by: owner, kid })], { clock });
    const files = [added, ...rotated].map(keyFile);
    return { change: new Map([...change, ...files]), value: { key, retired, voided } };
  });
}

/** The owner's keys in use, oldest first. */
async function keysOf(view: StateView, owner: Actor): Promise<readonly PublicKeyRecord[]> {
  const keys = await listKeys(view);
  return keys.filter((key) => key.retired === null && canonicalJson(key.owner) === canonicalJson(owner));
}

/** Ids of the granted authorizations that one of the keys signed. */
async function grantedBy(view: StateView, kids: readonly string[], now: bigint): Promise<readonly string[]> {
  const all = await listAuthorizations(view);
  return all
    .filter((one) => standingOf(one, now) === "granted" && kids.includes(one.grant?.kid ?? ""))
    .map(({ request }) => request.id);
}

function entry(operation: string, { by, kid }: { readonly by: Actor; readonly kid: string }) {
  return {
    actor: by,
    operation: `authorization.${operation}`,
    target: kid,
    decision: "allow",
    reasonCode: "ok",
    result: operation === "key.revoke" ? "revoked" : "published",
    parametersDigest: digestOf({ kid }),
    run: kid,
  } as const;
}
