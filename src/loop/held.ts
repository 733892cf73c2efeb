import { judgeHeld, type HeldVerdict } from "../learn/held.ts";
import { latestPerDossier } from "../learn/trials.ts";
import type { Outcome } from "../model/outcome.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import { appendOutcome, readOutcomes } from "../protect/outcomes.ts";
import { trafficAround } from "../store/traffic-around.ts";
import type { SpanStore } from "../store/port.ts";
import { newId } from "../wire.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

const DAY_NS = 86_400_000_000_000;

/** The store that saw the traffic; it is opened only when there is something to ask. */
export type Traffic = Pick<SpanStore, "rollups"> & AsyncDisposable;

/** A promoted change whose time has come, and what traffic says of it. */
export type HeldCheck = HeldVerdict & { readonly proposal: string; readonly promotedAt: string };

/** A change that was merged and never canaried: nothing says when traffic met it. */
export type Unmeasured = { readonly verdict: "unmeasured"; readonly proposal: string; readonly mergedAt: string };

type Looking = { readonly workspace: Pick<LoopRun["workspace"], "state" | "clock" | "targetName" | "config"> };

/**
 * Looks at every promoted change of the target whose time is over (`learning.heldAfterDays`): is its effect still there in
 * the store's rollups, as many days before the promotion against the same number after it? What is on record as faded is told again. Writes nothing.
 * @throws WhetstoneError `ledger_broken`, `store_read_failed`
 */
export async function judgeDue(
  { workspace: { state, clock, targetName, config } }: Looking,
  open: () => Promise<Traffic>,
): Promise<readonly (HeldCheck & { readonly outcome: Outcome })[]> {
  const windowNs = BigInt(Math.round(config.learning.heldAfterDays * DAY_NS));
  const all = await readOutcomes(await state.view(), targetName);
  const latest = [...latestPerDossier(all).values()];
  const isDue = ({ status, at }: Outcome): boolean =>
    status === "promoted" && parseInstant(at, 0n) + windowNs <= clock.now();
  const due = latest.filter(isDue);
  const checks = latest.filter(({ status }) => status === "faded").map((outcome) => fadedBefore(outcome, all));
  if (due.length === 0) return checks;
  await using store = await open();
  for (const outcome of due) {
    const changedNs = parseInstant(outcome.at, 0n);
    const evidence = await trafficAround(store, { service: targetName, changedNs, windowNs, nowNs: clock.now() });
    checks.push({ ...judgeHeld(outcome, evidence), proposal: outcome.proposal, promotedAt: outcome.at, outcome });
  }
  return checks;
}

function fadedBefore(outcome: Outcome, all: readonly Outcome[]): HeldCheck & { readonly outcome: Outcome } {
  const { dossier, proposal, at, observed = [] } = outcome;
  const promoted = all.find((one) => one.dossier === dossier && one.status === "promoted");
  const details = observed.map(({ metric, operation }) => `${metric} of ${operation}: found on ${at.slice(0, 10)}`);
  return { verdict: "faded", details, observed, proposal, promotedAt: promoted?.at ?? at, outcome };
}

/**
 * Records as held those changes of {@link judgeDue} whose effect is still there, and as faded those whose effect is not,
 * each with the effect and its interval. One of which traffic says neither stays promoted, and one that was merged without
 * a canary stays merged: both count neither as held nor as not held, and it is said.
 * @throws WhetstoneError `ledger_broken`, `store_read_failed`
 */
export async function confirmHeld(
  run: Pick<LoopRun, "actor" | "workspace">,
  open: () => Promise<Traffic>,
): Promise<(HeldCheck | Unmeasured)[]> {
  const checks: (HeldCheck | Unmeasured)[] = [];
  for (const { outcome, ...check } of await judgeDue(run, open)) {
    if (check.verdict !== "unknown" && outcome.status === "promoted") await recordLate(run, outcome, check);
    checks.push(check);
  }
  return [...checks, ...(await mergedOnly(run))];
}

async function mergedOnly({ workspace: { state, clock, targetName, config } }: Looking): Promise<Unmeasured[]> {
  const windowNs = BigInt(Math.round(config.learning.heldAfterDays * DAY_NS));
  const latest = [...latestPerDossier(await readOutcomes(await state.view(), targetName)).values()];
  return latest
    .filter(({ status, at }) => status === "merged" && parseInstant(at, 0n) + windowNs <= clock.now())
    .map(({ proposal, at }) => ({ verdict: "unmeasured", proposal, mergedAt: at }));
}

async function recordLate(
  run: Pick<LoopRun, "actor" | "workspace">,
  promoted: Outcome,
  { verdict, observed }: HeldCheck,
): Promise<void> {
  const { state, clock } = run.workspace;
  const id = newId("r", clock);
  const isHeld = verdict === "held";
  const reasonCode = isHeld ? "effect_held" : "effect_faded";
  const result = isHeld ? "held" : "faded";
  const outcome: Outcome = {
    ...promoted,
    id: `o-${id.slice(2)}`,
    at: formatInstant(clock.now()),
    status: result,
    reasons: [reasonCode],
    observed: [...observed],
  };
  const act = { operation: "held", decision: isHeld ? "allow" : "deny", reasonCode, result } as const;
  const entry = ledgerEntry({ ...run, id }, { ...act, parameters: { dossier: promoted.dossier } });
  await appendOutcome(state, { outcome, entries: [entry] }, clock);
}

/** One line about a check, for people. */
export function describeHeld(check: HeldCheck | Unmeasured): string {
  if (check.verdict === "unmeasured") {
    return `${check.proposal}, merged ${check.mergedAt.slice(0, 10)}, was never canaried: nothing says when traffic met it, so it counts neither as held nor as not held.`;
  }
  const { proposal, promotedAt, verdict, details } = check;
  const what = {
    held: "held: its effect is still there",
    faded: "has NOT held: its effect is gone or less than half",
    unknown:
      "is promoted still: traffic does not say whether its effect is there, so it counts neither as held nor as not held",
  }[verdict];
  return `${proposal}, promoted ${promotedAt.slice(0, 10)}, ${what}. ${details.join("; ")}.`;
}
