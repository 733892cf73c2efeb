import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import nock from "nock";
import { startHttpProxy, type HttpProxy, type HttpProxyOptions } from "../../../src/capture/http/proxy.ts";
import type { Span } from "../../../src/model/span.ts";
import { seededRandom, systemClock } from "../fixtures/commands.ts";

// Real sockets: what is tested here is how connections begin, break and end.
nock.restore();

/** A request as the upstream got it. */
export type Got = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly body: string;
};

/** A server that listens on 127.0.0.1 until it is disposed. */
export type Listening = AsyncDisposable & { readonly url: URL; readonly port: number; readonly server: Server };

/** Starts a server with this handler. */
export async function listening(handler: RequestListener, path = "/mcp"): Promise<Listening> {
  const server = createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 30_000 }, handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}${path}`),
    port,
    server,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Starts a server that keeps what it got and answers by `reply`. */
export async function recording(reply: (got: Got, response: Parameters<RequestListener>[1]) => void) {
  const got: Got[] = [];
  const server = await listening((request, response) => {
    void text(request).then(
      (body) => {
        const { method = "", url = "", headers, rawHeaders } = request;
        const one = { method, url, headers, rawHeaders, body };
        got.push(one);
        reply(one, response);
      },
      () => undefined, // the client went away within the body
    );
  });
  return { ...server, got };
}

/** Answers with JSON. */
export function json(response: Parameters<RequestListener>[1], value: unknown, headers: Record<string, string> = {}) {
  const body = typeof value === "string" ? value : JSON.stringify(value);
  response.writeHead(200, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

/** A proxy and the spans that it made. */
export type Proxied = HttpProxy & { readonly spans: Span[] };

/** A proxy before `upstream`. Its spans are complete after `stop`. */
export async function proxyBefore(upstream: { url: URL }, options: Partial<HttpProxyOptions> = {}): Promise<Proxied> {
  const spans: Span[] = [];
  const proxy = await startHttpProxy({
    listen: { host: "127.0.0.1", port: 0 },
    baseline: { url: upstream.url },
    weight: 0,
    service: "s",
    clock: systemClock,
    random: seededRandom("http"),
    exporter: (batch) => Promise.resolve(void spans.push(...batch)),
    ...options,
    limits: { patienceMs: 2_000, ...options.limits },
  });
  return { ...proxy, spans };
}

/** An answer as a client got it. */
export type Answered = {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly body: string;
};

/** How `ask` asks. */
export type Ask = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Uint8Array;
};

/** Sends one request on a connection of its own, byte for byte as given. */
export async function ask(port: number, options: Ask = {}): Promise<Answered> {
  const answer = await begin(port, options);
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    rawHeaders: answer.rawHeaders,
    body: await text(answer),
  };
}

/** Sends one request and resolves at the answer's head. */
export async function begin(port: number, { method = "POST", path = "/mcp", headers, body }: Ask = {}) {
  const outgoing = httpRequest({
    agent: false,
    host: "127.0.0.1",
    port,
    method,
    path,
    headers: { ...(body !== undefined && { "Content-Type": "application/json" }), ...headers },
  });
  outgoing.end(body);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  return answer;
}

/** A JSON-RPC request as text. */
export function rpc(id: number | string, method: string, params?: object): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, ...(params && { params }) });
}

/** The `traceparent` in a message's `_meta`. */
export function traceparentOf(message: string): string | undefined {
  const value = JSON.parse(message) as { params?: { _meta?: { traceparent?: string } } };
  return value.params?._meta?.traceparent;
}

/** The one span of a kind and name. */
export function spanOf(spans: readonly Span[], kind: Span["kind"], name: string): Span {
  const found = spans.filter((span) => span.kind === kind && span.name === name);
  if (found.length !== 1)
    throw new Error(`${found.length} spans ${kind} ${name} among ${spans.map((span) => span.name).join(", ")}`);
  return found[0] as Span;
}
