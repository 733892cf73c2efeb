/**
 * The shadow of a proxy on Streamable HTTP. The traffic only hands over what it has read already; all else is done
 * later, in turns of the event loop of its own, one message and one call at a time, over connections of its own. A turn
 * reads at most one message of {@link SHADOW_LIMITS}.messageBytes: that is all that a client can ever wait for it.
 */
import type { Clock } from "../../model/time.ts";
import type { Line } from "../mcp-spans.ts";
import { openMirror, SHADOW_LIMITS, type Heard, type Mirror, type ShadowLimits, type ShadowRecord } from "../mirror.ts";
import type { RawHeaders } from "./headers.ts";
import { sessionPeer, type SessionPeer, type ShadowClient, type ShadowWire } from "./shadow-peer.ts";
import { openUpstream, type Upstream } from "./upstream.ts";

/** Which server is called again, and how. */
export type HttpShadowOptions = {
  readonly candidate: URL;
  /** The server that shows what differs by itself: the baseline, or another instance of it. */
  readonly reference: URL;
  /** Tools that may be called again, if the server also says that they only read. */
  readonly allow: readonly string[];
  /** Limit of each call with its handshake, ms; default 10,000. */
  readonly timeoutMs?: number | undefined;
  readonly limits?: Partial<ShadowLimits> | undefined;
};

/** Listens to the messages of one scope: a session, or one request. */
export type ShadowEar = {
  /** A request with messages comes: its headers, and the session that it names. */
  readonly request: (headers: RawHeaders, session: string | undefined) => void;
  readonly hear: (from: Heard["from"], line: Line) => void;
  /** Nothing more comes. */
  readonly close: () => void;
};

/** A running shadow. */
export type HttpShadow = {
  readonly listen: () => ShadowEar;
  /** What was found up to now. */
  readonly record: () => ShadowRecord;
  /** Makes the calls that wait, for so long; ends the sessions. */
  readonly stop: (patienceMs: number) => Promise<void>;
};

const TIMEOUT_MS = 10_000;

/** Messages that were handed over and not read yet; beyond, calls are lost to the shadow and counted. */
const BACKLOG = 1_000;

/** Connections to each server: one for the call that is made, one for a session that ends. */
const SOCKETS = 2;

/** Starts a shadow; it connects to nobody before the traffic shows a call to be made again. */
export function startHttpShadow(options: HttpShadowOptions, clock: Clock): HttpShadow {
  const { allow, limits, timeoutMs = TIMEOUT_MS } = options;
  const over = new AbortController();
  const parts: Parts = {
    mirror: openMirror({ allow, limits }),
    turns: backlog(),
    wire: { over: over.signal, clock, timeoutMs, limitBytes: limits?.messageBytes ?? SHADOW_LIMITS.messageBytes },
    candidate: openUpstream(options.candidate, SOCKETS),
    reference: openUpstream(options.reference, SOCKETS),
    open: new Set(),
    closing: new Set(),
  };
  return {
    listen: () => openEar(parts),
    record: parts.mirror.record,
    stop: async (patienceMs) => {
      await parts.turns.empty();
      for (const close of parts.open) close();
      await parts.mirror.finish(patienceMs);
      over.abort();
      await Promise.all(parts.closing);
      for (const { agent } of [parts.candidate, parts.reference]) agent.destroy();
    },
  };
}

type Parts = {
  readonly mirror: Mirror;
  readonly turns: ReturnType<typeof backlog>;
  readonly wire: ShadowWire;
  readonly candidate: Upstream;
  readonly reference: Upstream;
  /** Ends the sessions of an ear that listens. */
  readonly open: Set<() => void>;
  /** Sessions that are ending. */
  readonly closing: Set<Promise<void>>;
};

function openEar(parts: Parts): ShadowEar {
  const { mirror, turns, wire } = parts;
  const client: ShadowClient = { headers: [], handshake: undefined };
  const candidate = sessionPeer(parts.candidate, client, wire);
  const reference = sessionPeer(parts.reference, client, wire);
  const hear = mirror.converse({ candidate: candidate.call, reference: reference.call });
  const close = closer(parts, [candidate, reference]);
  let session: string | undefined;
  return {
    request: (headers, named) => {
      client.headers = headers;
      session = named;
    },
    hear: (from, { messages, bytes }) => {
      const atMs = wire.clock.monotonicMs();
      for (const { message } of messages) {
        const method = message.kind === "request" ? message.method : undefined;
        if (message.kind === "request" && method === "initialize") client.handshake = message.params;
        // A session that began before the proxy did cannot be begun again.
        const isStrange = method === "tools/call" && session !== undefined && client.handshake === undefined;
        const isTaken = !isStrange && turns.add(() => hear({ from, message, atMs, bytes: bytes.length }));
        if (!isTaken) mirror.drop();
      }
    },
    close: () => void (turns.add(close) || close()),
  };
}

/** Ends sessions after the calls that wait, which need them. Repeatable. */
function closer({ open, closing, mirror }: Parts, peers: readonly SessionPeer[]): () => void {
  const close = (): void => {
    if (!open.delete(close)) return;
    const ended = mirror.idle().then(async () => void (await Promise.all(peers.map((peer) => peer.close()))));
    closing.add(ended);
    void ended.finally(() => closing.delete(ended));
  };
  open.add(close);
  return close;
}

/** Work that is done piece by piece, each in a turn of the event loop of its own, in order. */
function backlog() {
  const waiting: (() => void)[] = [];
  const idle: (() => void)[] = [];
  let isScheduled = false;
  const turn = (): void => {
    waiting.shift()?.();
    isScheduled = waiting.length > 0;
    if (isScheduled) setImmediate(turn);
    else for (const resolve of idle.splice(0)) resolve();
  };
  return {
    /** False when too much waits. */
    add: (work: () => void): boolean => {
      if (waiting.length >= BACKLOG) return false;
      waiting.push(work);
      if (!isScheduled) setImmediate(turn);
      isScheduled = true;
      return true;
    },
    empty: (): Promise<void> => (isScheduled ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
  };
}
