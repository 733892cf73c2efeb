import { Option } from "commander";
import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

const RECORDABLE = ["closed", "merged", "promoted", "rolled_back", "held"] as const;
export type RecordOptions = CommonOptions & { readonly status: (typeof RECORDABLE)[number] };

/** `whetstone record`: what became of a proposal after its run. */
export const record: Register = (program, context) => {
  const command = program
    .command("record")
    .description("write to the ledger what became of a proposal")
    .argument("<dossier>", "id or folder of the proposal's dossier")
    .addOption(new Option("--status <status>", "what became of it").choices(RECORDABLE).makeOptionMandatory());
  common(command, "record d-20261120T104512Z-3f9a1c --status merged");
  command.action(async (dossier: string, options: RecordOptions) => {
    const { runRecord } = await import("../run/record.ts");
    context.exit(await runRecord(dossier, options, context.io));
  });
};
