import { WhetstoneError } from "../model/error.ts";
import { INT64 } from "./cursor.ts";
import type { LogFilter } from "./log-port.ts";
import { checkPage } from "./metric-cursor.ts";

/** Position in a search: the last record that was returned. */
export type LogPosition = { readonly timeNs: bigint; readonly digest: string };

/** @throws WhetstoneError `usage` for a severity or a limit that there is not */
export function checkLogSearch({ minSeverity = 1 }: LogFilter, { limit }: { limit: number }): void {
  checkPage(limit, "log records");
  if (Number.isInteger(minSeverity) && minSeverity >= 1 && minSeverity <= 24) return;
  throw new WhetstoneError("usage", `${minSeverity} is no severity number.`, {
    remedy: "Name one from 1 to 24: debug begins at 5, info at 9, warn at 13, error at 17, fatal at 21.",
  });
}

/** Opaque text for a position: base64url of `<time in ns>:<digest>`. */
export const encodeLogCursor = ({ timeNs, digest }: LogPosition): string =>
  Buffer.from(`${timeNs}:${digest}`).toString("base64url");

/** The position that {@link encodeLogCursor} wrote. @throws WhetstoneError `usage` when the text was not written by it */
export function decodeLogCursor(cursor: string): LogPosition {
  const match = /^(\d{1,19}):([0-9a-f]{16})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"));
  const position = { timeNs: BigInt(match?.[1] ?? "0"), digest: match?.[2] ?? "" };
  if (match && position.timeNs < INT64.max && encodeLogCursor(position) === cursor) return position;
  throw new WhetstoneError("usage", "The cursor is not one that a search of logs returned.", {
    remedy: "Pass nextCursor of the previous page unchanged, or leave the cursor out to start from the newest record.",
  });
}

/**
 * The text to look for in stored bodies. Bodies that engines would refuse are stored as JSON, so what only they can hold
 * is looked for as JSON.
 */
export function needleOf(text: string): string {
  const isPlain = !text.includes("\0") && text.isWellFormed();
  return foldAscii(isPlain ? text : JSON.stringify(text).slice(1, -1));
}

/** ASCII letters in lower case, as SQLite's and (under collation C) PostgreSQL's `lower` have it. */
export const foldAscii = (text: string): string => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
