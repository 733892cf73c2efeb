import type { Span } from "../model/span.ts";
import type { Clock } from "../model/time.ts";
import type { Exchange, SpanIdentity } from "./exchange.ts";
import { exchangeTable, type Direction, type ExchangeTable, type Passed } from "./exchange-table.ts";
import { applySplices, traceparentSplice, type Splice } from "./inject.ts";
import { isObject, readMessages, type Located } from "./jsonrpc.ts";
import type { Call } from "./mcp-attributes.ts";
import { childContext, formatTraceparent, parseTraceparent, type RandomBytes } from "./trace-context.ts";

/** A line as it is to be passed on. Call `passed` once it was written: that ends the spans of what it answered. */
export type Accepted = { readonly bytes: Uint8Array; readonly passed: Passed };

/** How spans are made from the traffic of one connection. */
export type McpSpansOptions = {
  readonly identity: SpanIdentity;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Record arguments and results; default false. */
  readonly captureContent?: boolean | undefined;
  /** Write the CLIENT span's context into `params._meta`; default true. */
  readonly injectContext?: boolean | undefined;
  readonly onSpan: (span: Span) => void;
};

/** Watches one connection. None of its functions throws: a line that cannot be read passes unchanged. */
export type McpSpans = {
  /** Takes a line that came; the caller writes `bytes` to the other side. */
  readonly accept: (direction: Direction, line: Uint8Array) => Accepted;
  /** Ends what is still open as errors (`error.type` = `transport`). */
  readonly close: () => void;
  /** Lines whose spans were lost to a fault in here; 0 unless there is a bug. */
  readonly faults: () => number;
};

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Makes a SERVER and a CLIENT span per request and notification in either direction, after the MCP semantic
 * conventions (`docs/gen-ai/mcp.md`): names, attributes, context from and into `params._meta`, error rules per side.
 */
export function mcpSpans(options: McpSpansOptions): McpSpans {
  const table = exchangeTable({ ...options, captureContent: options.captureContent ?? false });
  let faults = 0;
  const guarded = <T>(work: () => T, otherwise: T): T => {
    try {
      return work();
    } catch {
      // Watching must never disturb the traffic; the count is reported when the connection ends.
      faults += 1;
      return otherwise;
    }
  };
  return {
    accept: (direction, line) =>
      guarded(
        () => {
          const { bytes, passed } = acceptLine({ options, table, direction }, line);
          return { bytes, passed: () => guarded(passed, undefined) };
        },
        { bytes: line, passed: () => undefined },
      ),
    close: () => guarded(table.abandonAll, undefined),
    faults: () => faults,
  };
}

type Watch = { readonly options: McpSpansOptions; readonly table: ExchangeTable; readonly direction: Direction };

function acceptLine({ options, table, direction }: Watch, line: Uint8Array): Accepted {
  const received = { startNs: options.clock.now(), receivedMs: options.clock.monotonicMs() };
  const text = decode(line);
  if (text === undefined) return { bytes: line, passed: () => undefined };
  const splices: Splice[] = [];
  const entries: (() => Passed)[] = [];
  for (const located of readMessages(text)) {
    const { message } = located;
    if (message.kind === "result" || message.kind === "error") {
      entries.push(() => table.answer(direction, message, received.receivedMs));
      continue;
    }
    const exchange = { call: message, ...received, ...contextsOf(message, options.random) };
    const splice = (options.injectContext ?? true) ? spliceOf(text, located, exchange) : undefined;
    if (splice) splices.push(splice);
    entries.push(() => table.begin(direction, exchange));
  }
  const bytes = splices.length === 0 ? line : encoder.encode(applySplices(text, splices));
  const ends = entries.map((enter) => enter());
  return { bytes, passed: () => ends.forEach((end) => end()) };
}

function contextsOf(call: Call, random: RandomBytes): Pick<Exchange, "parent" | "server" | "client"> {
  const meta = call.params["_meta"];
  const parent = isObject(meta) ? parseTraceparent(meta["traceparent"]) : undefined;
  const server = childContext(parent, random);
  return { parent, server, client: childContext(server, random) };
}

function spliceOf(text: string, located: Located, exchange: Pick<Exchange, "client">): Splice | undefined {
  return traceparentSplice(text, located.start, formatTraceparent(exchange.client));
}

function decode(line: Uint8Array): string | undefined {
  try {
    return decoder.decode(line);
  } catch {
    // Not UTF-8, so no JSON-RPC: it passes as it is.
    return undefined;
  }
}
