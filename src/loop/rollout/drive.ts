import { advance, ENDED, shareOf, type RolloutEvent } from "../../canary/rollout.ts";
import type { Rollout } from "../../canary/rollout-record.ts";
import { codeOf, messageOf, WhetstoneError } from "../../model/error.ts";
import { formatInstant, type Clock } from "../../model/time.ts";
import type { Deployment, HookCall, RolloutLook, RolloutRecords } from "./port.ts";

/** What a rollout is driven with. */
export type RolloutDeps = {
  readonly records: RolloutRecords;
  readonly deployment: Deployment;
  /** Judges all calls since the first step. */
  readonly judge: (rollout: Rollout) => Promise<RolloutLook>;
  readonly clock: Clock;
  /** Asked before a phase acts, unless it takes the candidate back. @throws WhetstoneError `stopped` while the kill switch is set */
  readonly mayGoOn: () => Promise<void>;
  /** Resolves when the next look at a rollout is due. */
  readonly untilNextLook: (rollout: Rollout) => Promise<void>;
  /** Told about every new phase. */
  readonly told: (rollout: Rollout) => void;
  /** Ends the driving after the phase's one thing; the record stays as it is. */
  readonly signal?: AbortSignal | undefined;
};

/**
 * Drives a rollout from wherever its record stands until it is over, or, with `once`, until a look changes nothing.
 * @throws WhetstoneError `interrupted`, `stopped`; what the records and the judge reject with
 */
export async function driveRollout(begun: Rollout, deps: RolloutDeps, once = false): Promise<Rollout> {
  let rollout = begun;
  while (!ENDED.includes(rollout.phase)) {
    if (deps.signal?.aborted === true) {
      throw new WhetstoneError("interrupted", `The rollout ${rollout.id} was interrupted in ${rollout.phase}.`, {
        remedy: "Go on with whetstone canary run; nothing is lost.",
      });
    }
    const next = await takeStep(rollout, deps);
    if (next.phase !== rollout.phase || next.step !== rollout.step) deps.told(next);
    // A hook that failed may do so again at once; it is tried at the next look.
    const isWaiting = next === rollout || next.attempts > rollout.attempts;
    rollout = next;
    if (isWaiting && once) return rollout;
    if (isWaiting) {
      await deps.untilNextLook(rollout);
      rollout = (await deps.records.load(rollout.target)) ?? rollout;
    }
  }
  return rollout;
}

/** Does the one thing of the rollout's phase and writes what follows from it; the same object when nothing does. */
export async function takeStep(rollout: Rollout, deps: RolloutDeps): Promise<Rollout> {
  // What is stopped may still be taken back.
  if (rollout.phase !== "rollback") await deps.mayGoOn();
  const event = await act(rollout, deps);
  const next = advance(rollout, event, formatInstant(deps.clock.now()));
  if (next === rollout) return rollout;
  try {
    await deps.records.save(next);
    return next;
  } catch (error) {
    // Somebody decided meanwhile: theirs holds, and what was done here may be done twice.
    const theirs = codeOf(error) === "conflict" ? await deps.records.load(rollout.target) : undefined;
    if (theirs?.id !== rollout.id) throw error;
    return theirs;
  }
}

async function act(rollout: Rollout, deps: RolloutDeps): Promise<RolloutEvent> {
  const { deployment } = deps;
  const hook = (work: (call: HookCall) => Promise<string>): Promise<RolloutEvent> =>
    withDeadline(rollout, async (call) => ({ type: "done", detail: await work(call) }));
  switch (rollout.phase) {
    case "staging_deploy":
      return hook(deployment.stage);
    case "staging_check":
    case "staging_recheck":
      return withDeadline(rollout, async (call) => {
        const { ok, ...found } = await deployment.check(call);
        return ok ? { type: "done", detail: found.detail } : { type: "refused", reasons: ["check_failed"], ...found };
      });
    case "exposure_change":
      return hook((call) => deployment.expose(shareOf(rollout) ?? 0, call));
    case "exposure":
      return { type: "look", ...(await deps.judge(rollout)) };
    case "promotion":
      return hook(deployment.promote);
    case "rollback":
      return hook(async (call) => {
        const exposed = await deployment.expose(0, call);
        return [exposed, await deployment.rollback(call)].filter((line) => line !== "").join("; ");
      });
    case "staging_soak":
    case "promoted":
    case "rolled_back":
    case "held":
    case "failed":
      return { type: "look" };
  }
}

/** A hook that rejects or does not end in time has failed. */
async function withDeadline(rollout: Rollout, work: (call: HookCall) => Promise<RolloutEvent>): Promise<RolloutEvent> {
  const { hookMs } = rollout.plan;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), hookMs);
  const over = new Promise<never>((_, reject) => {
    late.signal.addEventListener("abort", () => reject(new Error(`it took longer than ${hookMs} ms`)), { once: true });
  });
  try {
    return await Promise.race([work({ rollout, signal: late.signal }), over]);
  } catch (error) {
    return { type: "failed", reasons: ["hook_failed"], detail: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}
