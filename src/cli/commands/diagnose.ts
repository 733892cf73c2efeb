import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type DiagnoseCommandOptions = CommonOptions & { readonly baseline: string; readonly incident: string };

/** `whetstone diagnose`: where a fault began. */
export const diagnose: Register = (program, context) => {
  const command = program
    .command("diagnose")
    .description("rank the operations in which a fault may have begun, from traces before and during it")
    .requiredOption("--baseline <src>", "traces from before: a trace file, or FROM..TO in the store")
    .requiredOption("--incident <src>", "traces of the incident: a trace file, or FROM..TO in the store");
  common(command, "diagnose --baseline before.json --incident -30m..now", "0 with a ranking, 3 nothing stands out");
  command.action(async (options: DiagnoseCommandOptions) => {
    const { runDiagnose } = await import("../run/diagnose.ts");
    context.exit(await runDiagnose(options, context.io));
  });
};
