import { advance, ENDED, shareOf } from "../../canary/rollout.ts";
import type { Rollout, RolloutPhase } from "../../canary/rollout-record.ts";
import type { RolloutStatus } from "../../canary/rollout-status.ts";
import { gitText } from "../../github/git.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { beginRollout, continueRollout, judgeNow, openRollouts, type Rollouts } from "../../loop/rollout/open.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatInstant } from "../../model/time.ts";
import { baseSubject } from "../../protect/authorization/subject.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import type { DecideFlags, RunFlags, StatusFlags } from "../commands/canary-rollout.ts";
import { printJson, type Io } from "../io.ts";
import { permitByToken } from "../permission.ts";
import { cliActor, openCliProtection } from "../protection.ts";
import { renderTable } from "../table.ts";
import { readTokenOption } from "../token-source.ts";
import { ratesLine, recordedRates } from "./canary-aa-live.ts";
import { printVerdict } from "./canary-verdict.ts";

/** `whetstone canary run`: 0 promoted, 1 rolled back or failed, 3 held or, with --once, not over. */
export async function runRollout(flags: RunFlags, io: Io): Promise<number> {
  const rollouts = await open(flags, io);
  const current = await rollouts.current();
  const isOpen = current !== undefined && !ENDED.includes(current.phase);
  const begun = isOpen ? assertSame(current, flags, rollouts) : begin(flags, rollouts, io);
  const rollout = await begun;
  const told = (now: Rollout): void => io.err(`${forTerminal(describe(now))}\n`);
  told(rollout);
  const env = io.env;
  const over = await interruptible((signal) =>
    continueRollout(rollout, rollouts, { told, signal, once: flags.once === true, env }),
  );
  show(over, flags, io);
  return exitOf(over.phase);
}

function open(flags: StatusFlags, io: Io): Promise<Rollouts> {
  return openRollouts({ places: { ...flags, cwd: io.cwd }, env: io.env, actor: cliActor(io), target: flags.target });
}

/** A rollout may promote by itself, so a person permits it before it begins. */
async function begin(flags: RunFlags, rollouts: Rollouts, io: Io): Promise<Rollout> {
  const candidate = await commitOf(flags.candidate ?? "HEAD", rollouts);
  const { targetName: target } = rollouts.workspace;
  const token = await readTokenOption(flags, io);
  const protection = await openCliProtection(flags, io);
  await permitByToken(protection, {
    operation: "canary.promote",
    target,
    subject: baseSubject(target, candidate),
    token,
  });
  return beginRollout(rollouts, candidate);
}

async function assertSame(current: Rollout, { candidate }: RunFlags, rollouts: Rollouts): Promise<Rollout> {
  if (candidate === undefined || (await commitOf(candidate, rollouts)) === current.candidate) return current;
  throw new WhetstoneError("conflict", `The rollout of ${current.candidate} is not over; it is in ${current.phase}.`, {
    remedy: "Go on without --candidate, or end it: whetstone canary rollback.",
  });
}

async function commitOf(name: string, { workspace }: Rollouts): Promise<string> {
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
  const sha = await gitText({ args, cwd: workspace.root, okCodes: [0, 1] });
  if (sha !== "") return sha;
  throw new WhetstoneError("usage", `${name} is no commit of this repository.`, {
    remedy: "Name the commit to roll out with --candidate.",
  });
}

/** `whetstone canary status`. */
export async function runStatus(flags: StatusFlags, io: Io): Promise<number> {
  const rollouts = await open(flags, io);
  const rollout = await required(rollouts);
  const verdict = await judgeNow(rollout, rollouts, io.env);
  const aa = await recordedRates(rollouts);
  if (flags.json === true) {
    printJson(io, { rollout, verdict, aa } satisfies RolloutStatus);
  } else {
    show(rollout, flags, io);
    if (verdict !== undefined) printVerdict(io, verdict);
    if (aa !== undefined) io.out(`\n${ratesLine(aa)}\n`);
  }
  return exitOf(rollout.phase);
}

/** `whetstone canary promote` and `whetstone canary rollback`: decides; the process that drives the rollout acts. */
export async function runDecision(decision: "promote" | "rollback", flags: DecideFlags, io: Io): Promise<number> {
  const rollouts = await open(flags, io);
  const rollout = await required(rollouts);
  const { clock, targetName: target } = rollouts.workspace;
  const by = cliActor(io).id;
  const next = advance(rollout, { type: "decided", decision, by }, formatInstant(clock.now()));
  await permitByToken(await openCliProtection(flags, io), {
    operation: `canary.${decision}`,
    target,
    subject: baseSubject(target, rollout.candidate),
    token: await readTokenOption(flags, io),
  });
  await rollouts.records.save(next);
  show(next, flags, io);
  if (flags.json !== true) io.err("It is on record; whetstone canary run does it.\n");
  return EXIT.pass;
}

async function required(rollouts: Rollouts): Promise<Rollout> {
  const rollout = await rollouts.current();
  if (rollout !== undefined) return rollout;
  throw new WhetstoneError("not_found", `There is no rollout of ${rollouts.workspace.targetName}.`, {
    remedy: "Start one: whetstone canary run.",
  });
}

function show(rollout: Rollout, { json }: StatusFlags, io: Io): void {
  if (json === true) {
    printJson(io, rollout);
    return;
  }
  io.out(`${forTerminal(describe(rollout))}\n\n`);
  const rows = rollout.history.map(({ at, phase, step, reasons, detail }) => [
    at,
    phase,
    String(step + 1),
    reasons.join(", "),
    forTerminal(detail.split("\n")[0] ?? ""),
  ]);
  io.out(renderTable(["since", "phase", "step", "reasons", "detail"], rows));
}

function describe(rollout: Rollout): string {
  const share = shareOf(rollout);
  const traffic = share === null ? "" : `, ${share} % of new sessions`;
  return `${rollout.target} ${rollout.candidate.slice(0, 12)}: ${rollout.phase}${traffic}`;
}

function exitOf(phase: RolloutPhase): number {
  if (phase === "promoted") return EXIT.pass;
  return phase === "rolled_back" || phase === "failed" || phase === "rollback" ? EXIT.fail : EXIT.inconclusive;
}
