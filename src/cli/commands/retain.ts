import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type RetainOptions = CommonOptions & {
  readonly traces?: string;
  readonly errors?: string;
  readonly rollups?: string;
  readonly metrics?: string;
  readonly logs?: string;
  readonly size?: string;
  readonly dryRun?: boolean;
  readonly compact?: boolean;
};

/** `whetstone retain`: removes what need not be kept any longer. */
export const retain: Register = (program, context) => {
  const command = program
    .command("retain")
    .description(
      "remove traces, rollups, metric points and log records that are older than `retention` of the configuration says",
    )
    .option("--traces <age>", "keep traces without an error so long, such as 30d, or forever")
    .option("--errors <age>", "keep traces with an error so long")
    .option("--rollups <age>", "keep counts and durations per minute so long")
    .option("--metrics <age>", "keep metric points so long")
    .option("--logs <age>", "keep log records so long")
    .option("--size <size>", "use at most this much space, such as 10GB; the oldest go first (SQLite)")
    .option("--dry-run", "say what is old enough to be removed, and remove nothing")
    .option("--compact", "afterwards give free space back to the disk; writers wait meanwhile");
  common(command, "retain --dry-run", "0 done, 1 the store is still larger than --size");
  command.action(async (options: RetainOptions) => {
    const { runRetain } = await import("../run/retain.ts");
    context.exit(await runRetain(options, context.io));
  });
};
