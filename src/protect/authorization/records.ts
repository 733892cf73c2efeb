import { z } from "zod";
import type { StateView } from "../../github/state-port.ts";
import { Authorization, AuthorizationId, Kid, PublicKeyRecord } from "../../model/authorization.ts";
import { WhetstoneError } from "../../model/error.ts";
import { canonicalJson } from "../../model/json.ts";
import { kidOf } from "../signing-key.ts";

const REPOSITORY = "repository.json";
const AUTHORIZATIONS = "authorizations/";
const KEYS = "authorization-keys/";

const RepositoryRecord = z.strictObject({
  schema: z.literal("whetstone.repository/1"),
  /** Drawn once; clones share it with the state branch. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
});

/** A file of the state branch and its text, for a change of the state. */
export type StateFile = readonly [path: string, text: string];

/** The file that holds an authorization. */
export function authorizationFile(record: Authorization): StateFile {
  return [`${AUTHORIZATIONS}${record.request.id}.json`, lineOf(Authorization.parse(record))];
}

/** The file that holds a public key. */
export function keyFile(record: PublicKeyRecord): StateFile {
  return [`${KEYS}${record.kid}.json`, lineOf(PublicKeyRecord.parse(record))];
}

/** The file that holds the repository's id. */
export function repositoryFile(id: string): StateFile {
  return [REPOSITORY, lineOf(RepositoryRecord.parse({ schema: "whetstone.repository/1", id }))];
}

/** The repository's id; undefined before the first request. @throws WhetstoneError `input_unreadable` */
export async function readRepositoryId(view: StateView): Promise<string | undefined> {
  return (await readRecord(view, { path: REPOSITORY, schema: RepositoryRecord }))?.id;
}

/** The authorization of an id, or undefined. @throws WhetstoneError `input_unreadable` */
export async function readAuthorization(view: StateView, id: string): Promise<Authorization | undefined> {
  if (!AuthorizationId.safeParse(id).success) return undefined;
  const path = `${AUTHORIZATIONS}${id}.json`;
  const found = await readRecord(view, { path, schema: Authorization });
  if (found === undefined || found.request.id === id) return found;
  throw unreadable(path, "it holds another authorization than its name says");
}

/** Every authorization, oldest first. @throws WhetstoneError `input_unreadable` */
export async function listAuthorizations(view: StateView): Promise<readonly Authorization[]> {
  const ids = await namesBelow(view, AUTHORIZATIONS);
  const records = await Promise.all(ids.map((id) => readAuthorization(view, id)));
  return records.filter((record) => record !== undefined);
}

/** The public key of a `kid`, or undefined. @throws WhetstoneError `input_unreadable` also when it is not the key of that id */
export async function readKey(view: StateView, kid: string): Promise<PublicKeyRecord | undefined> {
  if (!Kid.safeParse(kid).success) return undefined;
  const path = `${KEYS}${kid}.json`;
  const found = await readRecord(view, { path, schema: PublicKeyRecord });
  if (found === undefined) return undefined;
  if (found.kid === kid && kidOf(Buffer.from(found.publicKey, "base64url")) === kid) return found;
  throw unreadable(path, "it holds another key than its name says");
}

/** Every public key, oldest first. @throws WhetstoneError `input_unreadable` */
export async function listKeys(view: StateView): Promise<readonly PublicKeyRecord[]> {
  const records = await Promise.all((await namesBelow(view, KEYS)).map((kid) => readKey(view, kid)));
  return records
    .filter((record) => record !== undefined)
    .sort((a, b) => (`${a.createdAt}${a.kid}` < `${b.createdAt}${b.kid}` ? -1 : 1));
}

async function namesBelow(view: StateView, folder: string): Promise<readonly string[]> {
  return (await view.list(folder)).map((path) => path.slice(folder.length).replace(/\.json$/, ""));
}

type RecordFile<Schema extends z.ZodType> = { readonly path: string; readonly schema: Schema };

async function readRecord<Schema extends z.ZodType>(
  view: StateView,
  { path, schema }: RecordFile<Schema>,
): Promise<z.output<Schema> | undefined> {
  const text = await view.read(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable(path, "it is not JSON", cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unreadable(path, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "it does not fit"}`, parsed.error);
}

function unreadable(path: string, why: string, cause?: unknown): WhetstoneError {
  return new WhetstoneError("input_unreadable", `${path} on the state branch cannot be read: ${why}.`, {
    remedy: `Compare it with its history: git log -p whetstone/state -- ${path}`,
    cause,
    data: { path },
  });
}

function lineOf(value: unknown): string {
  return `${canonicalJson(value)}\n`;
}
