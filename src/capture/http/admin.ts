import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { isLoopback, refusal } from "./admission.ts";
import type { Weight } from "./arms.ts";

/** What the admin endpoint shows and changes. */
export type AdminParts = {
  readonly weight: Weight;
  /** There is a canary that a weight can be given to. */
  readonly isSplit: boolean;
  /** Counts and losses up to now. */
  readonly status: () => object;
  /** What the shadow found up to now; undefined without one. */
  readonly shadow?: (() => object) | undefined;
};

type Reply = { readonly status: number; readonly value: object; readonly allow?: string };

/** More than any weight needs. */
const BODY_LIMIT_BYTES = 1_024;

const LISTEN_HOST = "127.0.0.1";

/**
 * The admin endpoint, for loopback only: `GET /weight`, `PUT /weight` with `{"weight": PERCENT}` or the bare number,
 * `GET /status`, and with a shadow `GET /shadow`. Sessions that are open stay where they are when the weight changes. Requests of web pages are refused.
 */
export function adminServer(parts: AdminParts): Server {
  return createServer((request, response) => {
    void handle(request, parts).then((reply) => answer(response, reply));
  });
}

async function handle(request: IncomingMessage, parts: AdminParts): Promise<Reply> {
  const { origin } = request.headers;
  const why = refusal(request.headers, { listenHost: LISTEN_HOST, allowedHosts: [] });
  if (origin !== undefined || why !== undefined || !isLoopback(request.socket.localAddress ?? "")) {
    return { status: 403, value: { error: "Only programs on this machine may ask, by a loopback name." } };
  }
  const path = request.url ?? "";
  if (path === "/status") return get(request, parts.status());
  if (path === "/shadow" && parts.shadow !== undefined) return get(request, parts.shadow());
  if (path !== "/weight")
    return { status: 404, value: { error: "There is /weight and /status, and with a shadow /shadow." } };
  if (request.method !== "PUT") return get(request, { weight: parts.weight.percent }, "GET, PUT");
  return put(request, parts);
}

function get({ method }: IncomingMessage, value: object, allow = "GET"): Reply {
  if (method === "GET" || method === "HEAD") return { status: 200, value };
  return { status: 405, value: { error: `Only ${allow}.` }, allow };
}

async function put(request: IncomingMessage, { weight, isSplit }: AdminParts): Promise<Reply> {
  const body = await readShort(request);
  const percent = body === undefined ? undefined : percentOf(body);
  if (percent === undefined) {
    return { status: 400, value: { error: 'Send {"weight": PERCENT}, a number from 0 to 100.' } };
  }
  if (!isSplit) return { status: 409, value: { error: "There is no canary; start the proxy with one." } };
  weight.percent = percent;
  return { status: 200, value: { weight: percent } };
}

async function readShort(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers["content-length"] ?? Number.NaN) <= BODY_LIMIT_BYTES) {
    // The connection may end within the body; then nobody waits for the answer.
    return text(request).catch(() => undefined);
  }
  request.resume();
  return undefined;
}

function percentOf(body: string): number | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const given = typeof value === "object" && value !== null && "weight" in value ? value.weight : value;
    return typeof given === "number" && given >= 0 && given <= 100 ? given : undefined;
  } catch {
    // No JSON, so no number.
    return undefined;
  }
}

function answer(response: ServerResponse, { status, value, allow }: Reply): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    ...(allow !== undefined && { Allow: allow }),
  });
  response.end(body);
}
