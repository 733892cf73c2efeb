import { readdir } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";
import { formatInstant } from "../model/time.ts";
import { ApiKeyId, ApiKeyRecord } from "./api-key.ts";
import { readJson, writeFileWhole } from "./files.ts";

/** Where records of API keys are. Errors: `input_unreadable`, `write_failed`. */
export type KeyStore = {
  /** The record of an id, as it stands now; undefined when there is none. */
  readonly find: (id: string) => Promise<ApiKeyRecord | undefined>;
  /** All records, oldest first. */
  readonly list: () => Promise<readonly ApiKeyRecord[]>;
  readonly add: (record: ApiKeyRecord) => Promise<void>;
  /**
   * From now on the key is refused, and its sessions with it; revoking again changes nothing.
   * @throws WhetstoneError `not_found`
   */
  readonly revoke: (id: string, nowNs: bigint) => Promise<ApiKeyRecord>;
};

/**
 * Records as one file per key, `<folder>/<id>.json`: processes that change different keys cannot undo each other's
 * change, and a check reads one small file, so that a revocation counts at once.
 */
export function openKeyFolder(folder: string): KeyStore {
  const pathOf = (id: string): string => join(folder, `${id}.json`);
  const write = (record: ApiKeyRecord) =>
    writeFileWhole(pathOf(record.id), `${JSON.stringify(ApiKeyRecord.parse(record), undefined, 2)}\n`);
  const read = async (id: string): Promise<ApiKeyRecord> => {
    const path = pathOf(id);
    const record = await readJson({ path, schema: ApiKeyRecord, limitBytes: 10_000, code: "input_unreadable" });
    if (record.id === id) return record;
    throw new WhetstoneError("input_unreadable", `${path} holds the record of another key.`, {
      remedy: "Name the file after the id in it, or make the key anew.",
    });
  };
  const find = async (id: string) => (ApiKeyId.safeParse(id).success && existsSync(pathOf(id)) ? read(id) : undefined);
  return {
    find,
    list: async () => {
      const records = await Promise.all((await idsIn(folder)).map(read));
      return records.sort((a, b) => (`${a.created}${a.id}` < `${b.created}${b.id}` ? -1 : 1));
    },
    add: write,
    revoke: async (id, nowNs) => {
      const record = await find(id);
      if (record === undefined) throw noSuchKey(id);
      if (record.revoked !== undefined) return record;
      const revoked = { ...record, revoked: formatInstant(nowNs) };
      await write(revoked);
      return revoked;
    },
  };
}

/** Memory twin of {@link openKeyFolder}. */
export function memoryKeys(): KeyStore {
  const records = new Map<string, ApiKeyRecord>();
  return {
    find: async (id) => records.get(id),
    list: async () => [...records.values()].sort((a, b) => (`${a.created}${a.id}` < `${b.created}${b.id}` ? -1 : 1)),
    add: async (record) => void records.set(record.id, record),
    revoke: async (id, nowNs) => {
      const record = records.get(id);
      if (record === undefined) throw noSuchKey(id);
      const revoked = { ...record, revoked: record.revoked ?? formatInstant(nowNs) };
      records.set(id, revoked);
      return revoked;
    },
  };
}

async function idsIn(folder: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith(".json"));
    return names.map((name) => name.slice(0, -".json".length)).filter((id) => ApiKeyId.safeParse(id).success);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return [];
    throw new WhetstoneError("input_unreadable", `The API keys in ${folder} cannot be read: ${messageOf(cause)}.`, {
      remedy: "Check that the folder may be read.",
      cause,
    });
  }
}

const noSuchKey = (id: string): WhetstoneError =>
  new WhetstoneError("not_found", `There is no API key ${id}.`, { remedy: "`whetstone api-key list` shows all." });
