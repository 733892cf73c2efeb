import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type BudgetOptions = CommonOptions & { readonly day?: string };

/** `whetstone budget show`: what sessions may cost, did cost, and what is left. */
export const budget: Register = (program, context) => {
  const group = program
    .command("budget")
    .description("what Claude Code sessions may cost (budgets: of whetstone.yaml)");
  const show = group
    .command("show")
    .description("spent, set aside and left of a day's budgets, and the day's sessions")
    .option("--day <date>", "another day (UTC), such as 2026-11-20");
  common(show, "budget show");
  show.action(async (options: BudgetOptions) => {
    const { runBudgetShow } = await import("../run/budget.ts");
    context.exit(await runBudgetShow(options, context.io));
  });
};
