import type { Readable, Writable } from "node:stream";
import type { Span } from "../model/span.ts";
import type { Direction } from "./exchange-table.ts";
import { lineFramer, type Piece } from "./framing.ts";
import { mcpSpans, type McpSpans, type McpSpansOptions } from "./mcp-spans.ts";

/** One side of a connection: what is read from it and what is written to it. */
export type Peer = { readonly input: Readable; readonly output: Writable };

/** What a finished relay has to tell. */
export type RelaySummary = {
  /** Lines and batches whose spans were lost to a fault of the watcher or of `onSpans`. */
  readonly faults: number;
  /** First read or write error of a stream, for example EPIPE. */
  readonly error?: Error;
};

/** A running relay. */
export type Relay = {
  /** Settles when the client has no more to say (its stream ended or broke). */
  readonly clientEnded: Promise<void>;
  /** Settles when the server's output has ended or the client takes no more, and all spans were handed over. */
  readonly closed: Promise<RelaySummary>;
};

/** How a relay is started. `onSpans` gets spans in batches and must not block: put a queue behind it. */
export type RelayOptions = Omit<McpSpansOptions, "onSpan"> & {
  readonly client: Peer;
  /** The server's stdout as `input`, its stdin as `output`. */
  readonly server: Peer;
  readonly onSpans: (spans: readonly Span[]) => void;
};

/**
 * Passes MCP messages both ways, line by line with backpressure, and makes spans of them. The bytes are those that came
 * in, but for the trace context in `params._meta` (off with `injectContext: false`). When one side ends, the other
 * side's output is ended.
 */
export function startRelay(options: RelayOptions): Relay {
  const batch = spanBatch(options.onSpans);
  const spans = mcpSpans({ ...options, onSpan: batch.add });
  const stop = new AbortController();
  const toServer = pump({
    from: options.client.input,
    to: options.server.output,
    signal: stop.signal,
    pass: passer(spans, "to-server"),
  });
  const toClient = pump({
    from: options.server.input,
    to: options.client.output,
    signal: stop.signal,
    pass: passer(spans, "to-client"),
  });
  const finish = async (): Promise<RelaySummary> => {
    const answered = await toClient;
    // Without a server nothing more can be passed on; the client may keep its end open for ever.
    stop.abort();
    const asked = await toServer;
    spans.close();
    batch.flush();
    const error = answered ?? asked;
    return { faults: spans.faults() + batch.faults(), ...(error !== undefined && { error }) };
  };
  return { clientEnded: toServer.then(() => undefined), closed: finish() };
}

/** Takes a piece and writes what is to be passed on; false asks the pump to wait for `drain`. */
type Pass = (piece: Piece, to: Writable) => boolean;

function passer(spans: McpSpans, direction: Direction): Pass {
  return (piece, to) => {
    if (!piece.whole) return to.write(piece.bytes);
    const { bytes, passed } = spans.accept(direction, piece.bytes);
    const more = to.write(bytes);
    passed();
    return more;
  };
}

/** Moves everything from one stream to the other, then ends that one. Resolves with the error that stopped it, if any. */
function pump(options: {
  readonly from: Readable;
  readonly to: Writable;
  readonly signal: AbortSignal;
  readonly pass: Pass;
}): Promise<Error | undefined> {
  const { from, to, signal, pass } = options;
  const framer = lineFramer();
  return new Promise((resolve) => {
    const write = (pieces: readonly Piece[]): boolean => {
      // What came together goes on together, in one call of the system.
      if (pieces.length > 1) to.cork();
      const more = pieces.map((piece) => pass(piece, to)).every(Boolean);
      if (pieces.length > 1) to.uncork();
      return more;
    };
    const onData = (chunk: Uint8Array): void => {
      if (!write(framer.push(chunk))) from.pause();
    };
    const onDrain = (): void => {
      from.resume();
    };
    const settle = (error?: Error): void => {
      from.off("data", onData).off("end", onEnd).off("close", onEnd);
      to.off("drain", onDrain).off("close", onStop);
      signal.removeEventListener("abort", onStop);
      if (!to.destroyed && !to.writableEnded) to.end();
      resolve(error);
    };
    const onEnd = (): void => {
      if (to.writable) write(framer.end());
      settle();
    };
    const onStop = (): void => {
      from.pause();
      settle();
    };
    from.on("data", onData).once("end", onEnd).once("close", onEnd);
    // Error listeners stay: a stream may report a broken pipe after the pump is done.
    from.on("error", settle);
    to.on("error", settle).on("drain", onDrain).once("close", onStop);
    signal.addEventListener("abort", onStop);
    if (from.readableEnded || from.destroyed) onEnd();
  });
}

function spanBatch(onSpans: (spans: readonly Span[]) => void) {
  let spans: Span[] = [];
  let scheduled = false;
  let faults = 0;
  const flush = (): void => {
    scheduled = false;
    if (spans.length === 0) return;
    const batch = spans;
    spans = [];
    try {
      onSpans(batch);
    } catch {
      // The traffic goes on without its spans; the summary tells.
      faults += 1;
    }
  };
  const add = (span: Span): void => {
    spans.push(span);
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };
  return { add, flush, faults: () => faults };
}
