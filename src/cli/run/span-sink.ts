import type { Span } from "../../model/span.ts";
import { isPostgresUrl } from "../../store/open.ts";
import type { SpanStore } from "../../store/port.ts";
import { openSpanStore, spanStoreUrl } from "../../wire.ts";
import type { Io } from "../io.ts";
import { storeThread } from "./store-thread.ts";

/** Where a proxy's spans go. */
export type SpanSink = AsyncDisposable & {
  /** As people call it. */
  readonly name: string;
  readonly write: (spans: readonly Span[]) => Promise<void>;
  /** Writes that may be under way at once. */
  readonly inFlight: number;
};

/** One batch is encoded while the endpoint makes the one before durable. */
const OTLP_IN_FLIGHT = 2;

/** What the flags say about it. */
type SinkFlags = { readonly otlp?: string; readonly db?: string };

/** The OTLP endpoint when one is named, else the store. */
export function spanSink({ otlp, db }: SinkFlags, io: Io): SpanSink {
  if (otlp !== undefined) return { name: "the OTLP endpoint", inFlight: OTLP_IN_FLIGHT, ...storeThread({ otlp }) };
  const places = { cwd: io.cwd, ...(db !== undefined && { db }) };
  const url = spanStoreUrl(places, io.env);
  return isPostgresUrl(url)
    ? storeSink(places, io)
    : { name: "the store", inFlight: 1, ...storeThread({ store: url }) };
}

/** Opens the store while the traffic already flows: a store that does not open costs spans, never the connection. */
function storeSink(places: { readonly cwd: string; readonly db?: string }, io: Io): SpanSink {
  const opened = openSpanStore(places, io.env);
  opened.catch(() => undefined); // reported by each write that needs it, and counted there
  return {
    name: "the store",
    inFlight: 1,
    write: async (spans) => void (await (await opened).append(spans)),
    [Symbol.asyncDispose]: async () => {
      const store = await opened.catch((): SpanStore | undefined => undefined);
      await store?.[Symbol.asyncDispose]();
    },
  };
}
