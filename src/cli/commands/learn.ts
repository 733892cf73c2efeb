import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type LearnOptions = CommonOptions & { readonly target?: string; readonly propose?: boolean };

/** `whetstone learn`: outcomes to patterns to candidate rules. */
export const learn: Register = (program, context) => {
  const command = program
    .command("learn")
    .description("what the recorded outcomes teach, how sure that is, and which rules follow")
    .option("--target <name>", "target of whetstone.yaml (default: the only one)")
    .option("--propose", "open a branch with the rules that wait for a commit, for people to merge");
  common(command, "learn --target notes");
  command.action(async (options: LearnOptions) => {
    const { runLearn } = await import("../run/learn.ts");
    context.exit(await runLearn(options, context.io));
  });
};
