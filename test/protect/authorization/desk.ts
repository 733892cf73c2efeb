import { openMemoryState } from "../../../src/github/memory-state.ts";
import type { StateStore } from "../../../src/github/state-port.ts";
import type { Authority, Subject } from "../../../src/model/authorization.ts";
import type { Actor } from "../../../src/model/ledger.ts";
import { type ManualClock, manualClock } from "../../../src/model/time.ts";
import { grantAuthorization } from "../../../src/protect/authorization/grant.ts";
import type { AuthorizationDesk, ProtectionRules } from "../../../src/protect/authorization/ports.ts";
import { keyFile } from "../../../src/protect/authorization/records.ts";
import { requestAuthorization } from "../../../src/protect/authorization/request.ts";
import { stateSubject } from "../../../src/protect/authorization/subject.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import { operationOf, type OperationName } from "../../../src/protect/operations.ts";
import { type SigningKey, signingKeyOf } from "../../../src/protect/signing-key.ts";

export const ALICE: Actor = { type: "person", id: "alice" };
export const BOB: Actor = { type: "person", id: "bob" };
export const BOT: Actor = { type: "bot", id: "whetstone" };
export const START_NS = 1_760_000_000_000_000_000n;
export const SUBJECT = stateSubject({ stopped: "because" });

/** A desk in memory: alice is admin, carol operator, nobody else is anything. */
export type TestDesk = AuthorizationDesk & { readonly clock: ManualClock; readonly roleOf: Map<string, Authority> };

export function openDesk({
  state = openMemoryState(),
  rules = {},
}: { state?: StateStore; rules?: Partial<ProtectionRules> } = {}): TestDesk {
  const roleOf = new Map<string, Authority>([
    ["alice", "admin"],
    ["carol", "operator"],
  ]);
  return {
    state,
    clock: manualClock(START_NS),
    roles: { authorityOf: async ({ id }) => roleOf.get(id) },
    rules: async () => ({ twoPerson: false, expiryMinutes: 30, ...rules }),
    roleOf,
  };
}

export const ID = "a-20251009T085320Z-00000a";

export type AskOptions = {
  readonly id?: string;
  readonly operation?: OperationName;
  readonly target?: string;
  readonly requestedBy?: Actor;
  readonly author?: string | null;
  readonly subject?: Subject;
};

/** Puts a request on record. */
export function ask(desk: AuthorizationDesk, options: AskOptions = {}) {
  const {
    id = ID,
    operation = "resume",
    target = "all",
    requestedBy = BOT,
    author = null,
    subject = SUBJECT,
  } = options;
  return requestAuthorization(desk, {
    id,
    operation: operationOf(operation),
    target,
    subject,
    impact: { summary: "The loop goes on.", affects: ["every stage"], rollback: "whetstone stop" },
    requestedBy,
    author,
    random: (bytes) => new Uint8Array(bytes).fill(7),
  });
}

/** The key pair of a number. */
export const keyOf = (number: number): SigningKey => signingKeyOf(new Uint8Array(32).fill(number));

/** Publishes a key without a folder. */
export async function publishKey(
  desk: AuthorizationDesk,
  { key, owner }: { key: SigningKey; owner: Actor },
): Promise<SigningKey> {
  const { kid, publicKey } = key;
  const record = {
    schema: "whetstone.authorization-key/1",
    kid,
    algorithm: "Ed25519",
    publicKey,
    owner,
    createdAt: "2025-10-09T08:53:20.000Z",
    retired: null,
  } as const;
  await desk.state.update("key", async () => ({ change: new Map([keyFile(record)]), value: undefined }));
  return key;
}

/** Request and grant in one step; alice's token. */
export async function granted(desk: AuthorizationDesk, options: AskOptions = {}): Promise<string> {
  const { id } = await ask(desk, options);
  const key = await publishKey(desk, { key: keyOf(1), owner: ALICE });
  return (await grantAuthorization(desk, { id, by: ALICE, key })).token;
}

/** What a well-behaved user of {@link granted} says. */
export const USE = { operation: operationOf("resume"), target: "all", subject: SUBJECT, actor: BOT } as const;

/** Every file of the state but the ledger, for "nothing changed". */
export async function filesOf(state: StateStore): Promise<Record<string, string | undefined>> {
  const view = await state.view();
  const paths = (await view.list("")).filter((path) => !path.startsWith("ledger"));
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await view.read(path)] as const)));
}

/** Operation, decision and reason of every ledger record. */
export async function acts(state: StateStore): Promise<string[]> {
  const { records } = await readLedger(await state.view());
  return records.map(({ operation, decision, reasonCode }) => `${operation} ${decision} ${reasonCode}`);
}
