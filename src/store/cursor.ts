import { WhetstoneError } from "../model/error.ts";
import { TraceId } from "../model/span.ts";

/** Position in a trace search: the last trace that was returned. */
export type Position = { readonly startNs: bigint; readonly traceId: string };

/** Greatest and least value of a signed 64-bit integer, exclusive: what a stored time lies between. */
export const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n } as const;

/** Times outside of what a store holds, moved to its bounds: the same spans lie between them. */
export function inRange(ns: bigint): bigint {
  if (ns < INT64.min) return INT64.min;
  return ns > INT64.max ? INT64.max : ns;
}

/** Opaque text for a position: base64url of `<start in ns>:<trace id>`. */
export function encodeCursor(position: Position): string {
  return Buffer.from(`${position.startNs}:${position.traceId}`).toString("base64url");
}

/**
 * The position that {@link encodeCursor} wrote.
 * @throws WhetstoneError `usage` when the text was not written by it.
 */
export function decodeCursor(cursor: string): Position {
  const match = /^(-?\d{1,19}):([0-9a-f]{32})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"));
  const position = match && { startNs: BigInt(match[1] ?? ""), traceId: match[2] ?? "" };
  if (!position || !isPosition(position) || encodeCursor(position) !== cursor) {
    throw new WhetstoneError("usage", "The cursor is not one that a trace search returned.", {
      remedy: "Pass nextCursor of the previous page unchanged, or leave the cursor out to start from the newest trace.",
    });
  }
  return position;
}

const isPosition = ({ startNs, traceId }: Position): boolean =>
  startNs > INT64.min && startNs < INT64.max && TraceId.safeParse(traceId).success;

/**
 * @throws WhetstoneError `usage` unless `limit` is a whole number from 1 to 1,000.
 */
export function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return;
  throw new WhetstoneError("usage", `A page of ${limit} traces cannot be asked for.`, {
    remedy: "Ask for 1 to 1,000 traces and follow nextCursor for more.",
  });
}
