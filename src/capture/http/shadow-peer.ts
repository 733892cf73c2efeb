import type { CallResult } from "../../model/call.ts";
import { messageOf } from "../../model/error.ts";
import { Json } from "../../model/json.ts";
import type { Clock } from "../../model/time.ts";
import { isObject, type JsonObject, type RpcMessage } from "../jsonrpc.ts";
import type { ShadowCall, ShadowPeer } from "../mirror.ts";
import { isToolError } from "../mcp-status.ts";
import { endToEnd, MCP_HEADERS, type RawHeaders } from "./headers.ts";
import { post, type Posted } from "./shadow-post.ts";
import type { Upstream } from "./upstream.ts";

/** What is known of the client whose calls are made again. */
export type ShadowClient = {
  /** Headers of its latest request, its credentials among them. */
  headers: RawHeaders;
  /** What it began its session with; undefined on the stateless wire, and without a session. */
  handshake: JsonObject | undefined;
};

/** How calls are made again. */
export type ShadowWire = {
  readonly clock: Clock;
  /** Limit of a call with the handshake before it, ms. */
  readonly timeoutMs: number;
  readonly limitBytes: number;
  /** Aborted: calls under way end, and further ones fail. */
  readonly over: AbortSignal;
};

/** Limit of the end of a session, ms. */
const FAREWELL_MS = 2_000;

/** A peer with a session of its own, which ends with `close`. */
export type SessionPeer = { readonly call: ShadowPeer; readonly close: () => Promise<void> };

/** Headers that are about the client's own connection, session or trace. */
const NOT_MIRRORED = [
  "host",
  "content-length",
  "content-encoding",
  "accept-encoding",
  "last-event-id",
  "origin",
  "traceparent",
  "tracestate",
  "baggage",
  MCP_HEADERS.session,
];

/** Members of `_meta` that are about the client's own request. */
const NOT_MIRRORED_META: ReadonlySet<string> = new Set(["traceparent", "tracestate", "baggage", "progressToken"]);

/**
 * Makes calls of one client on another server, in the client's name: with its headers, and in a session of its own where
 * the client has one.
 */
export function sessionPeer(upstream: Upstream, client: ShadowClient, wire: ShadowWire): SessionPeer {
  let session: { readonly id: string | undefined; readonly version: string | undefined } | undefined;
  let sent = 0;
  const send = (method: string, params: JsonObject, { signal, isRequest = true }: Sending): Promise<Posted> => {
    sent += 1;
    const id = isRequest ? `shadow-${sent}` : undefined;
    return post({
      upstream,
      method: "POST",
      headers: headersOf(client.headers, session),
      body: JSON.stringify({ jsonrpc: "2.0", ...(id !== undefined && { id }), method, params }),
      id: id === undefined ? undefined : JSON.stringify(id),
      signal,
      limitBytes: wire.limitBytes,
    });
  };
  const begin = async (handshake: JsonObject, signal: AbortSignal): Promise<void> => {
    const { answer, session: id } = await send("initialize", handshake, { signal });
    if (answer?.kind !== "result") throw new Error("The handshake was refused.");
    const version = isObject(answer.result) ? answer.result["protocolVersion"] : undefined;
    session = { id, version: typeof version === "string" ? version : undefined };
    await send("notifications/initialized", {}, { signal, isRequest: false });
  };
  return {
    call: async (call, key) => {
      const signal = AbortSignal.any([AbortSignal.timeout(wire.timeoutMs), wire.over]);
      let started = wire.clock.monotonicMs();
      const ended = (rest: Pick<CallResult, "status" | "result">): CallResult => {
        return { key, tool: call.tool, durationMs: Math.max(0, wire.clock.monotonicMs() - started), ...rest };
      };
      try {
        if (client.handshake !== undefined && session === undefined) await begin(client.handshake, signal);
        started = wire.clock.monotonicMs();
        const { answer } = await send("tools/call", paramsOf(call), { signal });
        return ended(answerOf(answer));
      } catch (error) {
        // A session that the server has forgotten is begun anew at the next call.
        session = undefined;
        return ended({ status: "transport", result: { message: messageOf(error) } });
      }
    },
    close: async () => {
      if (session?.id === undefined) return;
      const signal = AbortSignal.timeout(FAREWELL_MS);
      const headers = headersOf(client.headers, session);
      const ending = post({ upstream, method: "DELETE", headers, body: "", id: undefined, signal, limitBytes: 0 });
      // A server need not let sessions be ended; it then ends them itself.
      await ending.catch(() => undefined);
    },
  };
}

type Sending = { readonly signal: AbortSignal; readonly isRequest?: boolean };

function headersOf(raw: RawHeaders, session: { id: string | undefined; version: string | undefined } | undefined) {
  const isNamed = session?.version !== undefined;
  const own = endToEnd(raw, isNamed ? [...NOT_MIRRORED, MCP_HEADERS.version] : NOT_MIRRORED);
  return [
    ...own,
    ...(session?.version === undefined ? [] : ["MCP-Protocol-Version", session.version]),
    ...(session?.id === undefined ? [] : ["Mcp-Session-Id", session.id]),
  ];
}

/** The client's parameters without what belongs to its own request. */
function paramsOf({ params }: ShadowCall): JsonObject {
  const { _meta: meta, ...rest } = params;
  if (!isObject(meta)) return rest;
  const kept = Object.entries(meta).filter(([name]) => !NOT_MIRRORED_META.has(name));
  return kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) };
}

function answerOf(message: RpcMessage | undefined): Pick<CallResult, "status" | "result"> {
  if (message?.kind === "error") {
    return { status: "rpc_error", result: { code: message.code ?? null, message: message.message } };
  }
  const given = message?.kind === "result" ? message.result : null;
  const result = Json.safeParse(given);
  return { status: isToolError(given) ? "tool_error" : "ok", result: result.success ? result.data : null };
}
