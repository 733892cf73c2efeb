import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type LearnOptions = CommonOptions & {
  readonly target?: string;
  readonly propose?: boolean;
  /** Who words the rules that are proposed; nobody when absent. */
  readonly session?: string;
  readonly budgetUsd?: string;
};

/** `whetstone learn`: outcomes to patterns to candidate rules. */
export const learn: Register = (program, context) => {
  const command = program
    .command("learn")
    .description("what the recorded outcomes teach, how sure that is, and which rules follow")
    .option("--target <name>", "target of whetstone.yaml (default: the only one)")
    .option("--propose", "open a branch with the rules that wait for a commit, for people to merge");
  command
    .option(
      "--session <who>",
      "with --propose: who words new rules, `claude` or `replay:FILE` (default: their patterns)",
    )
    .option("--budget-usd <amount>", "most that such a session may cost (default: budgets.session.usd)");
  common(command, "learn --target notes");
  command.action(async (options: LearnOptions) => {
    const { runLearn } = await import("../run/learn.ts");
    context.exit(await runLearn(options, context.io));
  });
};
