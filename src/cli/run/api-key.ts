import { join, resolve } from "node:path";
import { EXIT } from "../../model/codes.ts";
import { DURATION, formatInstant, parseDuration, parseInstant } from "../../model/time.ts";
import { type ApiKeyRecord, newApiKey, standing } from "../../protect/api-key.ts";
import { type KeyStore, openKeyFolder } from "../../protect/key-store.ts";
import { systemClock, systemRandom, WORK_FOLDER } from "../../wire.ts";
import type { CreateKeyOptions, KeyFolderOptions } from "../commands/api-key.ts";
import { printJson, type Io } from "../io.ts";
import { renderTable } from "../table.ts";

/** The keys that a flag names, by default those of the working folder. */
export function openKeys(keys: string | undefined, cwd: string): KeyStore {
  return openKeyFolder(resolve(cwd, keys ?? join(WORK_FOLDER, "api-keys")));
}

/** `whetstone api-key create`. */
export async function runCreateKey(name: string, options: CreateKeyOptions, io: Io): Promise<number> {
  const nowNs = systemClock.now();
  const expiresNs = options.expires === undefined ? undefined : parseExpiry(options.expires, nowNs);
  const { text, record } = newApiKey({
    name,
    role: options.role,
    nowNs,
    ...(expiresNs !== undefined && { expiresNs }),
    random: systemRandom,
  });
  await openKeys(options.keys, io.cwd).add(record);
  if (options.json) printJson(io, { ...shown(record, nowNs), key: text });
  else {
    io.out(`${text}\n`);
    io.err(`Key ${record.id} for ${record.name} (${record.role}). It is shown only now; send it as:\n`);
    io.err("  Authorization: Bearer KEY\n");
  }
  return EXIT.pass;
}

const parseExpiry = (text: string, nowNs: bigint): bigint =>
  DURATION.test(text) ? nowNs + BigInt(Math.round(parseDuration(text))) : parseInstant(text, nowNs);

/** `whetstone api-key list`. */
export async function runListKeys(options: KeyFolderOptions, io: Io): Promise<number> {
  const nowNs = systemClock.now();
  const keys = (await openKeys(options.keys, io.cwd).list()).map((record) => shown(record, nowNs));
  if (options.json) printJson(io, { keys, total: keys.length });
  else if (keys.length === 0) io.out("There is no key. Make one with `whetstone api-key create NAME --role ROLE`.\n");
  else {
    const rows = keys.map(({ id, name, role, state, created, expires }) => [
      id,
      name,
      role,
      state,
      created,
      expires ?? "never",
    ]);
    io.out(renderTable(["id", "name", "role", "state", "created", "expires"], rows));
  }
  return EXIT.pass;
}

/** `whetstone api-key revoke`. */
export async function runRevokeKey(id: string, options: KeyFolderOptions, io: Io): Promise<number> {
  const nowNs = systemClock.now();
  const record = await openKeys(options.keys, io.cwd).revoke(id, nowNs);
  if (options.json) printJson(io, shown(record, nowNs));
  else io.out(`Key ${record.id} (${record.name}) is refused since ${record.revoked ?? formatInstant(nowNs)}.\n`);
  return EXIT.pass;
}

function shown({ id, name, role, created, expires, revoked, ...rest }: ApiKeyRecord, nowNs: bigint) {
  const now = standing({ id, name, role, created, expires, revoked, ...rest }, nowNs);
  const state = now.kind === "known" ? ("active" as const) : now.why;
  return { id, name, role, state, created, ...(expires && { expires }), ...(revoked && { revoked }) };
}
