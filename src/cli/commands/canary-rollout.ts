import type { Command } from "commander";
import { common, type CommandContext, type CommonOptions } from "../command.ts";
import { tokenOptions, type TokenOptions } from "../token-options.ts";

export type StatusFlags = CommonOptions & { readonly target?: string };
export type DecideFlags = StatusFlags & TokenOptions;
export type RunFlags = DecideFlags & { readonly candidate?: string; readonly once?: boolean };

const TARGET = "target of whetstone.yaml (default: the only one)";

/** `whetstone canary run|status|promote|rollback`. */
export function addRollout(group: Command, context: CommandContext): void {
  const run = group
    .command("run")
    .description("roll a version out by steps with the judge between, or go on with a rollout that was interrupted")
    .option("--target <name>", TARGET)
    .option("--candidate <commit>", "what is rolled out (default: HEAD)")
    .option("--once", "go on as far as it goes without waiting, then end with 3");
  common(
    tokenOptions(run),
    "canary run --target notes --token-file token",
    "0 promoted, 1 rolled back or failed, 3 still under way",
  );
  run.action(async (flags: RunFlags) => {
    const { runRollout } = await import("../run/canary-rollout.ts");
    context.exit(await runRollout(flags, context.io));
  });
  const status = group
    .command("status")
    .description("where the rollout stands, and what the judge says now")
    .option("--target <name>", TARGET);
  common(status, "canary status --target notes");
  status.action(async (flags: StatusFlags) => {
    const { runStatus } = await import("../run/canary-rollout.ts");
    context.exit(await runStatus(flags, context.io));
  });
  for (const decision of ["promote", "rollback"] as const) {
    const decide = group
      .command(decision)
      .description(decision === "promote" ? "promote, whatever the judge says" : "take the canary back")
      .option("--target <name>", TARGET);
    common(tokenOptions(decide), `canary ${decision} --target notes --token-file token`);
    decide.action(async (flags: DecideFlags) => {
      const { runDecision } = await import("../run/canary-rollout.ts");
      context.exit(await runDecision(decision, flags, context.io));
    });
  }
}
