import { isObject } from "./jsonrpc.ts";
import type { Call } from "./mcp-attributes.ts";

/** The request that opens a subscription (MCP 2026-07-28); its answer comes when the subscription ends. */
const LISTEN = "subscriptions/listen";

/** `_meta` key of every message of a subscription: the JSON-RPC id of the request that opened it. */
const META_SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";

/** Whether a call opens a subscription. */
export function isListen(call: Call | undefined): boolean {
  return call?.method === LISTEN;
}

/**
 * The id (as JSON text) of the subscription that a notification belongs to. The first one is the acknowledgement, and
 * with it the operation has its answer: what follows is the subscription's life and no latency of anything.
 */
export function acknowledgedId(call: Call): string | undefined {
  const meta = call.kind === "notification" ? call.params["_meta"] : undefined;
  const id = isObject(meta) ? meta[META_SUBSCRIPTION] : undefined;
  return typeof id === "string" || typeof id === "number" ? JSON.stringify(id) : undefined;
}
