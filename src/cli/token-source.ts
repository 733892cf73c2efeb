import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { fileFaultOf, WhetstoneError } from "../model/error.ts";
import type { Io } from "./io.ts";
import type { TokenOptions } from "./token-options.ts";

/** The variable that may hold a token. */
export const TOKEN_VARIABLE = "WHETSTONE_AUTHORIZATION";

/**
 * The token that a flag, a file (`-` is standard input) or the environment gives, in this order; undefined for none. A
 * token on the command line is visible to other users of the machine, so it is taken out of there at once.
 * @throws WhetstoneError `input_unreadable`; `usage` for two at once
 */
export async function readTokenOption({ token, tokenFile }: TokenOptions, io: Io): Promise<string | undefined> {
  if (token !== undefined && tokenFile !== undefined) {
    throw new WhetstoneError("usage", "--token and --token-file were both given.", { remedy: "Give one of them." });
  }
  if (token !== undefined) {
    hideArguments();
    return token.trim();
  }
  if (tokenFile === undefined) return io.inherited[TOKEN_VARIABLE]?.trim() || undefined;
  return (await readSource(tokenFile, io)).trim();
}

async function readSource(file: string, io: Io): Promise<string> {
  try {
    return file === "-" ? await text(process.stdin) : await readFile(resolve(io.cwd, file), "utf8");
  } catch (cause) {
    throw new WhetstoneError("input_unreadable", `The token in ${file} cannot be read: ${fileFaultOf(cause)}.`, {
      remedy: "Name the file that `whetstone authorize grant --out FILE` wrote, or - for standard input.",
      cause,
    });
  }
}

/** Overwrites what process listings show, where the platform lets a process do so. */
export function hideArguments(): void {
  process.title = "whetstone";
}
