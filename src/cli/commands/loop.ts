import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type LoopOptions = CommonOptions & {
  readonly target?: string;
  readonly mode: string;
  readonly local?: boolean;
  readonly session?: string;
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
    .option("--dry-run", "stop after validation: write no branch and record nothing");
  common(command, "loop --local --target notes --session replay:examples/notes-server/sessions/good.json");
  command.action(async (options: LoopOptions) => {
    const { runLoopCommand } = await import("../run/loop.ts");
    context.exit(await runLoopCommand(options, context.io));
  });
};
