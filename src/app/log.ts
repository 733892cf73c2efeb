import type { Logger } from "probot";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { formatInstant, type Clock } from "../model/time.ts";
import { redactSecrets } from "../protect/secret-patterns.ts";
import { forTerminal } from "../protect/sanitise.ts";

/** Where lines go and how they look. */
export type LogOptions = {
  readonly write: (line: string) => void;
  readonly clock: Clock;
  /** One JSON object per line instead of text. */
  readonly json: boolean;
};

type Level = "info" | "warn" | "error" | "fatal";
/** Pino's form of a call: text, or an object or error with an optional text. */
type Say = (first: unknown, text?: unknown) => void;

/**
 * A log for Probot: time, level, message. Payloads and requests, which Probot adds as fields, are left out, because
 * they hold other people's text; what is written is redacted and shown without control characters.
 */
export function createLog(options: LogOptions): Logger {
  const nothing: Say = () => undefined;
  const log = {
    level: "info",
    trace: nothing,
    debug: nothing,
    info: say(options, "info"),
    warn: say(options, "warn"),
    error: say(options, "error"),
    fatal: say(options, "fatal"),
    silent: nothing,
    child: () => log,
  };
  // Probot and Octokit use these members of a Pino logger and no others.
  return log as unknown as Logger;
}

function say({ write, clock, json }: LogOptions, level: Level): Say {
  return (first, text) => {
    const time = formatInstant(clock.now());
    const parts = [typeof text === "string" ? text : "", typeof first === "string" ? first : wordsOf(first)];
    const message = redactSecrets(parts.filter((part) => part !== "").join(" "));
    write(`${json ? JSON.stringify({ time, level, message }) : `${time} ${level} ${forTerminal(message)}`}\n`);
  };
}

/** The words of an error, or of each of several; a bug shows its stack. */
function wordsOf(value: unknown): string {
  const error = value instanceof AggregateError ? value : undefined;
  if (error && error.errors.length > 0) return error.errors.map(wordsOf).join("; ");
  const wrapped = typeof value === "object" && value !== null && "err" in value ? value.err : value;
  if (wrapped instanceof WhetstoneError) {
    return `${wrapped.code}: ${wrapped.message}${wrapped.remedy === undefined ? "" : ` ${wrapped.remedy}`}`;
  }
  return wrapped instanceof Error ? (wrapped.stack ?? wrapped.message) : messageOf(wrapped);
}
