import type { ReasonCode } from "../../model/codes.ts";
import type { Actor } from "../../model/ledger.ts";
import type { Outcome } from "../../model/outcome.ts";
import { formatInstant } from "../../model/time.ts";
import type { RecordedProposal } from "../../propose/recorded.ts";
import { digestOf } from "../../protect/digest.ts";
import { appendOutcomeOnce } from "../../protect/outcomes.ts";
import type { HandlerContext } from "../handler.ts";

/** What became of a proposal. */
export type LaterNews = {
  readonly status: Outcome["status"];
  readonly reasons: readonly [ReasonCode, ...ReasonCode[]];
  readonly by: Actor;
  /** What makes it one event: the same one is recorded once, however often it is told. Letters, digits and dashes. */
  readonly key: string;
  readonly more?: Partial<Pick<Outcome, "note" | "edited" | "observed">>;
  /** It is told, but what stands already weighs more and stays the latest, such as a promotion before the merge. */
  readonly behind?: boolean;
};

type RecordContext = Pick<HandlerContext, "repository" | "schedule" | "clock" | "event" | "log">;

const DAY_MS = 86_400_000;

/**
 * Puts what became of a proposal on record with its ledger entry, once. A change that was promoted is looked at again
 * after the time that counts as held (`learning.heldAfterDays`).
 * @throws WhetstoneError `api_failed`, `ledger_broken`, `config_invalid`
 */
export async function recordLater(
  context: RecordContext,
  proposal: RecordedProposal,
  { status, reasons, by, key, more, behind = false }: LaterNews,
): Promise<void> {
  const { repository, clock, event, log } = context;
  const { origin, outcome: latest } = proposal;
  const id = `${origin.id}-${status.replace("_", "-")}-${key}`;
  const outcome: Outcome = { ...latest, ...more, id, at: formatInstant(clock.now()), status, reasons: [...reasons] };
  const entry = {
    actor: by,
    operation: "outcome",
    target: proposal.target,
    decision: "none",
    reasonCode: reasons[0],
    result: status,
    parametersDigest: digestOf({ dossier: proposal.dossier, status, key }),
    run: event.id,
  } as const;
  const kept = behind ? keptAfter(outcome, latest, clock.now()) : undefined;
  const files = new Map(
    kept === undefined ? [] : [[`outcomes/${kept.id}.json`, `${JSON.stringify(kept, undefined, 2)}\n`]],
  );
  const written = await appendOutcomeOnce(repository.state, { outcome, entries: [entry], files }, clock);
  log(`Outcome of ${latest.proposal}: ${status}${written ? "" : ", on record already"}.`);
  const last = kept ?? outcome;
  if (last.status === "promoted") await scheduleHeld(context, proposal, last.id);
}

/** What stood before, again, a moment later than what was told behind it. */
function keptAfter({ id, edited }: Outcome, latest: Outcome, nowNs: bigint): Outcome {
  const at = formatInstant(nowNs + 1_000_000n);
  return { ...latest, ...(edited === undefined ? {} : { edited }), id: `${id}-${latest.status.replace("_", "-")}`, at };
}

async function scheduleHeld(
  { repository, schedule, clock }: RecordContext,
  { dossier }: RecordedProposal,
  promoted: string,
): Promise<void> {
  const { heldAfterDays } = (await repository.config()).learning;
  const place = `${repository.owner}/${repository.repo}`.toLowerCase();
  await schedule({
    id: `held:${place}:${promoted}`,
    key: `${place}:held`,
    name: "task.held",
    payload: { dossier, promoted },
    notBefore: Number(clock.now() / 1_000_000n) + Math.ceil(heldAfterDays * DAY_MS),
  });
}
