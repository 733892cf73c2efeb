import { messageOf, WhetstoneError } from "../model/error.ts";
import { reasonOf } from "../protect/authorization/denial.ts";
import type { ActionParts } from "./job.ts";
import { logLine } from "./log.ts";
import { formatFailure } from "./summary.ts";

/** How a job ends: what later steps and people get, and whether it is red. */
export type Ending = {
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly message: string;
  readonly failed: boolean;
};

/** The surroundings in which every action's work is done. */
export type JobSurroundings = Pick<ActionParts, "core" | "context" | "secrets"> & {
  /** Names of the outputs: after an error each is written all the same. */
  readonly outputNames: readonly string[];
};

/** Does an action's work. Whatever happens, outputs, summary and one message are written, and an error makes the job red. */
export async function endJob(job: JobSurroundings, work: () => Promise<Ending>): Promise<void> {
  const { core } = job;
  for (const secret of job.secrets) core.setSecret(secret);
  const ending = await work().catch((error: unknown) => failedEnding(job, error));
  for (const [name, value] of Object.entries(ending.outputs)) core.setOutput(name, value);
  if (ending.failed) core.setFailed(ending.message);
  else core.notice(ending.message);
  try {
    await core.writeSummary(ending.summary);
  } catch (error) {
    core.setFailed(`The job summary could not be written: ${logLine(messageOf(error))}`);
  }
}

function failedEnding({ core, context, outputNames }: JobSurroundings, error: unknown): Ending {
  const known = error instanceof WhetstoneError;
  // A refusal says by its reason what kind it is.
  const code = reasonOf(error) ?? (known ? error.code : "defect");
  const remedy = known ? error.remedy : "This is a bug in Whetstone; please report it with the stack in the log.";
  if (!known && error instanceof Error) for (const line of (error.stack ?? "").split("\n")) core.info(logLine(line));
  const text = remedy === undefined ? messageOf(error) : `${messageOf(error)} ${remedy}`;
  const empty = Object.fromEntries(outputNames.map((name) => [name, ""]));
  return {
    outputs: { ...empty, decision: "deny", "reason-code": code, result: "error" },
    summary: formatFailure({ code, text }, context.serverUrl),
    message: logLine(`Whetstone: error (${code}): ${text}`),
    failed: true,
  };
}
