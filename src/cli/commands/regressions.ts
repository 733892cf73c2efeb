import { Option } from "commander";
import type { Register } from "../command.ts";
import { collect, common, type CommonOptions } from "../command.ts";

export type RegressionsOptions = CommonOptions & {
  readonly baseline: readonly string[];
  readonly candidate: readonly string[];
  readonly alpha: string;
  readonly structure: "judge" | "report";
};

/** `whetstone regressions`: is the candidate worse than the baseline? */
export const regressions: Register = (program, context) => {
  const command = program
    .command("regressions")
    .description("compare two sets of traces: latency, errors, calls and structure per operation")
    .option("--baseline <src>", "a trace file, or FROM..TO in the store; repeatable", collect, [])
    .option("--candidate <src>", "a trace file, or FROM..TO in the store; repeatable", collect, [])
    .option("--alpha <p>", "greatest probability of a false failure over all comparisons", "0.05")
    .addOption(
      new Option("--structure <how>", "whether changed structure fails the comparison or is only told")
        .choices(["judge", "report"])
        .default("judge"),
    );
  common(
    command,
    "regressions --baseline before.json --candidate -30m..now",
    "0 no worse, 1 worse, 3 too few traces to say",
  );
  command.action(async (options: RegressionsOptions) => {
    const { runRegressions } = await import("../run/regressions.ts");
    context.exit(await runRegressions(options, context.io));
  });
};
