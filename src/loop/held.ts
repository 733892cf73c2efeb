import { judgeHeld, type HeldVerdict, type ObservedOperation } from "../learn/held.ts";
import { latestPerDossier } from "../learn/trials.ts";
import type { Outcome } from "../model/outcome.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import { appendOutcome, readOutcomes } from "../protect/outcomes.ts";
import type { SpanStore } from "../store/port.ts";
import { newId } from "../wire.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

const DAY_NS = 86_400_000_000_000;

/** The store that saw the traffic; it is opened only when there is something to ask. */
export type Traffic = Pick<SpanStore, "operations"> & AsyncDisposable;

/** A promoted change whose time has come, and what traffic says of it. */
export type HeldCheck = HeldVerdict & { readonly proposal: string; readonly promotedAt: string };

type Looking = { readonly workspace: Pick<LoopRun["workspace"], "state" | "clock" | "targetName" | "config"> };

/**
 * Looks at every promoted change of the target whose time is over (`learning.heldAfterDays`): is its effect still there in
 * the store's rollups, as many days before the promotion against the same number after it? Writes nothing.
 * @throws WhetstoneError `ledger_broken`, `store_read_failed`
 */
export async function judgeDue(
  { workspace: { state, clock, targetName, config } }: Looking,
  open: () => Promise<Traffic>,
): Promise<readonly (HeldCheck & { readonly outcome: Outcome })[]> {
  const windowNs = BigInt(Math.round(config.learning.heldAfterDays * DAY_NS));
  const latest = [...latestPerDossier(await readOutcomes(await state.view(), targetName)).values()];
  const isDue = ({ status, at }: Outcome): boolean =>
    status === "promoted" && parseInstant(at, 0n) + windowNs <= clock.now();
  const due = latest.filter(isDue);
  if (due.length === 0) return [];
  await using store = await open();
  const checks: (HeldCheck & { readonly outcome: Outcome })[] = [];
  for (const outcome of due) {
    const promoted = parseInstant(outcome.at, 0n);
    const seen = async (sinceNs: bigint): Promise<ObservedOperation[]> =>
      await observe(store, { service: targetName, sinceNs, untilNs: sinceNs + windowNs });
    const evidence = { before: await seen(promoted - windowNs), after: await seen(clock.now() - windowNs) };
    checks.push({ ...judgeHeld(outcome, evidence), proposal: outcome.proposal, promotedAt: outcome.at, outcome });
  }
  return checks;
}

/**
 * Records as held those changes of {@link judgeDue} whose effect is still there. One that is not, or of which too little
 * was seen, stays promoted, and it is said why.
 * @throws WhetstoneError `ledger_broken`, `store_read_failed`
 */
export async function confirmHeld(
  run: Pick<LoopRun, "actor" | "workspace">,
  open: () => Promise<Traffic>,
): Promise<HeldCheck[]> {
  const checks: HeldCheck[] = [];
  for (const { outcome, ...check } of await judgeDue(run, open)) {
    if (check.verdict === "held") await recordHeld(run, outcome);
    checks.push(check);
  }
  return checks;
}

type Window = { readonly service: string; readonly sinceNs: bigint; readonly untilNs: bigint };

/** Calls of tools as their server saw them, by the tool's name. */
async function observe(store: Traffic, window: Window): Promise<ObservedOperation[]> {
  const { operations } = await store.operations(window);
  return operations
    .filter(({ kind }) => kind === "server")
    .map(({ operation, calls, errors, p50Ns, p95Ns }) => ({
      operation: operation.replace(/^tools\/call /, ""),
      calls,
      errors,
      p50Ms: p50Ns / 1e6,
      p95Ms: p95Ns / 1e6,
    }));
}

async function recordHeld(run: Pick<LoopRun, "actor" | "workspace">, promoted: Outcome): Promise<void> {
  const { state, clock } = run.workspace;
  const id = newId("r", clock);
  const outcome: Outcome = {
    ...promoted,
    id: `o-${id.slice(2)}`,
    at: formatInstant(clock.now()),
    status: "held",
    reasons: ["effect_held"],
  };
  const act = { operation: "held", decision: "allow", reasonCode: "effect_held", result: "held" } as const;
  const entry = ledgerEntry({ ...run, id }, { ...act, parameters: { dossier: promoted.dossier } });
  await appendOutcome(state, { outcome, entries: [entry] }, clock);
}

/** One line about a check, for people. */
export function describeHeld({ proposal, promotedAt, verdict, details }: HeldCheck): string {
  const what = {
    held: "held: its effect is still there",
    faded: "has NOT held: its effect is gone or less than half",
    unknown: "is promoted still: too little traffic says whether its effect is there",
  }[verdict];
  return `${proposal}, promoted ${promotedAt.slice(0, 10)}, ${what}. ${details.join("; ")}.`;
}
