import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type LoopOptions = CommonOptions & {
  readonly target?: string;
  readonly mode: string;
  readonly local?: boolean;
  readonly session?: string;
  readonly budgetUsd?: string;
  readonly authorization?: string;
  readonly authorizationFile?: string;
  readonly dryRun?: boolean;
};

/** `whetstone loop`: the whole flow on this machine. */
export const loop: Register = (program, context) => {
  const command = program
    .command("loop")
    .description("capture, analyze, session, validate, propose, canary, record, learn: the whole flow")
    .option("--target <name>", "target of whetstone.yaml (default: the only one)")
    .option("--mode <mode>", "analysis or refinement", "refinement")
    .option("--local", "work on this git repository alone, without GitHub")
    .option("--session <runner>", "claude, or replay:FILE for a recorded session")
    .option("--budget-usd <amount>", "most that a session of claude may cost (default: budgets.session.usd)")
    .option("--authorization <token>", "a person's permission, for a refinement of claude (or WHETSTONE_AUTHORIZATION)")
    .option("--authorization-file <file>", "the same from a file; - is standard input")
    .option("--dry-run", "stop after validation: write no branch and record nothing");
  common(
    command,
    "loop --local --target notes --session replay:examples/notes-server/sessions/good.json",
    "0 proposed, promoted or nothing to change, 1 rejected or rolled back, 3 undecided",
  );
  command.action(async (options: LoopOptions) => {
    const { runLoopCommand } = await import("../run/loop.ts");
    context.exit(await runLoopCommand(options, context.io));
  });
};
