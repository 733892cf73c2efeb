import type { Span } from "../model/span.ts";
import { decodeArrival, encodeArrival } from "./arrival-cursor.ts";
import { checkLimit } from "./cursor.ts";
import type { ArrivalPage } from "./port.ts";

/** Numbers spans as they come; one that is removed is forgotten with whoever held it. */
export function memoryArrivals() {
  const numbers = new WeakMap<Span, bigint>();
  let last = 0n;
  const cursorAt = (number: bigint): string => encodeArrival({ of: "memory", number, key: "" });
  return {
    add: (span: Span): void => void numbers.set(span, (last += 1n)),
    /** The page of the spans that are there. */
    page: (spans: readonly Span[], { limit, cursor }: { limit: number; cursor?: string }): ArrivalPage => {
      checkLimit(limit);
      if (cursor === undefined) return { arrivals: [], cursor: cursorAt(last), isGap: false };
      const after = decodeArrival(cursor, "memory").number;
      if (after > last) return { arrivals: [], cursor: cursorAt(last), isGap: true };
      const arrivals = spans
        .map((span) => ({ span, number: numbers.get(span) ?? 0n }))
        .filter(({ number }) => number > after)
        .sort((a, b) => (a.number < b.number ? -1 : 1))
        .slice(0, limit)
        .map(({ span, number }) => ({ span, cursor: cursorAt(number) }));
      return { arrivals, cursor: arrivals.at(-1)?.cursor ?? cursor, isGap: false };
    },
  };
}
