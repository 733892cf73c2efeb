import { readFileSync } from "node:fs";
import { Command, CommanderError, Help, type Option } from "commander";
import { EXIT } from "../model/codes.ts";
import type { Register } from "./command.ts";
import { type Io, printJson, reportError } from "./io.ts";

/** Runs a command line of these commands and resolves with its exit code: 0 pass, 1 fail, 2 usage, 3 inconclusive. */
export async function runProgram(commands: readonly Register[], argv: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.pass;
  const program = new Command("whetstone")
    .description("Sharpens MCP servers from their own telemetry.")
    .version(version())
    // Commands may have a --version of their own: `spec show NAME --version 2`.
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ optionDescription })
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .showHelpAfterError("(add --help for the options and an example)")
    .addHelpText("after", MORE);
  const context = {
    io,
    version,
    exit: (code: number) => {
      exitCode = code;
    },
  };
  for (const register of commands) register(program, context);
  for (const command of program.commands) exemplify(command, `whetstone ${command.name()}`);
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return reportUsage(io, error, argv);
    return reportError(io, error, argv.includes("--json"));
  }
  return exitCode;
}

const MORE = `
Examples, from nothing to the first findings:
  $ whetstone init --target notes --command "node server.js"
  $ whetstone proxy --service notes -- node server.js
  $ whetstone analyze --since -1h

Times are RFC 3339 or relative (-15m, -7d), durations carry their unit (250us, 10ms, 2s, 5m).
Exit codes: 0 done or passed, 1 a verdict of fail or a failure while working, 2 wrong usage, configuration or input that
cannot be read, 3 inconclusive.`;

/** A list that is empty until it is given says nothing to those who read. */
const help = new Help();
const optionDescription = (option: Option): string => help.optionDescription(option).replace(" (default: [])", "");

/** A group of commands shows by an example how one of them is asked for its help; commands have an example of their own. */
function exemplify(group: Command, words: string): void {
  const [first] = group.commands;
  if (first === undefined) return;
  group.addHelpText("after", `\nExample:\n  $ ${words} ${first.name()} --help`);
  for (const command of group.commands) exemplify(command, `${words} ${command.name()}`);
}

/** Commander has told people already; programs get their document too. */
function reportUsage(io: Io, error: CommanderError, argv: readonly string[]): number {
  if (error.exitCode === 0) return EXIT.pass;
  if (argv[0]?.startsWith("-") === true)
    io.err("(options stand behind the command: whetstone analyze --config FILE)\n");
  if (argv.includes("--json")) printJson(io, { error: { code: "usage", message: error.message } });
  return EXIT.usage;
}

function version(): string {
  const file: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof file === "object" && file !== null && "version" in file ? String(file.version) : "0.0.0";
}
