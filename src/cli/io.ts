import { parseEnv, type Env } from "../config/env.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { forTerminal } from "../protect/sanitise.ts";
import { processStreams } from "./streams.ts";

/** Where a command reads and writes: the process in production, buffers in tests. */
export type Io = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** As `out`, for streams of any length: resolves when there is room for more; rejects when the reader has gone. */
  readonly stream: (text: string) => Promise<void>;
  readonly cwd: string;
  readonly env: Env;
  /** The whole environment, for a server that must not notice the proxy in front of it. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
  /** Standard error is a terminal: progress may move, colours may be used there. */
  readonly terminal: boolean;
  /** Standard output is a terminal: colours may be used there. */
  readonly outTerminal: boolean;
  /** Columns of the terminal; 100 elsewhere. */
  readonly columns: number;
};

/** The process as {@link Io}. */
export function processIo(): Io {
  return {
    ...processStreams(),
    cwd: process.cwd(),
    env: parseEnv(process.env),
    inherited: process.env,
    terminal: process.stderr.isTTY === true,
    outTerminal: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 100,
  };
}

/** One JSON document on standard output. */
export function printJson(io: Io, value: unknown): void {
  io.out(
    `${JSON.stringify(value, (_key, member: unknown) => (typeof member === "bigint" ? member.toString() : member), 2)}\n`,
  );
}

/** Says what went wrong, where, and what to do; returns the exit code. A bug shows its stack. */
export function reportError(io: Io, error: unknown, json: boolean): number {
  const known = error instanceof WhetstoneError;
  const code = known ? error.code : "defect";
  const remedy = known ? error.remedy : "This is a bug in Whetstone; please report it with the text above.";
  // Refusals of the protection layer carry their reason code beside the error's.
  const reason = known && typeof error.data["reason"] === "string" ? { reason: error.data["reason"] } : {};
  const facts = { code, ...reason, message: messageOf(error), ...(remedy === undefined ? {} : { remedy }) };
  if (json) printJson(io, { error: facts });
  const shown = known || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message);
  // Servers, checks and files have their say in messages.
  io.err(
    forTerminal(
      `error (${code}${reason.reason === undefined ? "" : `, ${reason.reason}`}): ${shown}\n${remedy === undefined ? "" : `  ${remedy}\n`}`,
    ),
  );
  return known ? error.exitCode : 1;
}
