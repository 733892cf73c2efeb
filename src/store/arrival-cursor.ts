import { WhetstoneError } from "../model/error.ts";
import { INT64 } from "./cursor.ts";

/**
 * Place in the order of arrival: a number that the store gave, and within it what identifies the span.
 * `of` names the kind of store, since one can read nothing from the numbers of another.
 */
export type ArrivalPlace = {
  readonly of: "sqlite" | "postgres" | "memory";
  readonly number: bigint;
  /** `<trace>.<span id>.<kind>`, the first two hexadecimal; empty before the first span of the number. */
  readonly key: string;
};

/** Opaque text for a place. */
export function encodeArrival({ of, number, key }: ArrivalPlace): string {
  return Buffer.from(`${of}:${number}:${key}`).toString("base64url");
}

const PLACE = /^(\w+):(\d{1,19}):((?:[0-9a-f]{1,15}\.[0-9a-f]{16}\.[0-9])?)$/;

/**
 * The place that {@link encodeArrival} wrote.
 * @throws WhetstoneError `usage` when the text was not written by it for this kind of store.
 */
export function decodeArrival(cursor: string, of: ArrivalPlace["of"]): ArrivalPlace {
  const text = Buffer.from(cursor, "base64url").toString("latin1");
  const [, kind, number = "", key = ""] = PLACE.exec(text) ?? [];
  const place = { of, number: BigInt(number), key };
  if (kind === of && place.number < INT64.max && encodeArrival(place) === cursor) return place;
  throw new WhetstoneError("usage", "The cursor is not one that this store's stream returned.", {
    remedy: "Pass the cursor of an event unchanged, or leave it out to begin with what comes next.",
  });
}
