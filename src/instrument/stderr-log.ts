import { DiagLogLevel, type DiagLogger } from "@opentelemetry/api";

/** Longest line that is written, characters. */
const LONGEST_LINE = 500;

/** Distinct messages that are told apart; further ones count as one. */
const MOST_MESSAGES = 200;

/** OpenTelemetry's own messages, kept off stdout. */
export type QuietLog = {
  readonly logger: DiagLogger;
  /** Lines about messages that came again, to be written at the end. */
  readonly repeated: () => readonly string[];
};

/**
 * A logger for OpenTelemetry that writes each message once, as one short line, and counts the rest: an exporter whose
 * collector is down would otherwise fill the log. `write` gets the line without its end.
 */
export function quietLog(write: (line: string) => void): QuietLog {
  const seen = new Map<string, number>();
  const log = (message: string, ...details: unknown[]): void => {
    const line = oneLine([message, ...details.map(messageOf)].join(" "));
    const key = seen.has(line) || seen.size < MOST_MESSAGES ? line : "other messages";
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    if (before === 0) write(`whetstone: ${line}`);
  };
  return {
    logger: { error: log, warn: log, info: log, debug: log, verbose: log },
    repeated: () =>
      [...seen].filter(([, count]) => count > 1).map(([line, count]) => `whetstone: ${count} times: ${line}`),
  };
}

/** The level that `OTEL_LOG_LEVEL` names; warnings when it names none. */
export function logLevelOf(name: string | undefined): DiagLogLevel {
  const levels: Readonly<Record<string, DiagLogLevel>> = {
    none: DiagLogLevel.NONE,
    error: DiagLogLevel.ERROR,
    warn: DiagLogLevel.WARN,
    info: DiagLogLevel.INFO,
    debug: DiagLogLevel.DEBUG,
    verbose: DiagLogLevel.VERBOSE,
    all: DiagLogLevel.ALL,
  };
  return levels[name?.trim().toLowerCase() ?? ""] ?? DiagLogLevel.WARN;
}

function messageOf(detail: unknown): string {
  return detail instanceof Error ? detail.message : String(detail);
}

function oneLine(text: string): string {
  const flat = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  return flat.length <= LONGEST_LINE ? flat : `${flat.slice(0, LONGEST_LINE)} [cut: ${LONGEST_LINE} of ${flat.length}]`;
}
