import { repositoryRoot } from "../../github/repository.ts";
import { EXIT } from "../../model/codes.ts";
import { codeOf, WhetstoneError } from "../../model/error.ts";
import { isRunning } from "../../model/stop.ts";
import { type Stopped, stopSubject } from "../../protect/kill-switch.ts";
import { readSweep } from "../../protect/stop/sweep-record.ts";
import { openProtection } from "../../wire.ts";
import type { ResumeOptions, StopOptions } from "../commands/stop.ts";
import { type Io, printJson } from "../io.ts";
import { permitByToken } from "../permission.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { assertReason } from "../reason-option.ts";
import { cliActor, openCliProtection, rootWithoutGit } from "../protection.ts";
import { readTokenOption } from "../token-source.ts";

/** `whetstone stop`: 0 when both flags are set, 1 when only one or none could be; needs neither git nor configuration. */
export async function runStop({ why, github, json }: StopOptions, io: Io): Promise<number> {
  assertReason(why);
  if (github !== undefined) {
    const { stopGitHub } = await import("./stop-github.ts");
    return await stopGitHub({ named: github, why: why ?? null, ...(json === undefined ? {} : { json }) }, io);
  }
  const { killSwitch } = openProtection(await rootOf(io.cwd));
  const done = await killSwitch.stop({ by: cliActor(io), why: why ?? null });
  const complete = done.local === "stopped" && typeof done.state === "string";
  if (json) printJson(io, { stopped: isAnySet(done), complete, ...done });
  else for (const line of linesOf(done)) io.out(`${line}\n`);
  return complete ? EXIT.pass : EXIT.fail;
}

/** With a broken git the folders must do. */
async function rootOf(cwd: string): Promise<string> {
  try {
    return await repositoryRoot(cwd);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return rootWithoutGit(cwd);
  }
}

function isAnySet({ local, state }: Stopped): boolean {
  return typeof local === "string" || typeof state === "string";
}

function linesOf(done: Stopped): string[] {
  const { local, state } = done;
  const head = isAnySet(done)
    ? "Stopped: no stage of a run acts from now on."
    : "NOT stopped: neither flag could be set; end running processes by hand.";
  return [
    head,
    typeof local === "string" ? "  this machine: set" : `  this machine: FAILED: ${local.failed}`,
    typeof state === "string"
      ? `  branch whetstone/state: ${state === "stopped" ? "set" : "set, but the ledger is broken and does not hold it"}`
      : `  branch whetstone/state: FAILED, other clones go on: ${state.failed}`,
    ...(isAnySet(done) ? ["To go on: whetstone authorize request resume"] : []),
  ];
}

/**
 * `whetstone resume`: needs an authorization for exactly the stop that stands. It lifts the flags; workflows that a stop on
 * GitHub switched off are named, since a clone cannot switch them on.
 */
export async function runResume(options: ResumeOptions, io: Io): Promise<number> {
  if (options.github !== undefined) {
    assertNoToken(options);
    const { resumeGitHub } = await import("./resume-github.ts");
    return await resumeGitHub({ named: options.github, ...(options.json && { json: true }) }, io);
  }
  const protection = await openCliProtection(options, io);
  const { killSwitch } = protection;
  const token = await readTokenOption(options, io);
  const state = await killSwitch.look();
  if (isRunning(state)) {
    if (options.json) printJson(io, { stopped: false, lifted: false });
    else io.out("Nothing is stopped; no permission was used.\n");
    return EXIT.pass;
  }
  const wanted = { operation: "resume", target: "all", subject: stopSubject(state), token } as const;
  // Read before the permission is used up: a broken record is then mended first.
  const { workflows } = await readSweep(await protection.desk.state.view());
  const switchedOff = workflows.filter(({ off }) => off).map(({ file }) => file);
  const permit = await permitByToken(protection, wanted);
  await killSwitch.lift(permit);
  await killSwitch.assertRunning();
  const authorization = permit.authorization ?? null;
  if (options.json) printJson(io, { stopped: false, lifted: true, authorization, switchedOff });
  else io.out(`Running again, with ${authorization ?? "permission"}; it is on record.\n${stillOff(switchedOff)}`);
  return EXIT.pass;
}

/** On GitHub the account of the token of the environment permits, and a stop there is another one than that of a clone. */
function assertNoToken({ token, tokenFile }: ResumeOptions): void {
  if (token === undefined && tokenFile === undefined) return;
  throw new WhetstoneError("usage", "--github takes no token of `whetstone authorize grant`.", {
    remedy: "Leave --token and --token-file out: GITHUB_TOKEN of an administrator permits it.",
  });
}

function stillOff(files: readonly string[]): string {
  if (files.length === 0) return "";
  const lines = files.map((file) => `  gh workflow enable ${forTerminal(file)}\n`);
  return `Still switched off on GitHub by the stop; push whetstone/state, then:\n${lines.join("")}`;
}
