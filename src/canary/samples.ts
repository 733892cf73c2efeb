import type { Arm, CallSample } from "../model/call.ts";
import { WhetstoneError } from "../model/error.ts";
import { parseInstant } from "../model/time.ts";

/** Where rows come from: the arm that they stand for, and the name to use in errors. */
export type SampleSource = { readonly arm: Arm; readonly name: string };

/** A row as a CSV or NDJSON parser gives it. */
type Row = Readonly<Record<string, unknown>>;

/** One cell and where it stands. */
type Cell = { readonly value: unknown; readonly column: string; readonly row: number; readonly source: SampleSource };

/**
 * Turns parsed rows into call samples. Columns: `timestamp` (RFC 3339, or ms since the Unix epoch), `operation`,
 * `durationMs` (≥ 0), `error` (true/false or 1/0); `session` and `weight` (how many calls a sampled one stands for, ≥ 1) may be there; other
 * columns are ignored. Values may be
 * typed or text.
 * @throws WhetstoneError `input_unreadable` naming source, row (1 = the first after the header) and column.
 */
export function callSamples(rows: Iterable<unknown>, source: SampleSource): CallSample[] {
  const samples: CallSample[] = [];
  let row = 0;
  for (const item of rows) {
    row += 1;
    samples.push(toSample(item, { row, source }));
  }
  return samples;
}

/** Fewest different times in a file for telling that it holds its calls twice. */
const TELLING_TIMES = 10;

/**
 * Refuses calls that all stand there twice or more, as when a file was joined to itself: they would count as evidence.
 * @throws WhetstoneError `input_unreadable`
 */
export function checkDoubled(samples: readonly CallSample[], { name }: SampleSource): void {
  const times = new Set(samples.map(({ timestamp }) => timestamp));
  if (times.size < TELLING_TIMES || times.size * 2 > samples.length) return;
  const seen = new Map<string, number>();
  for (const { timestamp, operation, durationMs, error, session } of samples) {
    const key = JSON.stringify([timestamp, operation, durationMs, error, session]);
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  // Calls that are alike by chance leave some that stand alone.
  if (seen.size < TELLING_TIMES || [...seen.values()].some((count) => count === 1)) return;
  throw new WhetstoneError("input_unreadable", `${name}: every call stands in it twice or more.`, {
    remedy: "Write each call once; a file that was joined to itself would count as twice the evidence.",
    data: { source: name },
  });
}

function toSample(item: unknown, place: Pick<Cell, "row" | "source">): CallSample {
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    throw unreadable({ ...place, column: "", value: item }, "is no record");
  }
  const record = item as Row;
  const cell = (column: string): Cell => ({ ...place, column, value: record[column] });
  return {
    timestamp: toTimestamp(cell("timestamp")),
    operation: toText(cell("operation")),
    durationMs: toDuration(cell("durationMs")),
    error: toBoolean(cell("error")),
    arm: place.source.arm,
    session: record["session"] === undefined ? "" : toText(cell("session")),
    ...(record["weight"] !== undefined && record["weight"] !== "" && { weight: toWeight(cell("weight")) }),
  };
}

function toText(cell: Cell): string {
  const { value } = cell;
  if (typeof value !== "string" || value.trim() === "") throw unreadable(cell, "has no text");
  return value.trim();
}

function toDuration(cell: Cell): number {
  const value = toNumber(cell.value);
  if (value === undefined || value < 0) throw unreadable(cell, "is no duration in ms");
  return value;
}

function toWeight(cell: Cell): number {
  const value = toNumber(cell.value);
  if (value === undefined || value < 1) throw unreadable(cell, "is no weight of 1 or more");
  return value;
}

function toTimestamp(cell: Cell): number {
  const number = toNumber(cell.value);
  if (number !== undefined) return number;
  if (typeof cell.value !== "string" || !/^\s*\d{4}-/.test(cell.value)) throw unreadable(cell, "is no time");
  try {
    const ns = parseInstant(cell.value, 0n);
    // In two parts: the ns of today do not fit a double exactly, the ms do.
    return Number(ns / 1_000_000n) + Number(ns % 1_000_000n) / 1e6;
  } catch (cause) {
    throw unreadable(cell, "is no time", cause);
  }
}

function toBoolean(cell: Cell): boolean {
  const value = typeof cell.value === "string" ? cell.value.trim().toLowerCase() : cell.value;
  if (value === true || value === "true" || value === 1 || value === "1") return true;
  if (value === false || value === "false" || value === 0 || value === "0") return false;
  throw unreadable(cell, "is neither true nor false");
}

/** A finite decimal number, typed or as text; undefined otherwise. */
function toNumber(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function unreadable({ value, column, row, source }: Cell, why: string, cause?: unknown): WhetstoneError {
  const found = value === undefined ? "is missing" : `${why}: ${JSON.stringify(value)?.slice(0, 60)}`;
  const what = column === "" ? "it" : `column ${column}`;
  return new WhetstoneError("input_unreadable", `${source.name}, row ${row}: ${what} ${found}.`, {
    remedy: "Give the columns timestamp (RFC 3339 or ms), operation, durationMs (0 or more) and error (true or false).",
    cause,
    data: { source: source.name, row, column },
  });
}
