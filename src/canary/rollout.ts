/**
 * The rollout of a candidate, as a state machine.
 *
 * A rollout begins in *staging_deploy*: the candidate is deployed beside the traffic. *staging_check* runs the smoke tests
 * and specifications there; *staging_soak* waits for the soak window, and *staging_recheck* runs the checks again. A plan
 * without staging begins at the first step. Each step is an *exposure_change*, which tells the traffic split the new
 * share, and an *exposure*, in which the judge is asked about all calls since the first step, at every look. Harm at any
 * look leads to *rollback*. The next step comes when this one has lasted its time and had its calls, and nothing speaks
 * against going on: no call too long ago, no arm silent, no data that cannot be trusted. After the last step only the judge's own
 * `promote` leads to *promotion*; what is still undecided at the deadline is *held* for people, or rolled back, as
 * the plan says. *promotion* runs the hook that makes the candidate the baseline, and *rollback* first takes all traffic
 * from the candidate and then runs its hook. They end in *promoted* and *rolled_back*.
 *
 * A failing check is the candidate's fault: rollback. A failing hook is tried again as often as the plan says; then a
 * deployment, an exposure or a promotion is rolled back, and a rollback that cannot be done is *failed*: a person is needed.
 * A person may promote what has traffic or is *held*, and may roll back everything that is not over, *failed* ones too.
 *
 * Every phase does one thing that may be done twice, and the record is written between two phases. Who finds the record
 * after an interruption does the phase's one thing again and goes on: no phase is lost and none is skipped.
 */
import type { ReasonCode } from "../model/codes.ts";
import { WhetstoneError } from "../model/error.ts";
import type { CanaryVerdict } from "../model/verdict.ts";
import type { Rollout, RolloutPhase, RolloutPlan } from "./rollout-record.ts";

type Reasons = readonly [ReasonCode, ...ReasonCode[]];

/** What happened in a phase. */
export type RolloutEvent =
  /** The phase's hook did its work. */
  | { readonly type: "done"; readonly detail: string }
  /** The phase's hook failed, or took too long. */
  | { readonly type: "failed"; readonly reasons: Reasons; readonly detail: string }
  /** The checks at staging found the candidate wanting. */
  | { readonly type: "refused"; readonly reasons: Reasons; readonly detail: string }
  /** A look of the judge, or at the soak window. `stepCalls`: calls of the canary since the share was changed. */
  | {
      readonly type: "look";
      readonly verdict?: Pick<CanaryVerdict, "verdict" | "reasons">;
      readonly stepCalls?: number;
    }
  /** A person decided. */
  | { readonly type: "decided"; readonly decision: "promote" | "rollback"; readonly by: string };

/** Phases from which nothing happens by itself. */
export const ENDED: readonly RolloutPhase[] = ["promoted", "rolled_back", "held", "failed"];

/** Reasons for which a step is not followed by the next. */
const BLOCKING: ReadonlySet<ReasonCode> = new Set([
  "no_canary_traffic",
  "no_baseline_traffic",
  "stale_data",
  "invalid_data",
  "operation_unmatched",
  "arms_drift",
]);

/** A rollout at its beginning. `at`: RFC 3339. */
export function startRollout(what: Pick<Rollout, "id" | "target" | "candidate" | "plan">, at: string): Rollout {
  const phase = what.plan.staging === null ? "exposure_change" : "staging_deploy";
  return {
    schema: "whetstone.rollout/1",
    ...what,
    phase,
    step: 0,
    attempts: 0,
    since: at,
    exposedSince: null,
    changes: [],
    revision: 0,
    history: [{ at, phase, step: 0, reasons: ["ok"], detail: "" }],
  };
}

/**
 * The rollout after an event; the very same object when the event changes nothing. `at`: RFC 3339.
 * @throws WhetstoneError `usage` for a decision that cannot be followed any more
 */
export function advance(rollout: Rollout, event: RolloutEvent, at: string): Rollout {
  switch (event.type) {
    case "decided":
      return decide(rollout, event, at);
    case "failed":
      return fail(rollout, event, at);
    case "refused":
      return move(rollout, { phase: "rollback", reasons: event.reasons, detail: event.detail }, at);
    case "done":
      return follow(rollout, event.detail, at);
    case "look":
      return look(rollout, event, at);
  }
}

type Next = {
  readonly phase: RolloutPhase;
  readonly reasons: Reasons;
  readonly detail?: string;
  readonly step?: number;
};

function move(rollout: Rollout, { phase, reasons, detail = "", step = rollout.step }: Next, at: string): Rollout {
  return {
    ...rollout,
    phase,
    step,
    attempts: 0,
    since: at,
    revision: rollout.revision + 1,
    history: [...rollout.history, { at, phase, step, reasons: [...reasons], detail }],
  };
}

/** What comes after each phase whose hook did its work. */
const AFTER: Partial<Record<RolloutPhase, RolloutPhase>> = {
  staging_deploy: "staging_check",
  staging_check: "staging_soak",
  staging_recheck: "exposure_change",
  exposure_change: "exposure",
  promotion: "promoted",
  rollback: "rolled_back",
};

function follow(rollout: Rollout, detail: string, at: string): Rollout {
  const phase = AFTER[rollout.phase];
  if (phase === undefined) return rollout;
  // How it ended is told with the reasons for which it had to.
  const reasons = rollout.phase === "rollback" || rollout.phase === "promotion" ? lastReasons(rollout) : OK;
  const next = move(rollout, { phase, reasons, detail }, at);
  if (rollout.phase !== "exposure_change") return next;
  return { ...next, exposedSince: rollout.exposedSince ?? at, changes: [...rollout.changes, at] };
}

const OK: Reasons = ["ok"];

function lastReasons({ history }: Rollout): Reasons {
  const [first = "ok", ...others] = history.at(-1)?.reasons ?? [];
  return [first, ...others];
}

function fail(rollout: Rollout, { reasons, detail }: RolloutEvent & { type: "failed" }, at: string): Rollout {
  if (ENDED.includes(rollout.phase)) return rollout;
  const attempts = rollout.attempts + 1;
  if (attempts < rollout.plan.hookAttempts) return { ...rollout, attempts, revision: rollout.revision + 1 };
  return move(rollout, { phase: rollout.phase === "rollback" ? "failed" : "rollback", reasons, detail }, at);
}

/** A candidate that saw no traffic, or is being taken back, cannot be promoted. */
const PROMOTABLE: ReadonlySet<RolloutPhase> = new Set(["exposure_change", "exposure", "held"]);

function decide(rollout: Rollout, { decision, by }: RolloutEvent & { type: "decided" }, at: string): Rollout {
  const { phase } = rollout;
  const over = phase === "promoted" || phase === "rolled_back";
  if (over || (decision === "promote" && !PROMOTABLE.has(phase))) {
    throw new WhetstoneError(
      "usage",
      `The rollout ${rollout.id} is ${phase}; it cannot be decided to ${decision} it.`,
      {
        remedy: over ? "Start another rollout." : "Roll it back, or start another rollout.",
        data: { phase, decision },
      },
    );
  }
  const phases = { promote: "promotion", rollback: "rollback" } as const;
  return move(rollout, { phase: phases[decision], reasons: ["decided_by_person"], detail: by }, at);
}

function look(rollout: Rollout, event: RolloutEvent & { type: "look" }, at: string): Rollout {
  const lasted = Date.parse(at) - Date.parse(rollout.since);
  if (rollout.phase === "staging_soak") {
    return lasted >= (rollout.plan.staging?.soakMs ?? 0)
      ? move(rollout, { phase: "staging_recheck", reasons: ["ok"] }, at)
      : rollout;
  }
  if (rollout.phase !== "exposure" || event.verdict === undefined) return rollout;
  const { verdict, reasons } = event.verdict;
  const [first = "undecided", ...others] = reasons;
  if (verdict === "rollback") return move(rollout, { phase: "rollback", reasons: [first, ...others] }, at);
  const plan = rollout.plan;
  const isLast = rollout.step === plan.steps.length - 1;
  const isRipe = lasted >= (plan.steps[rollout.step]?.minimumMs ?? 0) && (event.stepCalls ?? 0) >= plan.minimumCalls;
  if (isLast && isRipe && verdict === "promote") {
    return move(rollout, { phase: "promotion", reasons: [first, ...others] }, at);
  }
  if (isLate(rollout, at)) return end(rollout, [first, ...others], at);
  if (isLast || !isRipe || reasons.some((reason) => BLOCKING.has(reason))) return rollout;
  return move(rollout, { phase: "exposure_change", reasons: [first, ...others], step: rollout.step + 1 }, at);
}

function isLate({ exposedSince, plan }: Rollout, at: string): boolean {
  return exposedSince !== null && Date.parse(at) - Date.parse(exposedSince) >= plan.deadlineMs;
}

function end(rollout: Rollout, reasons: Reasons, at: string): Rollout {
  const phase = rollout.plan.atDeadline === "rollback" ? "rollback" : "held";
  const all: Reasons = reasons.includes("deadline_reached") ? reasons : [...reasons, "deadline_reached"];
  return move(rollout, { phase, reasons: all }, at);
}

/** Share of the sessions, percent, that the canary has or is to have in a phase; null where the split is not asked. */
export function shareOf({
  phase,
  step,
  plan,
}: {
  phase: RolloutPhase;
  step: number;
  plan: RolloutPlan;
}): number | null {
  if (phase === "exposure_change" || phase === "exposure" || phase === "held") return plan.steps[step]?.percent ?? null;
  return phase === "rollback" || phase === "rolled_back" || phase === "failed" ? 0 : null;
}
