import type { Span } from "../../model/span.ts";
import { isPostgresUrl, openStore } from "../../store/open.ts";
import type { SpanStore } from "../../store/port.ts";
import type { CommonOptions } from "../command.ts";
import { commandStoreUrl } from "../command-store.ts";
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
type SinkFlags = CommonOptions & { readonly otlp?: string };

/** The OTLP endpoint when one is named, else the store. */
export async function spanSink({ otlp, ...options }: SinkFlags, io: Io): Promise<SpanSink> {
  if (otlp !== undefined) return { name: "the OTLP endpoint", inFlight: OTLP_IN_FLIGHT, ...storeThread({ otlp }) };
  const url = await commandStoreUrl(options, io);
  return isPostgresUrl(url) ? storeSink(url) : { name: "the store", inFlight: 1, ...storeThread({ store: url }) };
}

/** Opens the store while the traffic already flows: a store that does not open costs spans, never the connection. */
function storeSink(url: string): SpanSink {
  const opened = openStore({ url });
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
