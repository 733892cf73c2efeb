import { common, type CommonOptions, type Register } from "../command.ts";
import { tokenOptions, type TokenOptions } from "../token-options.ts";

export type RulesOptions = CommonOptions & { readonly target?: string };
export type RetireOptions = RulesOptions & TokenOptions & { readonly why: string };

/** `whetstone rules list|show|retire`. */
export const rules: Register = (program, context) => {
  const group = program.command("rules").description("learned rules: what each is worth, and taking one out of force");
  const target = ["--target <name>", "target of whetstone.yaml (default: the only one)"] as const;
  const list = group.command("list").description("rules of rules/ and candidates, with their measured effects");
  common(list.option(...target), "rules list").action(async (options: RulesOptions) => {
    const { runListRules } = await import("../run/rules.ts");
    context.exit(await runListRules(options, context.io));
  });
  const show = group.command("show").description("everything about one rule").argument("<id>", "id of the rule");
  common(show.option(...target), "rules show effective-fix-errors-notes").action(
    async (id: string, options: RulesOptions) => {
      const { runShowRule } = await import("../run/rules.ts");
      context.exit(await runShowRule(id, options, context.io));
    },
  );
  const retire = group
    .command("retire")
    .description("propose to take a rule out of force: a branch that people merge; needs a permission for rule.retire")
    .argument("<id>", "id of the rule")
    .requiredOption("--why <text>", "for those who review it, and for the record");
  tokenOptions(retire.option(...target));
  common(retire, 'rules retire batch-reads --why "no longer true" --token-file token').action(
    async (id: string, options: RetireOptions) => {
      const { runRetireRule } = await import("../run/rules.ts");
      context.exit(await runRetireRule(id, options, context.io));
    },
  );
};
