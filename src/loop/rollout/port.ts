import type { Rollout } from "../../canary/rollout-record.ts";
import type { ReasonCode } from "../../model/codes.ts";
import type { CanaryVerdict } from "../../model/verdict.ts";

/** What a hook knows. Aborted `signal`: its time is over; what it still does is not waited for. */
export type HookCall = { readonly rollout: Rollout; readonly signal: AbortSignal };

/** What the checks at staging found. */
export type CheckOutcome =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly reasons: readonly [ReasonCode, ...ReasonCode[]]; readonly detail: string };

/**
 * How versions are deployed and exposed. After an interruption a hook is called again, so each must do no harm when
 * its work is done already. A hook that rejects has failed; it resolves with a line for people.
 */
export type Deployment = {
  /** Deploys the candidate to staging, beside the traffic. */
  readonly stage: (call: HookCall) => Promise<string>;
  /** Smoke tests and specifications against staging. Rejects when they could not be run. */
  readonly check: (call: HookCall) => Promise<CheckOutcome>;
  /** Sends so many percent of new sessions to the candidate. */
  readonly expose: (percent: number, call: HookCall) => Promise<string>;
  /** Makes the candidate the baseline. */
  readonly promote: (call: HookCall) => Promise<string>;
  /** Takes the candidate away; it has no traffic any more. */
  readonly rollback: (call: HookCall) => Promise<string>;
};

/** Where the record of a target's rollout is kept. */
export type RolloutRecords = {
  readonly load: (target: string) => Promise<Rollout | undefined>;
  /**
   * Writes a rollout whose `revision` follows the one on record, or a new one over one that is over.
   * @throws WhetstoneError `conflict` when somebody else was faster
   */
  readonly save: (rollout: Rollout) => Promise<void>;
};

/** What the judge sees at a look. */
export type RolloutLook = {
  readonly verdict: Pick<CanaryVerdict, "verdict" | "reasons">;
  /** Calls of the canary since the share was last changed. */
  readonly stepCalls: number;
};
