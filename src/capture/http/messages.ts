import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { ATTR, type Attributes } from "../../model/span.ts";
import type { Wire } from "../exchange.ts";
import { readLine, type Line } from "../mcp-spans.ts";
import { statedVersion } from "../mcp-attributes.ts";
import { isModern } from "../mcp-status.ts";
import { parseTraceparent } from "../trace-context.ts";
import { clientAddress } from "./arms.ts";
import { decodedHeader, MCP_HEADERS, mediaType } from "./headers.ts";
import type { HeldBody } from "./request-body.ts";
import type { Upstream } from "./upstream.ts";

/** What a request says before it is decided where it goes. */
export type Asked = {
  /** The messages of its body, when it could be read. */
  readonly line: Line | undefined;
  /** Revision that the header states. */
  readonly version: string | undefined;
  /** It is of the stateless wire, by header or by a message's `_meta`. */
  readonly isModern: boolean;
  readonly isInitialize: boolean;
  /** Session that it names; the stateless wire has none. */
  readonly session: string | undefined;
};

/** Whether a request's body is to hold JSON-RPC. */
export function holdsMessages(request: IncomingMessage): boolean {
  return request.method === "POST" && mediaType(request.headers["content-type"]) === "application/json";
}

/** Reads what routing needs. Protocol and era are decided per message: a server may serve both wires. */
export function readAsked(headers: IncomingHttpHeaders, body: HeldBody): Asked {
  const line = body.kind === "whole" ? readLine(body.bytes) : undefined;
  const version = revisionOf(headers);
  const calls = (line?.messages ?? []).flatMap(({ message }) => ("method" in message ? [message] : []));
  const modern = isModern(version) || calls.some(({ params }) => isModern(statedVersion(params)));
  const session = headers[MCP_HEADERS.session];
  return {
    line,
    version,
    isModern: modern,
    isInitialize: calls.some(({ method }) => method === "initialize"),
    session: modern || typeof session !== "string" || session === "" ? undefined : session,
  };
}

/**
 * What the headers say of a call whose body was not read; only the stateless wire has such headers, and its servers
 * check them against the body.
 */
export function callOfHeaders(headers: IncomingHttpHeaders): Line | undefined {
  const method = headers[MCP_HEADERS.method];
  if (!isModern(revisionOf(headers)) || typeof method !== "string") return undefined;
  const name = headers[MCP_HEADERS.name];
  const named = typeof name === "string" ? { [method === "resources/read" ? "uri" : "name"]: decodedHeader(name) } : {};
  // A notification, since the id is in the body: nothing could tell its answer.
  const message = { kind: "notification" as const, method: decodedHeader(method), params: named };
  return { bytes: new Uint8Array(), text: "{}", messages: [{ message, start: 0 }] };
}

/** What both directions of an exchange over HTTP state on their spans. */
export type Wires = { readonly toServer: Wire; readonly toClient: Wire };

/** `unit`: what routing goes by where there is no session, for spans. */
export function wiresOf(
  request: IncomingMessage,
  upstream: Upstream,
  { version, unit }: { version: string | undefined; unit: Attributes },
): Wires {
  const { remotePort } = request.socket;
  const address = clientAddress(request);
  const port = remotePort ?? 0;
  const server = upstream.attributes;
  const attributes = {
    [ATTR.networkTransport]: "tcp",
    "network.protocol.name": "http",
    "network.protocol.version": request.httpVersion,
    ...unit,
  };
  const parent = parseTraceparent(request.headers["traceparent"]);
  return {
    toServer: {
      attributes,
      server: { "client.address": address, "client.port": port },
      client: server,
      parent,
      protocolVersion: version,
    },
    // The server asks here: it is the client of the operation.
    toClient: {
      attributes,
      server: { "client.address": server["server.address"] ?? "", "client.port": server["server.port"] ?? 0 },
      client: { "server.address": address, "server.port": port },
      protocolVersion: version,
    },
  };
}

function revisionOf(headers: IncomingHttpHeaders): string | undefined {
  const version = headers[MCP_HEADERS.version];
  return typeof version === "string" && /^\d{4}-\d{2}-\d{2}$/.test(version) ? version : undefined;
}
