import { resolve } from "node:path";
import { baseWorktree } from "../../loop/base.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { openRun } from "../../loop/run.ts";
import { sweep } from "../../loop/sweep.ts";
import { validate } from "../../loop/validate.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Proposal } from "../../model/proposal.ts";
import type { ValidationReport } from "../../model/verdict.ts";
import { writeFileWhole } from "../../protect/files.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { bindProposal } from "../../session/stage.ts";
import { openSpanStore, openWorkspace, type Workspace } from "../../wire.ts";
import { localActor } from "../actor.ts";
import type { CommonOptions } from "../command.ts";
import type { ValidateOptions } from "../commands/validate.ts";
import { printJson, type Io } from "../io.ts";
import { stageProgress } from "../progress.ts";
import { readProposal, type NamedProposal } from "../proposal-file.ts";
import { renderTable } from "../table.ts";

/** `whetstone validate`. */
export async function runValidate(named: string, options: ValidateOptions, io: Io): Promise<number> {
  const input = await readProposal(named, io.cwd);
  const target = options.target ?? input.session?.target ?? input.proposal?.target;
  const workspace = await openWorkspace({ ...options, cwd: io.cwd }, io.env, target);
  const proposal = await bind(input, workspace);
  const report = await validateNow({ workspace, proposal, options, io });
  if (options.output !== undefined) await writeFileWhole(resolve(io.cwd, options.output), json(report));
  if (options.json) printJson(io, report);
  else printReport(io, report);
  return EXIT[report.verdict];
}

/** The proposal of the input, bound to HEAD when it is not bound yet. @throws WhetstoneError `session_invalid` */
export async function bind(input: NamedProposal, workspace: Workspace): Promise<Proposal> {
  const bound = input.proposal ?? (input.session && bindProposal(input.session, (await workspace.forge.head()).sha));
  if (bound) return bound;
  throw new WhetstoneError("session_invalid", "The session proposes no change; there is nothing to validate.", {
    remedy: "Name a session whose answer holds a patch.",
  });
}

/** One validation with everything it needs, released again at the end. */
export async function validateNow(request: {
  readonly workspace: Workspace;
  readonly proposal: Proposal;
  readonly options: CommonOptions;
  readonly io: Io;
}): Promise<ValidationReport> {
  const { workspace, proposal, options, io } = request;
  for (const line of await sweep(workspace, localActor())) io.err(`${line}\n`);
  await using store = await openSpanStore({ ...options, cwd: io.cwd }, io.env, workspace.config);
  const progress = stageProgress(io);
  progress.started("validate");
  try {
    return await interruptible(async (signal) => {
      await using run = await openRun({ workspace, store, actor: localActor(), progress: progress.step, signal });
      const base = await baseWorktree(run, proposal.baseSha);
      const result = await validate(run, { proposal, base, reference: [] });
      return result.value.report;
    });
  } finally {
    progress.stop();
  }
}

function printReport(io: Io, report: ValidationReport): void {
  const rows = report.stages.map(({ stage, verdict, reasons, details }) => [
    stage,
    verdict,
    reasons.join(", "),
    forTerminal(details[0] ?? ""),
  ]);
  io.out(renderTable(["stage", "verdict", "reason", "detail"], rows));
  io.out(`\nVerdict: ${report.verdict} (${report.reasons.join(", ")})\n`);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
