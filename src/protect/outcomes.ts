import type { z } from "zod";
import type { StateStore, StateView } from "../github/state-port.ts";
import type { DossierManifest } from "../model/dossier.ts";
import { WhetstoneError } from "../model/error.ts";
import type { LedgerEntry } from "../model/ledger.ts";
import { Outcome, Rule } from "../model/outcome.ts";
import { SessionRecord } from "../model/proposal.ts";
import { parseInstant, type Clock } from "../model/time.ts";
import { planLedger } from "./ledger.ts";

/** What one run leaves on the state branch, in one commit. */
export type RunRecord = {
  readonly outcome: Outcome;
  readonly manifest: DossierManifest;
  readonly session?: SessionRecord;
  readonly entries: readonly LedgerEntry[];
};

/** Commits outcome, session, manifest and ledger records as one step: a reader sees all of a run or nothing. */
export async function recordRun(state: StateStore, record: RunRecord, clock: Clock): Promise<void> {
  const { outcome, manifest, session, entries } = record;
  await state.update(`Record ${outcome.target} ${outcome.status}: ${outcome.id}`, async (view) => {
    const files = new Map<string, string | null>([
      [`outcomes/${outcome.id}.json`, json(outcome)],
      [`dossiers/${manifest.id}/manifest.json`, json(manifest)],
      ...(session ? [[`sessions/${manifest.run}.json`, json(session)] as const] : []),
      ...(await planLedger(view, entries, { clock })).change,
    ]);
    return { change: files, value: undefined };
  });
}

/** Commits a later outcome of a proposal with its ledger records. */
export async function appendOutcome(
  state: StateStore,
  record: Pick<RunRecord, "outcome" | "entries">,
  clock: Clock,
): Promise<void> {
  const { outcome, entries } = record;
  await state.update(`Record ${outcome.target} ${outcome.status}: ${outcome.id}`, async (view) => ({
    change: new Map([
      [`outcomes/${outcome.id}.json`, json(outcome)] as const,
      ...(await planLedger(view, entries, { clock })).change,
    ]),
    value: undefined,
  }));
}

/** A later outcome with its ledger records, and other files that belong to it. */
export type LaterOutcome = Pick<RunRecord, "outcome" | "entries"> & { readonly files?: ReadonlyMap<string, string> };

/** Commits a later outcome as one step, unless one of its id is on record; false when it is. */
export async function appendOutcomeOnce(state: StateStore, later: LaterOutcome, clock: Clock): Promise<boolean> {
  const { outcome, entries, files = new Map() } = later;
  const path = `outcomes/${outcome.id}.json`;
  return await state.update(`Record ${outcome.target} ${outcome.status}: ${outcome.id}`, async (view) => {
    if ((await view.read(path)) !== undefined) return { change: new Map(), value: false };
    const ledger = (await planLedger(view, entries, { clock })).change;
    return { change: new Map([...files, [path, json(outcome)], ...ledger]), value: true };
  });
}

/** All outcomes of a target, oldest first. */
export async function readOutcomes(view: StateView, target: string): Promise<Outcome[]> {
  const outcomes = await readRecords(view, "outcomes/", Outcome);
  return outcomes.filter((outcome) => outcome.target === target).sort(byTime);
}

/** All recorded sessions on a target, in no order. */
export async function readSessions(view: StateView, target: string): Promise<SessionRecord[]> {
  return (await readRecords(view, "sessions/", SessionRecord)).filter((session) => session.target === target);
}

/** As times, not as texts: these have more or fewer digits of a second. */
function byTime(a: Outcome, b: Outcome): number {
  const [one, other] = [parseInstant(a.at, 0n), parseInstant(b.at, 0n)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Candidate rules: learned, not in force. They become active by a pull request that adds `rules/<id>.yaml`. */
export async function readCandidates(view: StateView): Promise<Rule[]> {
  return readRecords(view, "candidates/", Rule);
}

/** Commits new or changed candidate rules with their ledger records. */
export async function recordCandidates(
  state: StateStore,
  learned: { readonly rules: readonly Rule[]; readonly entries: readonly LedgerEntry[] },
  clock: Clock,
): Promise<void> {
  await state.update(`Learn ${learned.rules.map((rule) => rule.id).join(", ") || "nothing new"}`, async (view) => ({
    change: new Map([
      ...learned.rules.map((rule) => [`candidates/${rule.id}.json`, json(rule)] as const),
      ...(await planLedger(view, learned.entries, { clock })).change,
    ]),
    value: undefined,
  }));
}

/**
 * Every record below a folder of the state branch, by path.
 * @throws WhetstoneError `ledger_broken` naming the one that cannot be read
 */
export async function readRecords<Schema extends z.ZodType>(
  view: StateView,
  prefix: string,
  schema: Schema,
): Promise<z.output<Schema>[]> {
  const found: z.output<Schema>[] = [];
  for (const path of await view.list(prefix)) {
    const parsed = schema.safeParse(parseJson((await view.read(path)) ?? ""));
    if (!parsed.success) {
      throw new WhetstoneError("ledger_broken", `The state branch holds an unreadable record: ${path}.`, {
        remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
        cause: parsed.error,
        data: { path },
      });
    }
    found.push(parsed.data);
  }
  return found;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // does not parse as the schema either, which the caller reports with the path
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
