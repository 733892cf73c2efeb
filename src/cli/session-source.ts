import { resolve } from "node:path";
import type { LiveSession } from "../loop/claude.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Io } from "./io.ts";
import { readTokenOption } from "./token-source.ts";

/** The flags that say who answers. */
export type SourceOptions = {
  readonly session: string;
  readonly budgetUsd?: string;
  readonly authorization?: string;
  readonly authorizationFile?: string;
};

/** Who answers: a recording (absolute path), or the real Claude Code. */
export type SessionSource = { readonly recording: string } | { readonly live: LiveSession };

/**
 * Reads `--session claude` or `--session replay:FILE`, and what a live session may cost and is permitted by.
 * @throws WhetstoneError `usage`; `input_unreadable` for the file of an authorization
 */
export async function sessionSource(options: SourceOptions, io: Io): Promise<SessionSource> {
  const recording = /^replay:(.+)$/.exec(options.session)?.[1];
  if (recording !== undefined) return { recording: resolve(io.cwd, recording) };
  if (options.session !== "claude") {
    throw new WhetstoneError("usage", `"${options.session}" is nobody to ask.`, {
      remedy: "Use --session claude, or --session replay:FILE.",
    });
  }
  const { authorization, authorizationFile } = options;
  if (authorization !== undefined && authorizationFile !== undefined) {
    throw new WhetstoneError("usage", "--authorization and --authorization-file were both given.", {
      remedy: "Give one of them.",
    });
  }
  const given = {
    ...(authorization !== undefined && { token: authorization }),
    ...(authorizationFile !== undefined && { tokenFile: authorizationFile }),
  };
  const token = await readTokenOption(given, io);
  return { live: { variables: io.inherited, budgetUsd: dollars(options.budgetUsd), token } };
}

function dollars(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const amount = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (amount > 0) return amount;
  throw new WhetstoneError("usage", `--budget-usd ${text} is no amount.`, { remedy: "Write dollars, such as 0.5." });
}
