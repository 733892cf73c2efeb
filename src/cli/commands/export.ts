import { Option } from "commander";
import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";
import { filterOptions, type FilterOptions } from "./traces.ts";

export type ExportOptions = CommonOptions &
  FilterOptions & { readonly format: "otlp" | "ndjson" | "csv"; readonly output?: string };

/** `whetstone export`: spans out of the store, as a stream. */
export const exportSpans: Register = (program, context) => {
  const command = filterOptions(
    program
      .command("export")
      .description(
        "write the stored spans (not metrics and logs) that meet all filters, by start; OTLP can be imported again",
      )
      .addOption(
        new Option("--format <format>", "otlp: OTLP JSON lines; ndjson: one span per line; csv: for spreadsheets")
          .choices(["otlp", "ndjson", "csv"])
          .default("otlp"),
      )
      .option("-o, --output <file>", "write this file, whole or not at all (default: standard output)"),
  );
  common(command, "export --format csv --service notes --since -7d -o spans.csv");
  command.action(async (options: ExportOptions) => {
    const { runExport } = await import("../run/export.ts");
    context.exit(await runExport(options, context.io));
  });
};
