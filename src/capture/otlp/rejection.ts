import { WhetstoneError } from "../../model/error.ts";
import type { Span } from "../../model/span.ts";

/** Why spans were left out, and how many for that reason. */
export type Rejected = { readonly reason: string; readonly count: number };

/** What a decoder made of a document. A bad span never costs its neighbours. */
export type Decoded = { readonly spans: Span[]; readonly rejected: Rejected[] };

/** The same of anything that a decoder makes. */
export type DecodedItems<Item> = { readonly items: Item[]; readonly rejected: Rejected[] };

/** Collects spans; what a decoder rejects is counted under its reason. */
export function decodedSpans() {
  const { result, ...collecting } = decodedItems<Span>();
  return {
    ...collecting,
    result: (): Decoded => {
      const { items, rejected } = result();
      return { spans: items, rejected };
    },
  };
}

/** Collects what a decoder makes; what it rejects is counted under its reason. */
export function decodedItems<Item>() {
  const items: Item[] = [];
  const counts = new Map<string, number>();
  const refuse = (error: unknown, count: number): void => {
    if (!(error instanceof WhetstoneError)) throw error;
    counts.set(error.message, (counts.get(error.message) ?? 0) + count);
  };
  return {
    /**
     * Runs a decoder for one item, or for a part of a document that holds `size()` of them; only {@link reject} counts,
     * other errors are defects.
     */
    attempt: (decode: () => Item | undefined, size = () => 1): void => {
      try {
        const item = decode();
        if (item !== undefined) items.push(item);
      } catch (error) {
        refuse(error, size());
      }
    },
    /** Counts items that were left out for what {@link reject} threw; throws any other error on. */
    refuse,
    result: (): DecodedItems<Item> => ({
      items,
      rejected: [...counts].map(([reason, count]) => ({ reason, count })),
    }),
  };
}

/** Errors by reason, made once: a stack for each bad span would make a body of bad spans cost seconds. */
const rejections = new Map<string, WhetstoneError>();
/** More reasons than decoders have; beyond it errors are made anew. */
const MOST_REASONS = 200;

/** Ends the decoding of the current item. The reason names the field, never its value. */
export function reject(reason: string): never {
  const error = rejections.get(reason) ?? new WhetstoneError("input_unreadable", reason);
  if (rejections.size < MOST_REASONS) rejections.set(reason, error);
  throw error;
}

/** What a decoder returned, or what it rejected with; throws any other error on. */
export function attempt<T>(decode: () => T): { readonly value: T } | { readonly error: WhetstoneError } {
  try {
    return { value: decode() };
  } catch (error) {
    if (error instanceof WhetstoneError) return { error };
    throw error;
  }
}

/** Sums of both, reasons joined. */
export function joinRejected(left: readonly Rejected[], right: readonly Rejected[]): Rejected[] {
  const counts = new Map(left.map(({ reason, count }) => [reason, count]));
  for (const { reason, count } of right) counts.set(reason, (counts.get(reason) ?? 0) + count);
  return [...counts].map(([reason, count]) => ({ reason, count }));
}
