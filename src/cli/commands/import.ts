import { Option } from "commander";
import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export const TRACE_FORMATS = ["otlp", "jaeger", "zipkin", "tempo"] as const;
export type ImportOptions = CommonOptions & {
  readonly format?: (typeof TRACE_FORMATS)[number];
  readonly captureContent?: boolean;
};

/** `whetstone import`: trace files into the store. */
export const importTraces: Register = (program, context) => {
  const command = program
    .command("import")
    .description("read trace files into the store: OTLP JSON (also lines), Jaeger, Zipkin v2, Tempo; .gz too")
    .argument("<file...>", "trace files")
    .addOption(
      new Option("--format <format>", "format of the files (default: told by their content)").choices(TRACE_FORMATS),
    );
  command.option("--capture-content", "keep arguments, results and prompts that spans carry (off: they are dropped)");
  common(command, "import traces.json.gz");
  command.action(async (files: string[], options: ImportOptions) => {
    const { runImport } = await import("../run/import.ts");
    context.exit(await runImport(files, options, context.io));
  });
};
