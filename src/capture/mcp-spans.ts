import type { Span, SpanLink } from "../model/span.ts";
import type { Clock } from "../model/time.ts";
import { PIPE, type Exchange, type SpanIdentity, type Wire } from "./exchange.ts";
import {
  exchangeTable,
  type Direction,
  type Entry,
  type ExchangeTable,
  type ReportedVersion,
} from "./exchange-table.ts";
import { applySplices, traceparentSplice, type Splice } from "./inject.ts";
import { isObject, readMessages, type Located } from "./jsonrpc.ts";
import type { Call } from "./mcp-attributes.ts";
import type { Outcome } from "./mcp-status.ts";
import { rounds, type Rounds } from "./rounds.ts";
import { childContext, formatTraceparent, parseTraceparent, type RandomBytes } from "./trace-context.ts";

/** Bytes that were read as JSON-RPC: `messages` is empty when they are none. */
export type Line = { readonly bytes: Uint8Array; readonly text: string; readonly messages: readonly Located[] };

/** A line as it is to be passed on. Call `passed` once it was written, or `end` when it or its answer got lost. */
export type Accepted = { readonly bytes: Uint8Array } & Entry;

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
  /** What spans carry as version when `identity.version` is not given; default: this connection's own. */
  readonly reported?: ReportedVersion | undefined;
  /** Shared by connections whose clients may go on with an operation on another one; default: this one's own. */
  readonly rounds?: Rounds | undefined;
};

/** Watches one connection. None of its functions throws: a line that cannot be read passes unchanged. */
export type McpSpans = {
  /** Takes a line that came; the caller writes `bytes` to the other side. `wire`: default stdio. */
  readonly accept: (direction: Direction, line: Uint8Array | Line, wire?: Wire) => Accepted;
  /** Ends what is still open as errors (`error.type` = `transport`). */
  readonly close: () => void;
  /** Lines whose spans were lost to a fault in here; 0 unless there is a bug. */
  readonly faults: () => number;
};

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Makes a SERVER and a CLIENT span per request and notification in either direction, after the MCP semantic
 * conventions (`docs/gen-ai/mcp.md`): names, attributes, context from and into `params._meta`, error rules per side.
 */
export function mcpSpans(options: McpSpansOptions): McpSpans {
  const known = options.rounds ?? rounds();
  const table = exchangeTable({
    identity: options.identity,
    clock: options.clock,
    onSpan: options.onSpan,
    reported: options.reported,
    captureContent: options.captureContent ?? false,
    rounds: known,
  });
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
    accept: (direction, line, wire = PIPE) => {
      const isRead = "messages" in line;
      const bytes = isRead ? line.bytes : line;
      return guarded(
        () => {
          const read = isRead ? line : readLine(line);
          const accepted = acceptLine({ options, table, direction, wire, rounds: known }, read);
          return {
            bytes: accepted.bytes,
            passed: () => guarded(accepted.passed, undefined),
            end: (outcome: Outcome) => guarded(() => accepted.end(outcome), undefined),
          };
        },
        { bytes, passed: () => undefined, end: () => undefined },
      );
    },
    close: () => guarded(table.abandonAll, undefined),
    faults: () => faults,
  };
}

/** Reads bytes as JSON-RPC; what is not UTF-8 or not JSON has no messages. Never throws. */
export function readLine(bytes: Uint8Array): Line {
  const text = decode(bytes);
  return { bytes, text: text ?? "", messages: text === undefined ? [] : readMessages(text) };
}

type Watch = {
  readonly options: McpSpansOptions;
  readonly table: ExchangeTable;
  readonly direction: Direction;
  readonly wire: Wire;
  readonly rounds: Rounds;
};

function acceptLine(watch: Watch, { bytes, text, messages }: Line): Accepted {
  const { options, table, direction, wire } = watch;
  const received = { startNs: options.clock.now(), receivedMs: options.clock.monotonicMs() };
  const splices: Splice[] = [];
  const entries: (() => Entry)[] = [];
  for (const located of messages) {
    const { message } = located;
    if (message.kind === "result" || message.kind === "error") {
      entries.push(() => table.answer(direction, message, received.receivedMs));
      continue;
    }
    const exchange = { call: message, wire, ...received, ...contextsOf(message, watch) };
    const splice = (options.injectContext ?? true) ? spliceOf(text, located, exchange) : undefined;
    if (splice) splices.push(splice);
    entries.push(() => table.begin(direction, exchange));
  }
  const changed = splices.length === 0 ? bytes : applySplices(bytes, text, splices);
  const begun = entries.map((enter) => enter());
  return {
    bytes: changed,
    passed: () => begun.forEach((entry) => entry.passed()),
    end: (outcome) => begun.forEach((entry) => entry.end(outcome)),
  };
}

function contextsOf(
  call: Call,
  { options, wire, rounds: known }: Watch,
): Pick<Exchange, "parent" | "server" | "client" | "links"> {
  const meta = call.params["_meta"];
  const parent = (isObject(meta) ? parseTraceparent(meta["traceparent"]) : undefined) ?? wire.parent;
  const server = childContext(parent, options.random);
  const earlier = known.earlier(call);
  const links: SpanLink[] = earlier ? [{ traceId: earlier.traceId, spanId: earlier.spanId, attributes: {} }] : [];
  return { parent, server, client: childContext(server, options.random), links };
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
