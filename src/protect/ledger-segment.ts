import type { StateView } from "../github/state-port.ts";
import { WhetstoneError } from "../model/error.ts";
import type { LedgerRecord } from "../model/ledger.ts";
import { parsed, readLedgerLine } from "./ledger-line.ts";

/** A last line that was only half written, as it was found and left out. */
export type TornLine = { readonly segment: string; readonly text: string };

/** The text of one file of the ledger, taken apart into whole lines. */
export type Segment = {
  readonly path: string;
  readonly lines: readonly string[];
  /** The text that records can be added behind: whole lines only. */
  readonly sound: string;
  readonly torn?: TornLine;
};

const FOLDER = "ledger/";
/** One file per month; a month of many records goes on in parts, which sort behind its first file. */
const SEGMENT = /^ledger\/(\d{4}-\d\d)(?:\.part(\d{6}))?\.ndjson$/;
/** Characters after which a new part begins: what an append reads, checks and writes again stays as small. */
const SEGMENT_LENGTH = 131_072;
/** Segments that are read at once. */
const WINDOW = 32;

/** Files of the ledger in order. @throws WhetstoneError `ledger_broken` naming one that does not belong there */
export async function segmentPaths(view: StateView): Promise<readonly string[]> {
  const paths = await view.list(FOLDER);
  const foreign = paths.find((path) => !SEGMENT.test(path));
  if (foreign !== undefined) throw broken(`${foreign} does not belong into the ledger.`, { path: foreign });
  return paths;
}

/**
 * Where the next record goes: the file of the time's month, but never one before the newest, for clocks of two machines
 * may disagree; a new part where the newest is full.
 */
export function nextSegment(time: string, newest: Pick<Segment, "path" | "sound"> | undefined): string {
  const month = `${FOLDER}${time.slice(0, 7)}.ndjson`;
  if (newest === undefined || newest.path < month) return month;
  if (newest.sound.length < SEGMENT_LENGTH) return newest.path;
  const [, started = "", part = "1"] = SEGMENT.exec(newest.path) ?? [];
  return `${FOLDER}${started}.part${String(Number(part) + 1).padStart(6, "0")}.ndjson`;
}

/** Reads one file. Only the last line of the newest one may be half-written: it is left out and named. */
export async function readSegment(view: StateView, path: string, newest: boolean): Promise<Segment> {
  const text = (await view.read(path)) ?? "";
  const lines = text.split("\n");
  const tail = lines.pop() ?? "";
  if (tail === "") return { path, lines, sound: text };
  if (newest && parsed(tail) === undefined) {
    return { path, lines, sound: text.slice(0, text.length - tail.length), torn: { segment: path, text: tail } };
  }
  return { path, lines: [...lines, tail], sound: `${text}\n` };
}

/**
 * Every file in order from `from` on, a few at a time in memory.
 * @throws WhetstoneError `ledger_broken` naming a file that does not belong there.
 */
export async function* segments(view: StateView, from = ""): AsyncGenerator<Segment> {
  const paths = (await segmentPaths(view)).filter((path) => path >= from);
  for (let at = 0; at < paths.length; at += WINDOW) {
    const window = paths.slice(at, at + WINDOW);
    yield* await Promise.all(window.map((path) => readSegment(view, path, path === paths.at(-1))));
  }
}

/** A record, the bytes that its digest covers, and where it stands. */
export type PlacedRecord = {
  readonly record: LedgerRecord;
  readonly covered: string;
  /** Counted from 1. */
  readonly line: number;
};

/**
 * The records of one file, without checking the chain. `after`: number of the record before it.
 * @throws WhetstoneError `ledger_broken` naming file and line of what is no record.
 */
export function* recordsOf({ path, lines }: Pick<Segment, "path" | "lines">, after: number): Generator<PlacedRecord> {
  let last = after;
  for (const [index, text] of lines.entries()) {
    const found = readLedgerLine(text);
    const line = index + 1;
    if (!found.ok) throw broken(`${path}, line ${line} ${found.why}.`, { path, line, seq: last + 1 });
    yield { record: found.record, covered: found.covered, line };
    last = found.record.seq;
  }
}

/** The error of a ledger that is not as it was written. */
export function broken(message: string, data: Readonly<Record<string, unknown>>): WhetstoneError {
  return new WhetstoneError("ledger_broken", message, {
    remedy: "Compare the ledger with its history: git log -p whetstone/state -- ledger.",
    data,
  });
}
