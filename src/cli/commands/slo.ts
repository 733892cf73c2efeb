import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type SloOptions = CommonOptions & { readonly target?: string };

/** `whetstone slo status`: objectives, budgets and burn rates. */
export const slo: Register = (program, context) => {
  const group = program.command("slo").description("service-level objectives of whetstone.yaml (targets.<name>.slos)");
  const status = group
    .command("status")
    .description("budget left, burn rates and alert of each objective")
    .option("--target <name>", "only the objectives of this target");
  common(status, "slo status --target notes", "0 no alert, 1 an alert, 3 no data");
  status.action(async (options: SloOptions) => {
    const { runSloStatus } = await import("../run/slo.ts");
    context.exit(await runSloStatus(options, context.io));
  });
};
