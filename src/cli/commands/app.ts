import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type DeadLetterOptions = CommonOptions & { readonly limit: string };

/** `whetstone app dead-letters list|retry`. */
export const app: Register = (program, context) => {
  const group = program.command("app").description("the GitHub App that `whetstone serve` runs");
  const letters = group.command("dead-letters").description("deliveries and tasks that were given up");
  const list = letters
    .command("list")
    .description("what was given up and why, the newest first")
    .option("--limit <number>", "show at most so many", "50");
  common(list, "app dead-letters list", "0 nothing was given up, 1 something was");
  list.action(async (options: DeadLetterOptions) => {
    const { runListDeadLetters } = await import("../run/app-dead-letters.ts");
    context.exit(await runListDeadLetters(options, context.io));
  });
  const retry = letters
    .command("retry")
    .description("let one be tried again by the server")
    .argument("<id>", "its id, as `list` shows it");
  common(retry, "app dead-letters retry 0b989ba4-242f-11e5-81e1-c7b6966d2516");
  retry.action(async (id: string, options: CommonOptions) => {
    const { runRetryDeadLetter } = await import("../run/app-dead-letters.ts");
    context.exit(await runRetryDeadLetter(id, options, context.io));
  });
};
