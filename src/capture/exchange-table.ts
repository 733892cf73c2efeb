import type { Clock } from "../model/time.ts";
import type { Span } from "../model/span.ts";
import { exchangeSpans, type Exchange, type SpanIdentity } from "./exchange.ts";
import type { RpcMessage } from "./jsonrpc.ts";
import { negotiatedVersion, statedVersion, type Call } from "./mcp-attributes.ts";
import { outcomeOf, type Outcome } from "./mcp-status.ts";

/** Which way a line travels. */
export type Direction = "to-server" | "to-client";

/** A response message. */
export type Answer = Exclude<RpcMessage, Call>;

/** To be called once the line was written: makes the spans that end with it. */
export type Passed = () => void;

/** The exchanges of one connection that are under way. */
export type ExchangeTable = {
  readonly begin: (direction: Direction, exchange: Omit<Exchange, "sentMs">) => Passed;
  /** `answeredMs`: when the response came, monotonic ms. */
  readonly answer: (direction: Direction, message: Answer, answeredMs: number) => Passed;
  /** Ends every open exchange as an error of the transport. */
  readonly abandonAll: () => void;
};

const OPPOSITE = { "to-server": "to-client", "to-client": "to-server" } as const;
const nothing: Passed = () => undefined;

/**
 * Pairs requests with their responses, per direction and id, and makes their spans. A cancelled request ends at the
 * cancellation (a later response is passed on and makes no span); a request that reuses an open id ends the older one.
 */
export function exchangeTable(options: {
  readonly identity: SpanIdentity;
  readonly clock: Clock;
  readonly captureContent: boolean;
  readonly onSpan: (span: Span) => void;
}): ExchangeTable {
  const waiting = new Map<string, Exchange>();
  let sessionVersion: string | undefined;

  const finish = (exchange: Exchange, outcome: Outcome, answeredMs = options.clock.monotonicMs()): void => {
    const protocolVersion = statedVersion(exchange.call.params) ?? sessionVersion;
    const ending = { outcome, answeredMs, passedMs: options.clock.monotonicMs(), protocolVersion };
    for (const span of exchangeSpans(exchange, ending, options)) options.onSpan(span);
  };
  const abandon = (key: string, errorType: "cancelled" | "transport" | "duplicate_id"): void => {
    const open = waiting.get(key);
    waiting.delete(key);
    if (open) finish(open, { kind: "unanswered", errorType });
  };

  return {
    begin: (direction, begun) => {
      const exchange = { ...begun, sentMs: options.clock.monotonicMs() };
      const { call } = exchange;
      if (call.kind === "request") {
        const key = waitKey(direction, call.id);
        abandon(key, "duplicate_id");
        waiting.set(key, exchange);
        return nothing;
      }
      const cancelled = cancelledId(call);
      if (cancelled !== undefined) abandon(waitKey(direction, cancelled), "cancelled");
      return () => finish(exchange, { kind: "sent" });
    },
    answer: (direction, message, answeredMs) => {
      const key = waitKey(OPPOSITE[direction], message.id);
      const open = waiting.get(key);
      if (open === undefined) return nothing;
      waiting.delete(key);
      const outcome = outcomeOf(message);
      sessionVersion = negotiatedVersion(open.call, outcome) ?? sessionVersion;
      return () => finish(open, outcome, answeredMs);
    },
    abandonAll: () => {
      // Deleting the current entry of a map while iterating it is defined.
      for (const key of waiting.keys()) abandon(key, "transport");
    },
  };
}

function cancelledId(call: Call): string | undefined {
  const id = call.method === "notifications/cancelled" ? call.params["requestId"] : undefined;
  return typeof id === "string" || typeof id === "number" ? JSON.stringify(id) : undefined;
}

function waitKey(direction: Direction, id: string): string {
  return `${direction} ${id}`;
}
