import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type LearnOptions = CommonOptions & { readonly target?: string };

/** `whetstone learn`: outcomes to patterns to candidate rules. */
export const learn: Register = (program, context) => {
  const command = program
    .command("learn")
    .description("mine the recorded outcomes for patterns and write candidate rules")
    .option("--target <name>", "target of whetstone.yaml (default: the only one)");
  common(command, "learn --target notes");
  command.action(async (options: LearnOptions) => {
    const { runLearn } = await import("../run/learn.ts");
    context.exit(await runLearn(options, context.io));
  });
};
