import type { Readable, Writable } from "node:stream";
import type { Span } from "../model/span.ts";
import { captureDoor } from "../protect/capture-door.ts";
import type { RedactRules } from "../protect/redact.ts";
import { coalesce } from "./coalesce.ts";
import { PIPE } from "./exchange.ts";
import type { Direction } from "./exchange-table.ts";
import { lineFramer, type Piece } from "./framing.ts";
import { mcpSpans, type Accepted, type McpSpans, type McpSpansOptions } from "./mcp-spans.ts";
import type { TraceContext } from "./trace-context.ts";

/** One side of a connection: what is read from it and what is written to it. */
export type Peer = { readonly input: Readable; readonly output: Writable };

/** What a finished relay has to tell. */
export type RelaySummary = {
  /** Lines and batches whose spans, and values that, were lost to a fault of the watcher, of `onSpans` or the redaction. */
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
  /** What of captured content and of other texts is redacted besides the built-in rules. */
  readonly redact?: RedactRules | undefined;
  /** Context of whoever started the connection, for messages that carry none. */
  readonly parent?: TraceContext | undefined;
};

/**
 * Passes MCP messages both ways, line by line with backpressure, and makes spans of them. The bytes are those that came
 * in, but for the trace context in `params._meta` (off with `injectContext: false`). When one side ends, the other
 * side's output is ended.
 */
export function startRelay(options: RelayOptions): Relay {
  const door = captureDoor(options);
  const batch = spanBatch((spans) => options.onSpans(spans.map(door.span)));
  const spans = mcpSpans({ ...options, onSpan: batch.add });
  const stop = new AbortController();
  const toServer = pump({
    from: options.client.input,
    to: options.server.output,
    signal: stop.signal,
    pass: passer(spans, "to-server", options),
  });
  const toClient = pump({
    from: options.server.input,
    to: options.client.output,
    signal: stop.signal,
    pass: passer(spans, "to-client", options),
  });
  const finish = async (): Promise<RelaySummary> => {
    const answered = await toClient;
    // Without a server nothing more can be passed on; the client may keep its end open for ever.
    stop.abort();
    const asked = await toServer;
    spans.close();
    batch.flush();
    const error = answered ?? asked;
    return { faults: spans.faults() + batch.faults() + door.counts().faults, ...(error !== undefined && { error }) };
  };
  return { clientEnded: toServer.then(() => undefined), closed: finish() };
}

/** Takes a piece; the pump writes `bytes` and calls `passed` then. */
type Pass = (piece: Piece) => Pick<Accepted, "bytes" | "passed">;

const UNWATCHED = (): void => undefined;

function passer(spans: McpSpans, direction: Direction, { parent }: Pick<RelayOptions, "parent">): Pass {
  const wire = { ...PIPE, parent };
  return ({ bytes, whole }) => (whole ? spans.accept(direction, bytes, wire) : { bytes, passed: UNWATCHED });
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
      const taken = pieces.map(pass);
      // What came together goes on together, in one call of the system.
      const parts = coalesce(taken.map(({ bytes }) => bytes));
      if (parts.length > 1) to.cork();
      let more = true;
      for (const part of parts) more = to.write(part);
      if (parts.length > 1) to.uncork();
      for (const { passed } of taken) passed();
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
