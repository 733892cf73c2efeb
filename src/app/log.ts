import { type Logger, pino } from "pino";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { formatInstant, type Clock } from "../model/time.ts";
import { redactSecrets } from "../protect/secret-patterns.ts";
import { forTerminal } from "../protect/sanitise.ts";
import type { AppLog } from "./service.ts";

/** Where lines go and how they look. */
export type LogOptions = {
  readonly write: (line: string) => void;
  readonly clock: Clock;
  /** One JSON object per line instead of text. */
  readonly json: boolean;
};

/** Fields that a line may have besides time, level and message; payloads and requests are none. */
const FACTS = ["delivery", "event", "key", "installation"] as const;
const LONGEST_FACT = 200;

/**
 * The log of the server, by Pino: time, level, message and {@link FACTS}. Payloads and requests, which Probot adds as
 * fields, are left out, because they hold other people's text; what is written is redacted, and as text it is shown
 * without control characters.
 */
export function createLog({ write, clock, json }: LogOptions): Logger {
  return pino(
    {
      level: "info",
      base: null,
      messageKey: "message",
      timestamp: () => `,"time":"${formatInstant(clock.now())}"`,
      formatters: { level: (level) => ({ level }) },
      hooks: {
        logMethod(input, method) {
          const [first, text] = input as readonly unknown[];
          const parts = [typeof text === "string" ? text : "", typeof first === "string" ? first : wordsOf(first)];
          const message = redactSecrets(parts.filter((part) => part !== "").join(" "));
          // Pino fills %s and the like of a message with what follows; nothing follows.
          method.apply(this, [factsOf(first), "%s", message] as unknown as Parameters<typeof method>);
        },
      },
    },
    {
      write: (line) => {
        const { time, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
        // Pino has put the fields of a child into the line as they were given.
        const record = { time, level, message: String(message), ...factsOf(fields) };
        write(`${json ? JSON.stringify(record) : asText(record)}\n`);
      },
    },
  );
}

/** The log as the App uses it. */
export function appLog(log: Logger): AppLog {
  return {
    info: (line, facts = {}) => log.info(facts, line),
    error: (line, error, facts = {}) => log.error({ ...facts, err: error }, line),
  };
}

function factsOf(value: unknown): Record<string, string | number> {
  if (typeof value !== "object" || value === null) return {};
  const facts = FACTS.map((name) => [name, Reflect.get(value, name)] as const);
  return Object.fromEntries(facts.flatMap(([name, fact]) => factOf(fact).map((shown) => [name, shown] as const)));
}

function factOf(fact: unknown): readonly (string | number)[] {
  if (typeof fact === "number") return [fact];
  return typeof fact === "string" ? [redactSecrets(fact).slice(0, LONGEST_FACT)] : [];
}

/** A record for people. */
function asText({ time, level, message, ...facts }: Readonly<Record<string, unknown>>): string {
  const tail = Object.entries(facts).map(([name, fact]) => ` ${name}=${String(fact)}`);
  return `${String(time)} ${String(level)} ${forTerminal(`${String(message)}${tail.join("")}`)}`;
}

/** The words of an error, or of each of several; a bug shows its stack. */
function wordsOf(value: unknown): string {
  const error = value instanceof AggregateError ? value : undefined;
  if (error && error.errors.length > 0) return error.errors.map(wordsOf).join("; ");
  const isWrapped = typeof value === "object" && value !== null && "err" in value;
  if (isWrapped) return wordsOf(value.err);
  if (value instanceof WhetstoneError) {
    return `${value.code}: ${value.message}${value.remedy === undefined ? "" : ` ${value.remedy}`}`;
  }
  if (value instanceof Error) return value.stack ?? value.message;
  // Fields without an error say nothing in words.
  return typeof value === "object" ? "" : messageOf(value);
}
