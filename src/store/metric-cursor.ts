import { WhetstoneError } from "../model/error.ts";

/** @throws WhetstoneError `usage` unless `limit` is a whole number from 1 to 1,000 */
export function checkPage(limit: number, what: string): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return;
  throw new WhetstoneError("usage", `A page of ${limit} ${what} cannot be asked for.`, {
    remedy: `Ask for 1 to 1,000 ${what} and follow nextCursor for more.`,
  });
}

/** Opaque text for the last key of a page. */
export const encodeListCursor = (key: string): string => Buffer.from(key).toString("base64url");

/** The key that {@link encodeListCursor} was given. @throws WhetstoneError `usage` when the text is no such cursor */
export function decodeListCursor(cursor: string): string {
  const key = Buffer.from(cursor, "base64url").toString();
  if (key.startsWith("[") && encodeListCursor(key) === cursor) return key;
  throw new WhetstoneError("usage", "The cursor is not one that a list of metrics returned.", {
    remedy: "Pass nextCursor of the previous page unchanged, or leave the cursor out to start anew.",
  });
}
