import type { RuleAssignment } from "../model/assignment.ts";
import type { Outcome } from "../model/outcome.ts";
import { parseInstant } from "../model/time.ts";

const DAY_NS = 86_400_000_000_000n;

/** A session that has no outcome after this time crashed or was cut off, which counts as a failure. */
const LOST_AFTER_NS = DAY_NS;

/** One draw of one rule in one session, and what became of the session: the unit of the measurement. */
export type Trial = {
  readonly rule: string;
  readonly version: number;
  /** The session was to see the rule; whether it heeded it is another question, which is not asked. */
  readonly assigned: boolean;
  readonly q: number;
  /** Early proxy: the proposal passed validation. Undefined while the session may still run. */
  readonly validated: boolean | undefined;
  /**
   * Late outcome: traffic still shows the effect after the time that counts as held; undefined until that time, and while
   * a change is promoted or merged and nobody has seen whether it works.
   */
  readonly held: boolean | undefined;
  readonly costUsd: number;
};

/** Which outcome of a session is a success; undefined where that is not known yet. */
export type Success = (trial: Trial) => boolean | undefined;

/** What there is to join, of one target or of several. */
export type TrialSource = {
  readonly assignments: readonly RuleAssignment[];
  readonly outcomes: readonly Outcome[];
  /** RFC 3339. */
  readonly now: string;
  /** Days after which a promoted change counts as held. */
  readonly heldAfterDays: number;
};

/**
 * Draws joined with outcomes, by assignment (intention to treat). A session without an outcome a day after its draw is a
 * failure; of a younger one nothing is known. In the order of the draws. Arms that were not drawn (q of 0 or 1: hard rules, pinned ones) tell nothing of an
 * effect and are left out.
 */
export function trialsOf({ assignments, outcomes, now, heldAfterDays }: TrialSource): Trial[] {
  const first = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
  const latest = latestPerDossier(outcomes);
  const today = parseInstant(now, 0n);
  return assignments.toSorted(byDraw).flatMap(({ run, at, arms }) => {
    const age = today - parseInstant(at, 0n);
    const outcome = first.get(firstOutcomeOf(run));
    const isOpen = outcome === undefined && age < LOST_AFTER_NS;
    const isOld = age >= BigInt(Math.round(heldAfterDays * 86_400)) * 1_000_000_000n;
    const end = outcome && (latest.get(outcome.dossier) ?? outcome);
    const facts = {
      validated: isOpen ? undefined : outcome !== undefined && wasValidated(outcome),
      held: end?.status === "held" || (isOld ? lateOutcome(end) : undefined),
      costUsd: outcome?.costUsd ?? 0,
    };
    const drawn = arms.filter(({ q }) => q > 0 && q < 1);
    return drawn.map(({ rule, version, assigned, q }) => ({ rule, version, assigned, q, ...facts }));
  });
}

function byDraw(a: RuleAssignment, b: RuleAssignment): number {
  const [one, other] = [parseInstant(a.at, 0n), parseInstant(b.at, 0n)];
  if (one !== other) return one < other ? -1 : 1;
  return a.run < b.run ? -1 : a.run > b.run ? 1 : 0;
}

/** What promotion or a merge says after the time: nothing, as long as traffic has not shown it. Silence is no proof. */
function lateOutcome(end: Outcome | undefined): false | undefined {
  return end?.status === "promoted" || end?.status === "merged" ? undefined : false;
}

/** Id of the outcome that a run itself recorded; later ones of its proposal have ids of their own. */
export function firstOutcomeOf(run: string): string {
  return `o-${run.replace(/^r-/, "")}`;
}

/** The latest outcome of each dossier: what became of it in the end, so far. */
export function latestPerDossier(outcomes: readonly Outcome[]): Map<string, Outcome> {
  const latest = new Map<string, Outcome>();
  for (const outcome of outcomes) {
    const known = latest.get(outcome.dossier);
    if (known === undefined || isLater(outcome, known)) latest.set(outcome.dossier, outcome);
  }
  return latest;
}

/** Whether `a` was recorded after `b`; by id when both have the same time. */
export function isLater(a: Outcome, b: Outcome): boolean {
  const [timeA, timeB] = [parseInstant(a.at, 0n), parseInstant(b.at, 0n)];
  return timeA === timeB ? a.id > b.id : timeA > timeB;
}

/** Records of before the fact was kept: a proposal that came further than validation had passed it. */
function wasValidated({ validated, status }: Outcome): boolean {
  return validated ?? ["proposed", "merged", "promoted", "rolled_back", "held", "faded", "closed"].includes(status);
}
