import { Option, type Command } from "commander";
import type { Register } from "../command.ts";
import { collect, common, type CommonOptions } from "../command.ts";

/** Flags that select spans. */
export type FilterOptions = {
  readonly service?: string;
  readonly operation?: string;
  readonly attr: readonly string[];
  readonly status?: "ok" | "error" | "unset";
  readonly minDuration?: string;
  readonly maxDuration?: string;
  readonly since?: string;
  readonly until?: string;
};

export type SearchOptions = CommonOptions & FilterOptions & { readonly limit: string; readonly cursor?: string };

/** `whetstone traces search|show`. */
export const traces: Register = (program, context) => {
  const group = program.command("traces").description("search and show stored traces");
  const search = filterOptions(group.command("search").description("newest traces first"))
    .option("--limit <n>", "traces per page, 1 to 1000", "20")
    .option("--cursor <cursor>", "nextCursor of the page before");
  common(search, "traces search --service notes --status error --since -1h");
  search.action(async (options: SearchOptions) => {
    const { runSearch } = await import("../run/traces.ts");
    context.exit(await runSearch(options, context.io));
  });
  const show = group
    .command("show")
    .description("one trace as a waterfall")
    .argument("<id>", "trace id, 32 hexadecimal digits");
  common(show, "traces show 0af7651916cd43dd8448eb211c80319c");
  show.action(async (id: string, options: CommonOptions) => {
    const { runShow } = await import("../run/traces.ts");
    context.exit(await runShow(id, options, context.io));
  });
};

/** Adds the flags of {@link FilterOptions}. */
export function filterOptions(command: Command): Command {
  return command
    .option("--service <name>", "service of the span")
    .option("--operation <name>", "operation (span name)")
    .option("--attr <key=value>", "attribute of the span or its resource; repeatable", collect, [])
    .addOption(new Option("--status <status>", "span status").choices(["ok", "error", "unset"]))
    .option("--min-duration <duration>", "such as 10ms")
    .option("--max-duration <duration>", "such as 2s")
    .option("--since <time>", "RFC 3339, or relative such as -15m")
    .option("--until <time>", "RFC 3339, or relative");
}
