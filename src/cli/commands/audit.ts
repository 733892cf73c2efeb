import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

/** `whetstone audit verify|show`. */
export const audit: Register = (program, context) => {
  const group = program.command("audit").description("the ledger: verify its chain, show its records");
  const verify = group.command("verify").description("verify the hash chain of the whole ledger");
  common(verify, "audit verify");
  verify.action(async (options: CommonOptions) => {
    const { runVerify } = await import("../run/audit.ts");
    context.exit(await runVerify(options, context.io));
  });
  const show = group.command("show").description("the newest records").option("--limit <n>", "how many", "20");
  common(show, "audit show --limit 5");
  show.action(async (options: CommonOptions & { readonly limit: string }) => {
    const { runShowLedger } = await import("../run/audit.ts");
    context.exit(await runShowLedger(options, context.io));
  });
};
