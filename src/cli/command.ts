import type { Command } from "commander";
import type { Io } from "./io.ts";

/** Options that every command has. */
export type CommonOptions = { readonly json?: boolean; readonly config?: string; readonly db?: string };

/** Default of `--config`. */
export const DEFAULT_CONFIG = "whetstone.yaml";

/** A command file declares its words here and loads what it needs only when it runs, so that `--help` stays instant. */
export type Register = (program: Command, context: CommandContext) => void;

/** What a command gets from `main`: its streams, where to leave its exit code, and the version of the package. */
export type CommandContext = {
  readonly io: Io;
  readonly exit: (code: number) => void;
  readonly version: () => string;
};

/**
 * Adds the options of {@link CommonOptions}, and at the end of the help an example and what the exit codes say where they
 * are a verdict; 2, which every command has for what it cannot begin with, is told by `whetstone --help`.
 */
export function common(command: Command, example: string, exits?: string): Command {
  return command
    .option("--json", "print one JSON document; logs go to standard error")
    .option("--config <file>", `configuration file (default: ${DEFAULT_CONFIG})`)
    .option("--db <path|url>", "span store: a file, or a postgres:// URL")
    .addHelpText(
      "after",
      `\nExample:\n  $ whetstone ${example}${exits === undefined ? "" : `\n\nExit code: ${exits}.`}`,
    );
}

/** Collects a repeatable option into a list. */
export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
