import { type Command, Option } from "commander";
import { type CommonOptions, common, type Register } from "../command.ts";

export type VerifyOptions = CommonOptions & { readonly anchor?: string; readonly kid?: string };
/** Flags that choose records. */
export type LedgerFilterOptions = CommonOptions & {
  readonly actor?: string;
  readonly operation?: string;
  readonly target?: string;
  readonly since?: string;
  readonly until?: string;
  readonly reason?: string;
  readonly decision?: string;
};
export type ShowLedgerOptions = LedgerFilterOptions & { readonly limit: string; readonly cursor?: string };
export type ExportLedgerOptions = LedgerFilterOptions & { readonly format: "ndjson" | "csv" };

/** `whetstone audit verify|show|export|sign`. */
export const audit: Register = (program, context) => {
  const group = program.command("audit").description("the ledger: verify its chain, ask for its records, export, sign");
  const verify = group
    .command("verify")
    .description("verify the hash chain of the whole ledger, its end and its signatures")
    .option("--anchor <seq:digest>", "a record that you noted elsewhere; the ledger has to have it")
    .option("--kid <id>", "only signatures of this key count, and there has to be one");
  common(
    verify,
    "audit verify --kid 3f9a1c0d5e7b2a48",
    "0 as it was written, 1 changed, cut off or not signed as asked",
  ).action(async (options: VerifyOptions) => {
    const { runVerify } = await import("../run/audit.ts");
    context.exit(await runVerify(options, context.io));
  });
  const show = filters(group.command("show").description("records that fit, the newest last"))
    .option("--limit <n>", "how many, 1 to 1000", "20")
    .option("--cursor <seq>", "go on before this record: nextCursor of the page before");
  common(show, "audit show --operation propose --decision deny --since -7d").action(
    async (options: ShowLedgerOptions) => {
      const { runShowLedger } = await import("../run/audit.ts");
      context.exit(await runShowLedger(options, context.io));
    },
  );
  const exported = filters(group.command("export").description("every record that fits, oldest first")).addOption(
    new Option("--format <format>", "ndjson: as recorded; csv: for spreadsheets, formulas made harmless")
      .choices(["ndjson", "csv"])
      .default("ndjson"),
  );
  common(exported, "audit export --format csv --since 2026-11-01T00:00:00Z > ledger.csv").action(
    async (options: ExportLedgerOptions) => {
      const { runExportLedger } = await import("../run/audit-export.ts");
      context.exit(await runExportLedger(options, context.io));
    },
  );
  const sign = group.command("sign").description("verify the ledger, then sign it up to here with your key");
  common(sign, "audit sign").action(async (options: CommonOptions) => {
    const { runSignLedger } = await import("../run/audit-sign.ts");
    context.exit(await runSignLedger(options, context.io));
  });
};

function filters(command: Command): Command {
  return command
    .option("--actor <actor>", "who acted: an id, or with its kind, such as person:ada or bot:")
    .option("--operation <name>", "such as propose or authorization.grant")
    .option("--target <name>", "what it was about")
    .option("--since <time>", "RFC 3339, or relative such as -7d")
    .option("--until <time>", "RFC 3339, or relative; records before it")
    .option("--reason <code>", "reason code, such as path_forbidden")
    .option("--decision <decision>", "allow, deny or none");
}
