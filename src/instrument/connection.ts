import type { Context } from "@opentelemetry/api";
import type { JsonObject, RpcMessage } from "../capture/jsonrpc.ts";
import { negotiatedVersion, statedVersion, type Call } from "../capture/mcp-attributes.ts";
import { outcomeOf } from "../capture/mcp-status.ts";
import { acknowledgedId, isListen } from "../capture/subscriptions.ts";
import { readMessage } from "./attributes.ts";
import { reasonOf, thrown, type Abort } from "./ending.ts";
import { beginOperation, endOperation, type Ending, type Operation, type Workshop } from "./operation.ts";
import { headerOf, remoteContext, requestSignal, senderContext, withContext } from "./propagation.ts";
import { endSession, type Session } from "./session.ts";
import type { Side } from "./telemetry.ts";
import { networkOf, type Transport } from "./transport.ts";

/** What to do with a message: pass `message` on, inside `context` when there is one, then say how that went. */
export type Passage = {
  readonly message: unknown;
  readonly context?: Context;
  readonly done?: (failure?: { readonly error: unknown }) => void;
};

/** One connection of a client or a server. */
export type Connection = {
  readonly send: (
    message: unknown,
    options: { readonly abort: Abort; readonly stream?: AbortSignal | undefined },
  ) => Passage;
  readonly receive: (message: unknown, extra: unknown) => Passage;
  /** Ends what is open as an error of the transport, and the session. May be called more than once. */
  readonly close: () => void;
};

/** Requests of one direction that may be open at once; above it requests pass without a span, and are counted. */
const MOST_OPEN = 10_000;

type Open = { readonly operation: Operation; readonly abort: Abort };

type State = {
  readonly workshop: Workshop;
  readonly transport: Transport;
  readonly network: ReturnType<typeof networkOf>;
  readonly sent: Map<string, Open>;
  readonly received: Map<string, Open>;
  /** Revision settled by `initialize`, or stated by an HTTP header. */
  version: string | undefined;
  session: Session | undefined;
};

/**
 * Follows the messages of one connection in both directions: a CLIENT operation for each that is sent, a SERVER
 * operation for each that is received. `onSession` is told when a session begins and gives back what to call at its end.
 */
export function followConnection(
  workshop: Workshop,
  transport: Transport,
  onSession: (close: () => void) => () => void,
): Connection {
  const state: State = {
    workshop,
    transport,
    network: networkOf(transport),
    sent: new Map(),
    received: new Map(),
    version: undefined,
    session: undefined,
  };
  const close = (): void => closeConnection(state);
  const begun = (call: Call, side: Side): void => {
    if (call.method !== "initialize") return;
    state.session ??= { side, startedMs: workshop.telemetry.nowMs(), onEnd: onSession(close) };
  };
  return {
    send: (message, options) => {
      const read = readMessage(message);
      if (read === undefined) return { message };
      if (read.kind === "result" || read.kind === "error") return answer(state, message, read);
      begun(read, "client");
      return send(state, { message: message as JsonObject, call: read }, options);
    },
    receive: (message, extra) => {
      const read = readMessage(message);
      if (read === undefined) return { message };
      if (read.kind === "result" || read.kind === "error") return answered(state, message, read);
      begun(read, "server");
      return receive(state, { message, call: read }, extra);
    },
    close,
  };
}

type Answer = Exclude<RpcMessage, Call>;

function send(
  state: State,
  { message, call }: { message: JsonObject; call: Call },
  options: { readonly abort: Abort; readonly stream?: AbortSignal | undefined },
): Passage {
  const { telemetry, guard } = state.workshop;
  endNamed(state, call, { own: state.sent, other: state.received });
  if (full(state.sent, call, state)) return { message };
  const parent = senderContext(telemetry, telemetry.active(), call.params);
  const operation = beginOperation(state.workshop, "client", { call, network: state.network.client, parent });
  const passage = {
    message: guard.attempt("inject", () => withContext(telemetry, message, operation.context), message),
    context: operation.context,
  };
  if (call.kind === "notification") {
    return { ...passage, done: (failure) => end(state, operation, failure ? thrown(failure.error) : { kind: "sent" }) };
  }
  open(state, state.sent, { operation, abort: options.abort });
  const { stream } = options;
  // SDK 2.x cancels on the stateless wire by closing the request's own stream, without any message.
  stream?.addEventListener("abort", () => finish(state, { table: state.sent, id: call.id }, reasonOf(options.abort)), {
    once: true,
  });
  return {
    ...passage,
    done: (failure) => {
      if (failure !== undefined) finish(state, { table: state.sent, id: call.id }, thrown(failure.error));
    },
  };
}

function receive(state: State, { message, call }: { message: unknown; call: Call }, extra: unknown): Passage {
  const { telemetry } = state.workshop;
  state.version ??= headerOf(extra, "mcp-protocol-version");
  endNamed(state, call, { own: state.received, other: state.sent });
  if (full(state.received, call, state)) return { message };
  const ambient = telemetry.active();
  const parent = remoteContext(telemetry, ambient, { params: call.params, extra });
  const { network } = state;
  const operation = beginOperation(state.workshop, "server", { call, network: network.server, parent, ambient });
  if (call.kind === "notification") {
    return { message, context: operation.context, done: () => end(state, operation, { kind: "sent" }) };
  }
  open(state, state.received, { operation, abort: { known: false, signal: requestSignal(extra) } });
  return { message, context: operation.context };
}

/** A response that this side sends: it ends the SERVER operation once it was written. */
function answer(state: State, message: unknown, read: Answer): Passage {
  const found = take(state.received, read.id);
  if (found === undefined) return { message };
  const outcome = outcomeOf(read);
  settleVersion(state, found.operation.call, outcome);
  noteRound(state, found.operation, outcome);
  return {
    message,
    done: (failure) => end(state, found.operation, failure === undefined ? outcome : thrown(failure.error)),
  };
}

/** A response that came: it ends the CLIENT operation. */
function answered(state: State, message: unknown, read: Answer): Passage {
  const found = take(state.sent, read.id);
  if (found === undefined) return { message };
  const outcome = outcomeOf(read);
  settleVersion(state, found.operation.call, outcome);
  end(state, found.operation, outcome);
  return { message };
}

/** A result that asks for input: the request that brings it links to this one. */
function noteRound({ workshop }: State, { call, span }: Operation, outcome: ReturnType<typeof outcomeOf>): void {
  if (outcome.kind !== "result") return;
  const { traceId, spanId, traceFlags } = span.spanContext();
  workshop.rounds.note(call, outcome.result, { traceId, spanId, flags: traceFlags.toString(16).padStart(2, "0") });
}

function settleVersion(state: State, call: Call, outcome: ReturnType<typeof outcomeOf>): void {
  state.version = negotiatedVersion(call, outcome) ?? state.version;
}

function open(state: State, table: Map<string, Open>, entry: Open): void {
  const { call } = entry.operation;
  if (call.kind !== "request") return;
  finish(state, { table, id: call.id }, { kind: "unanswered", errorType: "duplicate_id" });
  table.set(call.id, entry);
}

function full(table: Map<string, Open>, call: Call, { workshop }: State): boolean {
  if (call.kind !== "request" || table.size < MOST_OPEN) return false;
  workshop.guard.attempt("dropped", () => workshop.telemetry.dropped("too_many_open"), undefined);
  return true;
}

function take(table: Map<string, Open>, id: string): Open | undefined {
  const found = table.get(id);
  table.delete(id);
  return found;
}

function finish(state: State, at: { table: Map<string, Open>; id: string }, ending: Ending): void {
  const found = take(at.table, at.id);
  if (found !== undefined) end(state, found.operation, ending);
}

function end(state: State, operation: Operation, ending: Ending): void {
  const { protocolVersion, sessionId } = state.transport;
  const version = statedVersion(operation.call.params) ?? state.version ?? text(protocolVersion);
  const session = text(sessionId);
  endOperation(state.workshop, operation, { ending, version, session });
}

type Tables = { readonly own: Map<string, Open>; readonly other: Map<string, Open> };

/**
 * Ends the request that a notification names: a cancelled one (a late response passes and makes no span), or a
 * subscription that is acknowledged (what follows is its life and no latency of anything).
 */
function endNamed(state: State, call: Call, { own, other }: Tables): void {
  const cancelled = call.method === "notifications/cancelled" ? call.params["requestId"] : undefined;
  if (typeof cancelled === "string" || typeof cancelled === "number") {
    const found = take(own, JSON.stringify(cancelled));
    if (found !== undefined) end(state, found.operation, reasonOf(found.abort));
  }
  const acknowledged = acknowledgedId(call);
  if (acknowledged === undefined || !isListen(other.get(acknowledged)?.operation.call)) return;
  finish(state, { table: other, id: acknowledged }, { kind: "sent" });
}

function closeConnection(state: State): void {
  const broken = state.sent.size + state.received.size > 0;
  for (const table of [state.sent, state.received]) {
    // Deleting the current entry of a map while iterating it is defined.
    for (const [id, { abort }] of table) {
      // On the stateless wire closing the stream of a request is how it is cancelled.
      const errorType = abort.signal?.aborted === true ? "cancelled" : "transport";
      finish(state, { table, id }, { kind: "unanswered", errorType });
    }
  }
  const { session } = state;
  state.session = undefined;
  if (session === undefined) return;
  const { guard } = state.workshop;
  guard.attempt("session", session.onEnd, undefined);
  guard.attempt("session", () => endSession(state, session, broken), undefined);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
