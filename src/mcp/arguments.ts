import { z } from "zod";
import { WhetstoneError } from "../model/error.ts";
import { formatInstant, parseInstant } from "../model/time.ts";

/** ns since the Unix epoch: `sinceNs` inclusive, `untilNs` exclusive. */
export type TimeWindow = { readonly sinceNs: bigint; readonly untilNs: bigint };

const TIME = "RFC 3339, or relative to now such as -15m or -7d";

/** A range of time as callers write it. */
export const TimeRange = z
  .union([
    z.string().min(1).max(80),
    z.strictObject({
      start: z.string().max(40).optional().describe(`${TIME}.`),
      end: z.string().max(40).optional().describe(`${TIME}; now when absent.`),
    }),
  ])
  .describe(`{start, end} (${TIME}), or words such as last_1_hour or last_7_days.`);
export type TimeRange = z.infer<typeof TimeRange>;

const UNIT: Readonly<Record<string, string>> = { minute: "m", hour: "h", day: "d", week: "w" };

/**
 * The window that a caller means; `fallback` (such as `-24h`) where no start is given.
 * @throws WhetstoneError `usage` when it is no time, or reversed
 */
export function windowOf(range: TimeRange | undefined, now: bigint, fallback: string): TimeWindow {
  const { start, end } = typeof range === "string" ? { start: wordsToStart(range), end: undefined } : (range ?? {});
  const untilNs = end === undefined ? now : parseInstant(end, now);
  const sinceNs = parseInstant(start ?? fallback, start === undefined ? untilNs : now);
  if (sinceNs < untilNs) return { sinceNs, untilNs };
  throw new WhetstoneError(
    "usage",
    `The time range is reversed or empty: start ${formatInstant(sinceNs)}, end ${formatInstant(untilNs)}.`,
    { remedy: "Give a start before the end." },
  );
}

function wordsToStart(words: string): string {
  const match = /^(?:the[ _])?(?:last|past)[ _](?:(\d{1,5})[ _])?(minute|hour|day|week)s?$/i.exec(words.trim());
  const [count, unit] = [Number(match?.[1] ?? 1), UNIT[match?.[2]?.toLowerCase() ?? ""]];
  if (unit === undefined) return words.trim();
  return unit === "w" ? `-${count * 7}d` : `-${count}${unit}`;
}

/** The window as answers show it. */
export const WindowShown = z.strictObject({ since: z.string(), until: z.string() });

/** A window for an answer. */
export function shownWindow({ sinceNs, untilNs }: TimeWindow): z.infer<typeof WindowShown> {
  return { since: formatInstant(sinceNs), until: formatInstant(untilNs) };
}

export const ServiceName = z.string().min(1).max(400).describe("Service, as list_services shows it.");
export const OperationName = z.string().min(1).max(400).describe("Operation (span name), as answers show it.");
export const TraceIdArgument = z
  .string()
  .regex(/^[0-9a-fA-F]{6,32}$/)
  .describe("Trace id: 32 hexadecimal digits, or the first 6 or more where they name one trace.");
export const Detail = z.enum(["summary", "full"]).default("summary");
export const Cursor = z.string().max(400).optional().describe("nextCursor of the answer before, unchanged.");

/** Place in a list that is computed anew at each call. */
export function offsetOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const match = /^o(\d{1,9})$/.exec(cursor);
  if (match?.[1] !== undefined) return Number(match[1]);
  throw foreignCursor();
}

/** The error for a cursor that a tool did not return. */
export function foreignCursor(): WhetstoneError {
  return new WhetstoneError("usage", "The cursor is not one that this tool returned.", {
    remedy:
      "Pass nextCursor of the previous answer unchanged and with the same arguments, or leave the cursor out to start again.",
  });
}

/** Cursors for a list of `count` items from `offset` on. */
export function offsetCursor(offset: number, count: number): (returned: number) => string | undefined {
  return (returned) => (returned < count ? `o${offset + returned}` : undefined);
}
