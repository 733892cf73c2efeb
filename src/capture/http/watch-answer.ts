import type { IncomingMessage } from "node:http";
import type { Wire } from "../exchange.ts";
import { isObject } from "../jsonrpc.ts";
import { readLine } from "../mcp-spans.ts";
import type { Outcome } from "../mcp-status.ts";
import { contentDecoder, isIdentity } from "./content-coding.ts";
import { eventStream, type EventStream, type Passing } from "./event-stream.ts";
import { mediaType } from "./headers.ts";
import { collector, type Collected, type HoldBudget } from "./request-body.ts";
import type { Scope } from "./scope.ts";

/** What an answer showed when it was through. */
export type Seen = {
  /** An error that names no request, such as the SDK's for an unknown session. */
  readonly error?: Outcome;
  /** Messages that could not be read. */
  readonly unread: number;
  /** Events had ids: the rest may come on another stream. */
  readonly isResumable: boolean;
};

/** Reads an answer on its way. */
export type AnswerWatch = {
  /** The bytes to pass on for a chunk that came. */
  readonly push: (chunk: Uint8Array) => Passing;
  /** The bytes that were held back; nothing comes after it. */
  readonly end: () => Passing;
  readonly seen: () => Promise<Seen>;
};

/** How an answer is read. */
export type WatchOptions = {
  readonly scope: Scope;
  readonly wire: Wire;
  readonly budget: HoldBudget;
  /** It comes from the MCP endpoint. */
  readonly isMcp: boolean;
};

const NOTHING_SEEN: Seen = { unread: 0, isResumable: false };

/** Errors that name no request are short. */
const ERROR_LIMIT_BYTES = 64 * 1024;

/** Chooses by content type; what is neither JSON nor an event stream passes unread. */
export function watchAnswer(incoming: IncomingMessage, options: WatchOptions): AnswerWatch {
  const type = options.isMcp ? mediaType(incoming.headers["content-type"]) : "";
  const coding = incoming.headers["content-encoding"];
  if (type === "text/event-stream") return isIdentity(coding) ? watchEvents(options) : beside(coding, options, events);
  if (type === "application/json") return beside(coding, options, json);
  return { push: asItIs, end: nothing, seen: () => Promise.resolve(NOTHING_SEEN) };
}

const asItIs = (chunk: Uint8Array): Passing => ({ parts: [chunk], passed: () => undefined });
const nothing = (): Passing => ({ parts: [], passed: () => undefined });

function watchEvents(options: WatchOptions): AnswerWatch {
  const stream = openEvents(options);
  return { push: stream.push, end: stream.end, seen: () => Promise.resolve(seenIn(stream)) };
}

/** Reads copies of the bytes, which pass unchanged. */
type Reader = { readonly add: (bytes: Uint8Array) => void; readonly seen: () => Seen };

function beside(coding: string | undefined, options: WatchOptions, open: (o: WatchOptions) => Reader): AnswerWatch {
  const reader = open(options);
  if (isIdentity(coding)) {
    const push = (chunk: Uint8Array): Passing => {
      reader.add(chunk);
      return asItIs(chunk);
    };
    return { push, end: nothing, seen: () => Promise.resolve(reader.seen()) };
  }
  const limitBytes = options.budget.messageBytes;
  const decoder = contentDecoder(coding ?? "", { limitBytes, onBytes: reader.add });
  const push = (chunk: Uint8Array): Passing => {
    decoder?.push(chunk);
    return asItIs(chunk);
  };
  const seen = async (): Promise<Seen> => {
    const isRead = (await decoder?.end()) ?? false;
    const result = reader.seen();
    return isRead ? result : { ...result, unread: Math.max(1, result.unread) };
  };
  return { push, end: nothing, seen };
}

function openEvents({ scope, wire, budget }: WatchOptions): EventStream {
  return eventStream({
    limitBytes: budget.messageBytes,
    read: (bytes) => {
      const line = readLine(bytes);
      return line.messages.length === 0 ? undefined : scope.spans.accept("to-client", line, wire);
    },
  });
}

function events(options: WatchOptions): Reader {
  const stream = openEvents(options);
  return { add: (bytes) => stream.push(bytes).passed(), seen: () => seenIn(stream) };
}

function seenIn(stream: EventStream): Seen {
  return { unread: stream.unread(), isResumable: stream.isResumable() };
}

function json({ scope, wire, budget }: WatchOptions): Reader {
  const collected: Collected = collector(budget);
  const seen = (): Seen => {
    const bytes = collected.take();
    if (bytes === undefined) return { ...NOTHING_SEEN, unread: 1 };
    const line = readLine(bytes);
    scope.spans.accept("to-client", line, wire).passed();
    const error = line.messages.length === 0 ? namelessError(bytes, line.text) : undefined;
    return { ...NOTHING_SEEN, ...(error && { error }) };
  };
  return { add: collected.add, seen };
}

/** A JSON-RPC error whose id is null: it is about the request, which could not be read or was not let in. */
function namelessError({ length }: Uint8Array, text: string): Outcome | undefined {
  if (length > ERROR_LIMIT_BYTES) return undefined;
  const value = parsed(text);
  const error = isObject(value) ? value["error"] : undefined;
  if (!isObject(error) || typeof error["code"] !== "number") return undefined;
  return { kind: "error", code: error["code"], message: typeof error["message"] === "string" ? error["message"] : "" };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The server's own words, which pass as they are.
    return undefined;
  }
}
