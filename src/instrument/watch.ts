import { followConnection, type Connection, type Passage } from "./connection.ts";
import type { Abort } from "./ending.ts";
import { isObject } from "../capture/jsonrpc.ts";
import type { Workshop } from "./operation.ts";
import { isTransport, type Transport } from "./transport.ts";

/** Watches transports of the MCP SDK. None of its functions throws. */
export type Watcher = {
  /**
   * Follows every message of a transport from now on. Watching it again covers callbacks that were set since and
   * changes nothing else.
   */
  readonly watch: (transport: unknown) => void;
  /** Runs a call that may send a request, and remembers how that request can be aborted. */
  readonly requesting: <T>(signal: unknown, call: () => T) => T;
  /** Ends what is open on every connection with a session, for the end of the process. */
  readonly closeAll: () => void;
};

/** Sessions whose end the end of the process records; those above it are left out of the session metrics there. */
const MOST_SESSIONS = 1_000;

/** Makes a {@link Watcher} whose operations come from one workshop. */
export function transportWatcher(workshop: Workshop): Watcher {
  const { guard } = workshop;
  const watched = new WeakMap<object, Watch>();
  const sessions = new Set<() => void>();
  const requests = requestInProgress();
  const onSession = (close: () => void): (() => void) => {
    if (sessions.size < MOST_SESSIONS) sessions.add(close);
    return () => sessions.delete(close);
  };
  return {
    watch: (transport) =>
      guard.attempt(
        "watch",
        () => {
          if (!isTransport(transport)) return;
          const known = watched.get(transport);
          if (known !== undefined) return wrapCallbacks(transport, known);
          const connection = followConnection(workshop, transport, onSession);
          const watch = { workshop, connection, take: requests.take, own: new WeakSet<object>() };
          watched.set(transport, watch);
          wrap(transport, watch);
        },
        undefined,
      ),
    requesting: requests.during,
    closeAll: () => {
      for (const close of sessions) guard.attempt("close", close, undefined);
    },
  };
}

type Watch = {
  readonly workshop: Workshop;
  readonly connection: Connection;
  readonly take: () => Abort;
  /** Callbacks that were made here. */
  readonly own: WeakSet<object>;
  /** The message that is being handed up: callbacks that were wrapped at an earlier start see it again. */
  handing?: unknown;
};

function wrap(transport: Transport, watch: Watch): void {
  const { send, start } = transport;
  transport.send = function watchedSend(this: unknown, ...args) {
    const passage = sendPassage(watch, args);
    return settled(passage, watch, () =>
      passOn(passage, watch, (message) => send.call(transport, message, ...args.slice(1))),
    );
  };
  // `connect` sets the callbacks and then starts the transport; messages may come from within `start`.
  transport.start = function watchedStart(this: unknown, ...args) {
    watch.workshop.guard.attempt("start", () => wrapCallbacks(transport, watch), undefined);
    return start.apply(transport, args);
  };
}

/** Callbacks that `connect` set and that are not wrapped yet. */
function wrapCallbacks(transport: Transport, watch: Watch): void {
  const { onmessage, onclose } = transport;
  if (onmessage !== undefined && !watch.own.has(onmessage)) {
    transport.onmessage = receiver(transport, watch, onmessage);
    watch.own.add(transport.onmessage);
  }
  if (onclose !== undefined && watch.own.has(onclose)) return;
  transport.onclose = (...args) => {
    watch.workshop.guard.attempt("close", watch.connection.close, undefined);
    return onclose?.apply(transport, args);
  };
  watch.own.add(transport.onclose);
}

type Callback = NonNullable<Transport["onmessage"]>;

function receiver(transport: Transport, watch: Watch, onmessage: Callback): Callback {
  const { connection, workshop } = watch;
  return (message, ...rest) => {
    const pass = (passed: unknown): unknown => onmessage.call(transport, passed, ...rest);
    if (message === watch.handing) return pass(message);
    watch.handing = message;
    const passage = workshop.guard.attempt<Passage>("receive", () => connection.receive(message, rest[0]), { message });
    try {
      return passOn(passage, watch, pass);
    } finally {
      watch.handing = undefined;
      workshop.guard.attempt("received", () => passage.done?.(), undefined);
    }
  };
}

function sendPassage({ workshop, connection, take }: Watch, [message, options]: readonly unknown[]): Passage {
  const abort = isRequest(message) ? take() : { known: false };
  const stream = isObject(options) ? options["requestSignal"] : undefined;
  const about = { abort, stream: stream instanceof AbortSignal ? stream : undefined };
  return workshop.guard.attempt<Passage>("send", () => connection.send(message, about), { message });
}

function isRequest(message: unknown): boolean {
  return isObject(message) && "method" in message && "id" in message;
}

type Ran<T> = { readonly value: T } | { readonly error: unknown };

/** Runs the host's call once, in the passage's context when that can be had, and gives or throws what it gives or throws. */
function passOn<T>(passage: Passage, { workshop }: Watch, call: (message: unknown) => T): T {
  const { context, message } = passage;
  if (context === undefined) return call(message);
  const run = (): Ran<T> => {
    try {
      return { value: call(message) };
    } catch (error) {
      return { error };
    }
  };
  const inside: { ran?: Ran<T> } = {};
  const enter = (): void => {
    inside.ran = run();
  };
  workshop.guard.attempt("context", () => workshop.telemetry.runIn(context, enter), undefined);
  const ran = inside.ran ?? run();
  if ("error" in ran) throw ran.error;
  return ran.value;
}

/** Tells the passage how the sending went; the promise, its value and its error stay those of the transport. */
function settled(passage: Passage, { workshop }: Watch, send: () => unknown): unknown {
  const { done } = passage;
  if (done === undefined) return send();
  const tell = (failure?: { readonly error: unknown }): void =>
    workshop.guard.attempt("sent", () => done(failure), undefined);
  let sending: unknown;
  try {
    sending = send();
  } catch (error) {
    tell({ error });
    throw error;
  }
  if (!(sending instanceof Promise)) {
    tell();
    return sending;
  }
  return sending.then(
    (value: unknown) => {
      tell();
      return value;
    },
    (error: unknown) => {
      tell({ error });
      throw error;
    },
  );
}

/**
 * Hands the abort signal of `request(…, {signal})` to the message that this call sends, which it does before it
 * returns.
 */
function requestInProgress(): { during: Watcher["requesting"]; take: () => Abort } {
  let current: Abort = { known: false };
  return {
    during: (signal, call) => {
      const outer = current;
      current = { known: true, signal: signal instanceof AbortSignal ? signal : undefined };
      try {
        return call();
      } finally {
        current = outer;
      }
    },
    take: () => {
      const taken = current;
      current = { known: false };
      return taken;
    },
  };
}
