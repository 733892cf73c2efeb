import type { ReasonCode } from "../model/codes.ts";
import type { FindingKind } from "../model/finding.ts";
import type { Pattern } from "../model/outcome.ts";

/** What to do about a kind of finding, where changes for it have been kept. */
const FIX: Readonly<Record<FindingKind, string>> = {
  n_plus_one: "Replace the call per item by one call for all items, or share what the calls have in common",
  sequential_calls: "Start calls that do not need each other's results together and await them together",
  errors: "Handle the input or state that raises the error where it first appears, and answer it in the documented way",
  slow_operation: "Remove the work that dominates the operation's critical path before tuning anything else",
  retry_storm: "Mend the cause of the failing attempts, and bound retries with a growing delay",
  retry_amplification:
    "Retry at one level only, the one closest to the failing call, and pass its failure on elsewhere",
  chatty_calls: "Ask the other service once for everything that a request needs from it",
  fan_out: "Bound how many calls run at the same time, or ask for all of them in one",
  lock_step: "Hold the lock for less time, or split what it guards, so that requests need not wait for each other",
  cold_start: "Do the work of the first call when the process starts, before it takes requests",
  payload_growth: "Bound what a call returns: pages, fields, or only what is new",
};

/** What to heed, by the reason that stopped earlier changes. Reasons that no author of a change can heed are absent. */
const HEED: Readonly<Partial<Record<ReasonCode, string>>> = {
  patch_unparseable: "answer with a plain unified diff as git prints it",
  patch_does_not_apply: "build the diff against the given base commit, with its exact lines as context",
  patch_empty: "answer with a change, or say that there is none to make",
  path_forbidden: "touch files under the target's source paths only",
  mode_forbidden: "create plain files only: no symbolic links, submodules or changed file modes",
  size_exceeded: "change as little as the finding needs",
  secret_found: "keep keys, tokens and anything that looks like one out of the change",
  check_failed: "keep the behaviour that the target's own checks hold, and run them in mind before answering",
  replay_result_changed: "keep the result of every call as it was, its order and its fields included",
  replay_new_error: "keep every call that succeeds today succeeding, odd inputs included",
  replay_slower: "make sure that no other operation pays for the gain",
  hypothesis_not_met: "aim at what the trace's time is really spent on, and expect no more than that",
  errors_increased: "keep the change safe under concurrent calls: no state shared between them, no unbounded fan-out",
  latency_increased: "keep the change fast under concurrent calls, not for a single one only",
  server_failed: "make sure that the server starts and stays up with the change",
  fingerprint_rejected: "take another approach than the one that was rejected",
};

/** Whether the author of a change can do something about a reason. */
export function isHeedable(reason: ReasonCode): boolean {
  return HEED[reason] !== undefined;
}

/** The instruction that a pattern leads to: at most two sentences, without numbers. Undefined where none would help. */
export function ruleText({ kind, finding, reason }: Pattern): string | undefined {
  if (kind === "effective_fix") return `${FIX[finding]}. Changes of this target for ${finding} findings were kept.`;
  const heed = HEED[reason];
  return heed && `When answering a ${finding} finding, ${heed}. Changes were stopped for this (${reason}).`;
}
