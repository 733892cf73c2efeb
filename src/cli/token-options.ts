import type { Command } from "commander";

/** Where an authorization's token is taken from. */
export type TokenOptions = { readonly token?: string; readonly tokenFile?: string };

/** Adds the options that name a token to a command that may need one. */
export function tokenOptions(command: Command): Command {
  return command
    .option("--token-file <file>", "file that holds the token; - for standard input")
    .option("--token <token>", "the token itself; other users of the machine may see it, prefer the file");
}
