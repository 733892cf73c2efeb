import type { Clock } from "../model/time.ts";
import type { Span } from "../model/span.ts";
import { exchangeSpans, type Exchange, type SpanIdentity } from "./exchange.ts";
import type { RpcMessage } from "./jsonrpc.ts";
import { negotiatedVersion, reportedVersion, statedVersion, type Call } from "./mcp-attributes.ts";
import { outcomeOf, type Outcome } from "./mcp-status.ts";
import type { Rounds } from "./rounds.ts";
import { acknowledgedId, isListen } from "./subscriptions.ts";

/** Which way a line travels. */
export type Direction = "to-server" | "to-client";

/** A response message. */
export type Answer = Exclude<RpcMessage, Call>;

/** What is to be called about a message that was taken; each works once, the second call does nothing. */
export type Entry = {
  /** The message was written: makes the spans that end with it. */
  readonly passed: () => void;
  /** The message or its answer got lost: ends what it began and is still open with this outcome. */
  readonly end: (outcome: Outcome) => void;
};

/** The exchanges of one connection that are under way. */
export type ExchangeTable = {
  readonly begin: (direction: Direction, exchange: Omit<Exchange, "sentMs">) => Entry;
  /** `answeredMs`: when the response came, monotonic ms. */
  readonly answer: (direction: Direction, message: Answer, answeredMs: number) => Entry;
  /** Ends every open exchange as an error of the transport. */
  readonly abandonAll: () => void;
};

/** What a server said last of its version; shared by connections to the same server. */
export type ReportedVersion = { version: string | undefined };

/** What a table needs. */
export type ExchangeTableOptions = {
  readonly identity: SpanIdentity;
  readonly clock: Clock;
  readonly captureContent: boolean;
  readonly rounds: Rounds;
  readonly onSpan: (span: Span) => void;
  readonly reported?: ReportedVersion | undefined;
};

const OPPOSITE = { "to-server": "to-client", "to-client": "to-server" } as const;
const NOTHING: Entry = { passed: () => undefined, end: () => undefined };
const SENT: Outcome = { kind: "sent" };

type Ends = { readonly outcome: Outcome; readonly answeredMs?: number };

/**
 * Pairs requests with their responses, per direction and id, and makes their spans. A cancelled request ends at the
 * cancellation (a later response is passed on and makes no span); a request that reuses an open id ends the older one;
 * `subscriptions/listen` ends at its acknowledgement, since its answer comes hours later.
 */
export function exchangeTable(options: ExchangeTableOptions): ExchangeTable {
  const waiting = new Map<string, Exchange>();
  let sessionVersion: string | undefined;
  const reported = options.reported ?? { version: undefined };
  let ownVersion: string | undefined;

  const finish = (exchange: Exchange, { outcome, answeredMs = options.clock.monotonicMs() }: Ends): void => {
    const { call, wire } = exchange;
    const protocolVersion = statedVersion(call.params) ?? wire.protocolVersion ?? sessionVersion;
    const serverVersion = ownVersion ?? reported.version;
    const ending = { outcome, answeredMs, passedMs: options.clock.monotonicMs(), protocolVersion, serverVersion };
    for (const span of exchangeSpans(exchange, ending, options)) options.onSpan(span);
  };
  const abandon = (key: string, outcome: Outcome): void => {
    const open = waiting.get(key);
    waiting.delete(key);
    if (open) finish(open, { outcome });
  };
  const learn = (call: Call, outcome: Outcome): void => {
    sessionVersion = negotiatedVersion(call, outcome) ?? sessionVersion;
    ownVersion = reportedVersion(outcome) ?? ownVersion;
    reported.version = ownVersion ?? reported.version;
  };

  return {
    begin: (direction, begun) => {
      const exchange = { ...begun, sentMs: options.clock.monotonicMs() };
      const { call } = exchange;
      if (call.kind === "request") {
        const key = waitKey(direction, call.id);
        abandon(key, { kind: "unanswered", errorType: "duplicate_id" });
        waiting.set(key, exchange);
        return { ...NOTHING, end: (outcome) => waiting.get(key) === exchange && abandon(key, outcome) };
      }
      endedBy(call, { direction, isListening: (key) => isListen(waiting.get(key)?.call), abandon });
      return onceEither((outcome) => finish(exchange, { outcome }), SENT);
    },
    answer: (direction, message, answeredMs) => {
      const key = waitKey(OPPOSITE[direction], message.id);
      const open = waiting.get(key);
      if (open === undefined) return NOTHING;
      waiting.delete(key);
      const answer = outcomeOf(message);
      learn(open.call, answer);
      if (answer.kind === "result") options.rounds.note(open.call, answer.result, open.server);
      return onceEither((outcome) => finish(open, { outcome, answeredMs }), answer);
    },
    abandonAll: () => {
      // Deleting the current entry of a map while iterating it is defined.
      for (const key of waiting.keys()) abandon(key, { kind: "unanswered", errorType: "transport" });
    },
  };
}

type Table = {
  readonly direction: Direction;
  readonly isListening: (key: string) => boolean;
  readonly abandon: (key: string, outcome: Outcome) => void;
};

/** Ends the request that a notification is about: one that it cancels, or one that it acknowledges. */
function endedBy(call: Call, { direction, isListening, abandon }: Table): void {
  const cancelled = cancelledId(call);
  if (cancelled !== undefined) {
    abandon(waitKey(direction, cancelled), { kind: "unanswered", errorType: "cancelled" });
  }
  const acknowledged = acknowledgedId(call);
  if (acknowledged === undefined) return;
  const key = waitKey(OPPOSITE[direction], acknowledged);
  if (isListening(key)) abandon(key, SENT);
}

function onceEither(finish: (outcome: Outcome) => void, whenPassed: Outcome): Entry {
  let done = false;
  const end = (outcome: Outcome): void => {
    if (!done) finish(outcome);
    done = true;
  };
  return { passed: () => end(whenPassed), end };
}

function cancelledId(call: Call): string | undefined {
  const id = call.method === "notifications/cancelled" ? call.params["requestId"] : undefined;
  return typeof id === "string" || typeof id === "number" ? JSON.stringify(id) : undefined;
}

function waitKey(direction: Direction, id: string): string {
  return `${direction} ${id}`;
}
