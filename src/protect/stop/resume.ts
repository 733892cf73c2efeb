import { codeOf, messageOf, WhetstoneError } from "../../model/error.ts";
import type { Actor } from "../../model/ledger.ts";
import { isRunning, STOP_VARIABLE } from "../../model/stop.ts";
import { formatInstant } from "../../model/time.ts";
import { digestOf } from "../digest.ts";
import { appendLedger } from "../ledger.ts";
import type { Permit } from "../permit.ts";
import { changeSweep, type SweepRecord } from "./sweep-record.ts";
import type { Failure, SweepDeps } from "./sweep.ts";

/** Who lets everything go on. */
export type ResumeRequest = {
  readonly by: Actor;
  readonly run: string;
  /** Asked only when there is a stop to lift. @throws WhetstoneError `unauthorized` */
  readonly permit: () => Promise<Permit<"resume">>;
};

/** What came of it. */
export type Resumed = {
  /** A stop was lifted by this; false where none stood. */
  readonly lifted: boolean;
  /** Somebody stopped everything again in the meantime; what was switched on since is off again. */
  readonly stoppedAgain: boolean;
  /** Workflow files that are on again. */
  readonly on: readonly string[];
  readonly failures: readonly Failure[];
};

/**
 * Lifts a stop and switches on exactly what it had switched off. Done again after a crash it goes on where it was: the
 * permission was used and is on record, so it is not asked for twice. A stop that comes in between wins.
 * @throws WhetstoneError `stopped` while the variable is set, before any permission is used; `unauthorized`
 */
export async function resumeSwept(deps: SweepDeps, request: ResumeRequest): Promise<Resumed> {
  const lifted = await lift(deps, request);
  const outcome = await switchOn(deps, request);
  if (lifted || outcome.on.length > 0 || outcome.failures.length > 0) await recordResume(deps, request, outcome);
  return { lifted, ...outcome };
}

async function lift({ killSwitch, state, clock }: SweepDeps, { by, permit }: ResumeRequest): Promise<boolean> {
  const flags = await killSwitch.look();
  if (flags.variable !== undefined && flags.variable.kind !== "running") throw variableError(flags.variable);
  if (isRunning(flags)) return false;
  const permitted = await permit();
  const resumed = { by, at: formatInstant(clock.now()) };
  await changeSweep(state, "resume: begun", (record) => ({ ...record, resumed }));
  await killSwitch.lift(permitted);
  return true;
}

function variableError(flag: { readonly kind: string }): WhetstoneError {
  const what = flag.kind === "variable" ? "is set" : "cannot be read, which counts as set";
  return new WhetstoneError("stopped", `The variable ${STOP_VARIABLE} of the repository ${what}.`, {
    remedy: `Remove it in the settings of the repository (Secrets and variables, Actions), then resume.`,
    data: { reason: "disabled" },
  });
}

type SwitchedOn = Pick<Resumed, "on" | "stoppedAgain" | "failures">;

async function switchOn(deps: SweepDeps, { by }: ResumeRequest): Promise<SwitchedOn> {
  const begun = await changeSweep(deps.state, "resume: workflows", (record) => {
    if (record.workflows.length === 0) return { ...record, runs: [], resumed: null };
    return { ...record, resumed: record.resumed ?? { by, at: formatInstant(deps.clock.now()) } };
  });
  const on: string[] = [];
  const failures: Failure[] = [];
  for (const { file } of begun.workflows) {
    try {
      if (!(await switchOnOne(deps, file, begun))) return { on, failures, stoppedAgain: true };
      on.push(file);
    } catch (error) {
      failures.push({ what: `switching on ${file}`, detail: messageOf(error) });
    }
  }
  return { on, failures, stoppedAgain: false };
}

/** False when somebody stopped everything in the meantime: then it is off. */
async function switchOnOne(deps: SweepDeps, file: string, { resumed }: SweepRecord): Promise<boolean> {
  if (await isStopped(deps)) return false;
  await enable(deps, file);
  // A stop that read this workflow as off leaves it to us to switch it off again.
  if (await isStopped(deps)) {
    await deps.host.workflows.disable(file);
    return false;
  }
  // One that came later found it on, switched it off itself, and took the record over.
  const after = await changeSweep(deps.state, `resume: ${file}`, (now) =>
    JSON.stringify(now.resumed) === JSON.stringify(resumed) ? without(now, file) : now,
  );
  return !after.workflows.some((one) => one.file === file);
}

/** A workflow whose file is gone has nothing to be switched on. */
async function enable({ host }: SweepDeps, file: string): Promise<void> {
  try {
    await host.workflows.enable(file);
  } catch (error) {
    const listed = codeOf(error) === "api_failed" ? await host.workflows.list() : undefined;
    if (listed === undefined || listed.some((one) => one.file === file)) throw error;
  }
}

async function isStopped({ killSwitch }: SweepDeps): Promise<boolean> {
  return !isRunning(await killSwitch.look());
}

function without(record: SweepRecord, file: string): SweepRecord {
  const workflows = record.workflows.filter((one) => one.file !== file);
  return workflows.length === 0 ? { ...record, workflows, runs: [], resumed: null } : { ...record, workflows };
}

async function recordResume({ state, clock }: SweepDeps, { by, run }: ResumeRequest, done: SwitchedOn): Promise<void> {
  const { on, failures, stoppedAgain } = done;
  const failed = failures.map(({ what }) => what);
  const entry = {
    actor: by,
    operation: "stop.resumed",
    target: "all",
    decision: stoppedAgain ? "deny" : "allow",
    reasonCode: stoppedAgain ? "disabled" : failed.length === 0 ? "ok" : "api_error",
    result: `${on.length} workflows on again${failed.length === 0 ? "" : `, ${failed.length} failed`}`,
    parametersDigest: digestOf({ on, failed }),
    run,
    rollback: "/whetstone stop",
  } as const;
  await appendLedger(state, [entry], { clock });
}
