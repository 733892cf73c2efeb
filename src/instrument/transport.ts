import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../model/span.ts";
import { isObject } from "../capture/jsonrpc.ts";

/** The part of an MCP SDK transport that is relied on: the `Transport` interface of SDK 1.x and 2.x. */
export type Transport = {
  start: (...args: unknown[]) => unknown;
  send: (...args: unknown[]) => unknown;
  onmessage?: ((...args: unknown[]) => unknown) | undefined;
  onclose?: ((...args: unknown[]) => unknown) | undefined;
  readonly sessionId?: unknown;
  readonly protocolVersion?: unknown;
};

/** Attribute names of the general semantic conventions that a transport states. */
export const NETWORK = {
  protocolName: "network.protocol.name",
  serverAddress: "server.address",
  serverPort: "server.port",
} as const;

/** Whether a value can be watched as a transport. */
export function isTransport(value: unknown): value is Transport {
  return isObject(value) && typeof value["start"] === "function" && typeof value["send"] === "function";
}

/** What is known of the network: for spans of what is sent (with the peer's address), and of what is received. */
export function networkOf(transport: Transport): { readonly client: Attributes; readonly server: Attributes } {
  const server = networkAttributes(transport);
  return { client: { ...server, ...serverAttributes(transport) }, server };
}

/**
 * What a transport says about the network, by the names of its classes (subclasses included): `pipe` for stdio, `tcp`
 * with `http` or `websocket`. Empty for others, such as the pair in memory.
 */
function networkAttributes(transport: Transport): Attributes {
  const names = classNames(transport);
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  if (has(/Stdio/)) return { [ATTR.networkTransport]: "pipe" };
  if (has(/WebSocket/)) return { [ATTR.networkTransport]: "tcp", [NETWORK.protocolName]: "websocket" };
  if (has(/HTTP|SSE/i)) return { [ATTR.networkTransport]: "tcp", [NETWORK.protocolName]: "http" };
  return {};
}

/** Host and port of the URL that an HTTP client transport was made with. */
function serverAttributes(transport: Transport): Attributes {
  const url: unknown = "_url" in transport ? transport._url : undefined;
  if (!(url instanceof URL) || url.hostname === "") return {};
  const port = url.port === "" ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  return { [NETWORK.serverAddress]: url.hostname, ...(port !== undefined && { [NETWORK.serverPort]: port }) };
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "ws:": 80, "wss:": 443 };

function classNames(value: object): string[] {
  const names: string[] = [];
  let prototype: unknown = Object.getPrototypeOf(value);
  while (isObject(prototype) && prototype !== Object.prototype) {
    const maker: unknown = prototype["constructor"];
    if (typeof maker === "function") names.push(maker.name);
    prototype = Object.getPrototypeOf(prototype);
  }
  return names;
}
