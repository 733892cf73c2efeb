import type { StateStore, StateView } from "../../github/state-port.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { ReasonCode } from "../../model/codes.ts";
import type { LedgerEntry } from "../../model/ledger.ts";
import type { Outcome } from "../../model/outcome.ts";
import { RollbackRecord } from "../../model/rollback.ts";
import { type Clock, formatInstant } from "../../model/time.ts";
import { digestOf } from "../../protect/digest.ts";
import { planLedger } from "../../protect/ledger.ts";
import type { RecordedProposal } from "../recorded.ts";

/** Where the record of a pull request's rollback lies. */
export function rollbackPath(pull: number): string {
  return `rollbacks/${pull}.json`;
}

/** The record of a pull request's rollback. @throws WhetstoneError `ledger_broken` */
export async function readRollback(view: StateView, pull: number): Promise<RollbackRecord | undefined> {
  const text = await view.read(rollbackPath(pull));
  if (text === undefined) return undefined;
  const parsed = RollbackRecord.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new WhetstoneError("ledger_broken", `The state branch holds an unreadable record: ${rollbackPath(pull)}.`, {
    remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
    cause: parsed.error,
    data: { path: rollbackPath(pull) },
  });
}

/** What a rollback leaves on record. */
export type RollbackNews = {
  readonly record: RollbackRecord;
  readonly proposal: RecordedProposal;
  readonly reasons: readonly [ReasonCode, ...ReasonCode[]];
  readonly run: string;
};

/**
 * Puts a rollback on record with its ledger entry and, where it was proposed, the proposal's outcome: one commit, and
 * nothing where the same rollback is on record already. Returns the record as it stands.
 * @throws WhetstoneError `ledger_broken`, `ref_moved`
 */
export async function recordRollback(
  { state, clock }: { readonly state: StateStore; readonly clock: Clock },
  news: RollbackNews,
): Promise<RollbackRecord> {
  const { record } = news;
  return await state.update(`rollback of #${record.pull}: ${record.verdict}`, async (view) => {
    const known = await readRollback(view, record.pull);
    if (known !== undefined && same(known, record)) return { change: new Map(), value: known };
    const ledger = (await planLedger(view, [entryOf(news)], { clock })).change;
    const outcome = outcomeOf(news, formatInstant(clock.now()));
    const outcomes = record.verdict === "proposed" ? [[`outcomes/${outcome.id}.json`, text(outcome)] as const] : [];
    const value = { ...record, deployment: known?.deployment ?? null };
    return { change: new Map([[rollbackPath(record.pull), text(value)], ...outcomes, ...ledger]), value };
  });
}

/** Changes what is on record of the deployment that goes with it. */
export async function recordDeployment(
  state: StateStore,
  pull: number,
  deployment: NonNullable<RollbackRecord["deployment"]>,
): Promise<void> {
  await state.update(`rollback of #${pull}: deployment`, async (view) => {
    const known = await readRollback(view, pull);
    if (known === undefined || JSON.stringify(known.deployment) === JSON.stringify(deployment))
      return { change: new Map(), value: undefined };
    return { change: new Map([[rollbackPath(pull), text({ ...known, deployment })]]), value: undefined };
  });
}

/** The same change taken back on the same commit, with the same result, by the same pull request. */
function same(one: RollbackRecord, other: RollbackRecord): boolean {
  const of = ({ changed, now, verdict, digest, revert }: RollbackRecord) =>
    digestOf({ changed, now, verdict, digest, revert: revert?.number ?? null });
  return of(one) === of(other);
}

function entryOf({ record, reasons, run }: RollbackNews): LedgerEntry {
  const { by, target, pull, digest, revert, verdict } = record;
  return {
    actor: by,
    operation: "rollback.propose",
    target,
    decision: verdict === "proposed" ? "allow" : "deny",
    reasonCode: reasons[0],
    result: revert === null ? `#${pull} is not taken back` : `#${revert.number} takes #${pull} back`,
    parametersDigest: digestOf({ pull, digest, revert }),
    run,
    ...(revert === null ? {} : { rollback: `close #${revert.number}` }),
  };
}

/** One outcome for each pull request that takes it back. */
function outcomeOf({ record, proposal, reasons }: RollbackNews, at: string): Outcome {
  const { origin, outcome } = proposal;
  const id = `${origin.id}-rolled-back-${record.revert?.number ?? 0}`;
  return { ...outcome, id, at, status: "rolled_back", reasons: [...reasons] };
}

function text(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined; // does not parse as the schema either, which is reported with the path
  }
}
