import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type AnalyzeOptions = CommonOptions & {
  readonly target?: string;
  readonly since: string;
  readonly until?: string;
};

/** `whetstone analyze`: findings of a window. */
export const analyze: Register = (program, context) => {
  const command = program
    .command("analyze")
    .description("find what hurts in the stored traces")
    .option("--target <name>", "only traces of this target (its name is the service)")
    .option("--since <time>", "start of the window, RFC 3339 or relative", "-1h")
    .option("--until <time>", "end of the window (default: now)");
  common(command, "analyze --target notes --since -1d");
  command.action(async (options: AnalyzeOptions) => {
    const { runAnalyze } = await import("../run/analyze.ts");
    context.exit(await runAnalyze(options, context.io));
  });
};
