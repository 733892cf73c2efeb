import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { finished } from "node:stream/promises";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";

/** Path that GitHub delivers to; Probot's own default. */
export const WEBHOOK_PATH = "/api/github/webhooks";
/** GitHub sends no larger payload. */
const LARGEST_PAYLOAD_BYTES = 25 * 1024 * 1024;

/** Bodies that are read at the same time have no more together. */
const MOST_BODY_BYTES = 3 * LARGEST_PAYLOAD_BYTES;

/** Answers a request of the webhook path, whose body has been read. */
export type WebhookHandler = (request: IncomingMessage, response: ServerResponse, body: string) => Promise<void>;

/** Answers requests of some paths; resolves with false when the path is another's. */
export type Mount = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

/** What the server needs. */
export type AppServerOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** How long a stop waits for work under way, ms. */
  readonly patienceMs: number;
  /** Told of what goes wrong with a request, such as a connection that is cut. */
  readonly onError: (error: unknown) => void;
  /** Whether what the server rests on can be reached; asked by `/readyz`. */
  readonly isReachable?: () => Promise<boolean>;
  /** Asked in this order for every path but those of webhooks and probes. */
  readonly mounts?: readonly Mount[];
  readonly headLimits?: Partial<HeadLimits>;
};

/** When requests that come in slowly or with large heads are cut off; ms and bytes, by the names of node:http. */
export type HeadLimits = Readonly<
  Record<"headersTimeout" | "requestTimeout" | "connectionsCheckingInterval" | "maxHeaderSize", number>
>;

/** A running server. */
export type AppServer = {
  readonly url: string;
  /** Counts work towards a stop, beyond the request that brought it. */
  readonly track: (work: Promise<unknown>) => void;
  /** From now on `/readyz` answers 200, and deliveries are taken if there is a handler for them. */
  readonly ready: (webhooks?: WebhookHandler) => void;
  /** Takes no further request and waits for work under way; resolves with how much of it was left behind. */
  readonly stop: () => Promise<number>;
};

type Inside = {
  readonly underWay: Set<Promise<unknown>>;
  readonly mounts: readonly Mount[];
  readonly isReachable: () => Promise<boolean>;
  /** Bytes of bodies that are being read. */
  bodyBytes: number;
  webhooks?: WebhookHandler;
  isReady: boolean;
  stopping: boolean;
};

/** A body of 25 MB has two minutes; how long an answer takes is not limited here. */
const HEAD_LIMITS: HeadLimits = {
  headersTimeout: 20_000,
  requestTimeout: 120_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16_384,
};

/**
 * Serves the App and what is mounted beside it: webhooks, `GET /healthz` (200 while the process lives) and `GET /readyz`
 * (200 when requests are taken and the store can be reached, 503 otherwise). Payloads over 25 MB are answered 413 before their signature is computed.
 * @throws WhetstoneError `usage`: host and port cannot be listened on.
 */
export async function startAppServer(options: AppServerOptions): Promise<AppServer> {
  const { mounts = [], isReachable = async () => true } = options;
  const inside: Inside = { underWay: new Set(), mounts, isReachable, bodyBytes: 0, isReady: false, stopping: false };
  const track = (work: Promise<unknown>): void => {
    inside.underWay.add(work);
    // Failures are reported where the work was begun.
    void work.then(
      () => inside.underWay.delete(work),
      () => inside.underWay.delete(work),
    );
  };
  const server = createServer({ ...HEAD_LIMITS, ...options.headLimits }, (request, response) => {
    const failed = (error: unknown): void => {
      options.onError(error);
      if (response.headersSent) response.destroy();
      else end(response, 500, "The delivery could not be handled.");
    };
    // An answer counts as given when it has left; a sender that no longer listens for it ends it too.
    const answered = finished(response).catch(() => undefined);
    track(serve({ request, response }, inside).catch(failed));
    track(answered);
  });
  await listen(server, options);
  return {
    url: addressOf(server, options.host),
    track,
    ready: (webhooks) => {
      if (webhooks) inside.webhooks = webhooks;
      inside.isReady = true;
    },
    stop: () => stop(server, inside, options.patienceMs),
  };
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

async function serve({ request, response }: Exchange, inside: Inside): Promise<void> {
  const path = request.url?.split("?")[0];
  if (inside.stopping) response.setHeader("Connection", "close");
  if (path === "/healthz" || path === "/readyz") return answerProbe({ request, response }, path, inside);
  if (path !== WEBHOOK_PATH) return serveMount({ request, response }, inside);
  if (inside.isReady && inside.webhooks === undefined) return end(response, 404, "No GitHub App is served here.");
  const body = await readBody(request, inside);
  if (body === "large") return end(response, 413, `The payload is larger than ${LARGEST_PAYLOAD_BYTES} bytes.`);
  if (body === "busy") return end(response, 503, "Too much is being delivered at the same time.");
  if (inside.webhooks === undefined) return end(response, 503, "starting");
  await inside.webhooks(request, response, body.text);
}

async function serveMount({ request, response }: Exchange, { mounts }: Inside): Promise<void> {
  for (const mount of mounts) if (await mount(request, response)) return;
  end(response, 404, `Deliveries go to ${WEBHOOK_PATH}.`);
}

async function answerProbe({ request, response }: Exchange, path: string, inside: Inside): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    return end(response, 405, "Use GET.");
  }
  if (path === "/healthz") return end(response, 200, "ok");
  if (inside.stopping || !inside.isReady) return end(response, 503, inside.stopping ? "stopping" : "starting");
  if (await inside.isReachable()) return end(response, 200, "ok");
  return end(response, 503, "The store cannot be reached.");
}

/**
 * The body as text; what is too large, or too much besides others, is read and let go, so that the answer arrives. Who
 * sends it has proved nothing yet, so all bodies together have a limit too.
 */
async function readBody(
  request: IncomingMessage,
  inside: Pick<Inside, "bodyBytes">,
): Promise<{ readonly text: string } | "large" | "busy"> {
  const chunks: Buffer[] = [];
  let [length, kept] = [0, 0];
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LARGEST_PAYLOAD_BYTES || inside.bodyBytes + chunk.length > MOST_BODY_BYTES) {
        inside.bodyBytes -= kept;
        kept = 0;
        chunks.length = 0;
      } else if (kept === length - chunk.length) {
        kept += chunk.length;
        inside.bodyBytes += chunk.length;
        chunks.push(chunk);
      }
    }
  } finally {
    inside.bodyBytes -= kept;
  }
  if (length > LARGEST_PAYLOAD_BYTES) return "large";
  return kept < length ? "busy" : { text: Buffer.concat(chunks).toString("utf8") };
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

async function listen(server: Server, { host, port }: AppServerOptions): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    const taken = codeOf(error) === "EADDRINUSE";
    throw new WhetstoneError("usage", `${host}:${port} cannot be listened on: ${messageOf(error)}.`, {
      remedy: taken
        ? "Another process has this port; name another with --port."
        : "Name others with --host and --port.",
      cause: error,
    });
  }
}

function addressOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function stop(server: Server, inside: Inside, patienceMs: number): Promise<number> {
  inside.stopping = true;
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), patienceMs);
  const outOfPatience = once(patience.signal, "abort").then(() => undefined);
  // Work may begin further work: a delivery is read first and handled then.
  while (inside.underWay.size > 0 && !patience.signal.aborted) {
    await Promise.race([Promise.allSettled(inside.underWay), outOfPatience]);
  }
  clearTimeout(timer);
  const left = inside.underWay.size;
  server.closeAllConnections();
  await closed;
  return left;
}
