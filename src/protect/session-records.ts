import type { StateStore, StateView } from "../github/state-port.ts";
import { WhetstoneError } from "../model/error.ts";
import type { LedgerEntry } from "../model/ledger.ts";
import { SessionRecord } from "../model/proposal.ts";
import { parseInstant, type Clock } from "../model/time.ts";
import { planLedger } from "./ledger.ts";

/** Folder of the state branch that holds sessions. */
const FOLDER = "sessions/";

/** Commits a session that was started by hand, with its ledger records. */
export async function recordSession(
  state: StateStore,
  { record, entries }: { readonly record: SessionRecord; readonly entries: readonly LedgerEntry[] },
  clock: Clock,
): Promise<void> {
  await state.update(`Record session ${record.id} on ${record.target}`, async (view) => ({
    change: new Map([
      [`${FOLDER}${record.id}.json`, `${JSON.stringify(record, undefined, 2)}\n`] as const,
      ...(await planLedger(view, entries, { clock })).change,
    ]),
    value: undefined,
  }));
}

/** A session on record: `key` is the name of its file, which is the id of the session or of the run that it was part of. */
export type KeptSession = { readonly key: string; readonly record: SessionRecord };

/**
 * All sessions on record, newest first; what is no record is named in `unreadable`, never passed over in silence.
 */
export async function listSessions(
  view: StateView,
): Promise<{ readonly sessions: readonly KeptSession[]; readonly unreadable: readonly string[] }> {
  const sessions: KeptSession[] = [];
  const unreadable: string[] = [];
  for (const path of await view.list(FOLDER)) {
    const record = parseRecord((await view.read(path)) ?? "");
    if (record === undefined) unreadable.push(path);
    else sessions.push({ key: path.slice(FOLDER.length).replace(/\.json$/, ""), record });
  }
  return { sessions: sessions.toSorted(newestFirst), unreadable };
}

/**
 * The session of an id, of its own or of the run that it was part of; the newest where a recording was played in several.
 * @throws WhetstoneError `not_found`; `ledger_broken` when its record cannot be read
 */
export async function findSession(view: StateView, id: string): Promise<KeptSession> {
  const { sessions, unreadable } = await listSessions(view);
  if (unreadable.includes(`${FOLDER}${id}.json`)) {
    throw new WhetstoneError("ledger_broken", `The state branch holds an unreadable record: ${FOLDER}${id}.json.`, {
      remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
    });
  }
  const found = sessions.find(({ key, record }) => key === id || record.id === id);
  if (found !== undefined) return found;
  throw new WhetstoneError("not_found", `There is no session ${id} on record.`, {
    remedy: "See `whetstone session list`.",
  });
}

function newestFirst(a: KeptSession, b: KeptSession): number {
  const [one, other] = [parseInstant(a.record.recordedAt, 0n), parseInstant(b.record.recordedAt, 0n)];
  if (one !== other) return one < other ? 1 : -1;
  return a.key < b.key ? 1 : a.key > b.key ? -1 : 0;
}

function parseRecord(text: string): SessionRecord | undefined {
  try {
    return SessionRecord.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // not JSON; the caller names it
  }
}
