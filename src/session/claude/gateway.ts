import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Amount } from "../../model/budget.ts";
import { messageOf } from "../../model/error.ts";
import { bodyOf, sameSecret } from "./local-http.ts";
import { openMeter, type Meter } from "../budget/meter.ts";
import { shareSpent, withWrapUp, WRAP_UP_SHARE } from "../budget/wrap-up.ts";

/** What stands behind a gateway, and what it lets through. */
export type GatewayOptions = {
  /** Base URL of the real API; it may have a path. */
  readonly upstream: string;
  /** The real key; it never leaves this process but towards `upstream`. */
  readonly key: string;
  /** What the session believes to be its key. */
  readonly placeholderKey: string;
  /** Model ids that may be asked. */
  readonly models: readonly string[];
  /** Requests that are passed on, retries included. */
  readonly maxRequests: number;
  /**
   * What the session may spend: near its end the session is told to wrap up, beyond it nothing is passed on. The last
   * answer may exceed it, for its cost is known only then. No limit when absent.
   */
  readonly budget?: Amount | undefined;
  /** Told of every part of an answer that is no refusal: a model that thinks for long is at work all the same. */
  readonly onProgress?: (() => void) | undefined;
};

/** A gateway that listens on this machine for one session. */
export type KeyGateway = AsyncDisposable & {
  readonly url: string;
  /** Requests passed on. */
  readonly passed: () => number;
  /** Why requests were refused, in the order they came; never a key. */
  readonly refused: readonly string[];
  /** By our own count of the API's answers. */
  readonly spent: () => Amount;
  /** Whether a request was refused because the budget is spent. */
  readonly exhausted: () => boolean;
};

const PATHS = ["/v1/messages", "/v1/messages/count_tokens"];
const LARGEST_BODY_BYTES = 32 * 1024 * 1024;
const BACK = ["content-type", "request-id", "retry-after", "x-should-retry"];

type State = {
  readonly options: GatewayOptions;
  readonly refused: string[];
  readonly meter: Meter;
  passed: number;
};

const BUDGET_SPENT = "the session's budget is spent";

/**
 * Opens a gateway on 127.0.0.1 that passes requests for messages on with the real key in place of the session's.
 * Everything else is refused with 403 or 404, which Claude Code does not retry.
 */
export async function openGateway(options: GatewayOptions): Promise<KeyGateway> {
  const state: State = { options, refused: [], meter: openMeter(), passed: 0 };
  const server = createServer((request, response) => {
    handle(state, request, response).catch((error: unknown) => {
      // The session or the API went away in the middle; whoever is left sees a broken connection.
      state.refused.push(`broken off: ${messageOf(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((done, fail) => server.once("error", fail).listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    passed: () => state.passed,
    refused: state.refused,
    spent: state.meter.spent,
    exhausted: () => state.refused.includes(BUDGET_SPENT),
    [Symbol.asyncDispose]: () => closeServer(server),
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}

async function handle(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://gateway");
  if (request.method !== "POST" || !PATHS.includes(url.pathname)) {
    return refuse(state, response, { status: 404, why: `${request.method} ${url.pathname} is not passed on` });
  }
  const body = await bodyOf(request, LARGEST_BODY_BYTES);
  const why = refusal(state, request, body);
  if (why !== undefined || body === undefined) return refuse(state, response, { status: 403, why: why ?? "no body" });
  state.passed += 1;
  const told = url.pathname === PATHS[0] && spentShare(state) >= WRAP_UP_SHARE ? withWrapUp(body) : body;
  await passOn(state, { path: `${url.pathname}${url.search}`, request, body: told }, response);
}

/** How far the budget is spent; nothing where there is no limit. */
function spentShare({ options, meter }: State): number {
  return options.budget === undefined ? 0 : shareSpent(meter.spent(), options.budget);
}

function refusal(state: State, request: IncomingMessage, body: Buffer | undefined): string | undefined {
  const { placeholderKey, models, maxRequests } = state.options;
  if (!sameSecret(String(request.headers["x-api-key"]), placeholderKey)) return "the key is not this session's";
  if (body === undefined) return `the request is larger than ${LARGEST_BODY_BYTES} bytes`;
  const model = modelOf(body);
  if (model === undefined || !models.includes(model)) return "the model is not on the session's list";
  if (spentShare(state) >= 1) return BUDGET_SPENT;
  return state.passed < maxRequests ? undefined : `the session has used its ${maxRequests} requests`;
}

function modelOf(body: Buffer): string | undefined {
  try {
    const parsed = JSON.parse(body.toString("utf8")) as { readonly model?: unknown } | null;
    return typeof parsed?.model === "string" ? parsed.model : undefined;
  } catch {
    return undefined; // refused like a model that is not on the list
  }
}

function refuse(state: State, response: ServerResponse, { status, why }: { status: 403 | 404; why: string }): void {
  state.refused.push(why);
  const type = status === 403 ? "permission_error" : "not_found_error";
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify({ type: "error", error: { type, message: `whetstone: ${why}` } }));
}

type Passing = { readonly path: string; readonly request: IncomingMessage; readonly body: Buffer };

async function passOn(state: State, { path, request, body }: Passing, response: ServerResponse): Promise<void> {
  const { upstream, key } = state.options;
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const headers: Record<string, string> = { "content-type": "application/json", "x-api-key": key };
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith("anthropic-") && typeof value === "string") headers[name] = value;
  }
  let answer: Response;
  try {
    const init = {
      method: "POST",
      headers,
      body: new Uint8Array(body),
      redirect: "manual",
      signal: gone.signal,
    } as const;
    answer = await fetch(`${upstream.replace(/\/+$/, "")}${path}`, init);
  } catch (error) {
    if (gone.signal.aborted) return;
    state.refused.push(`the API could not be reached: ${messageOf(error)}`);
    response.writeHead(502, { "content-type": "application/json" });
    return void response.end(JSON.stringify({ type: "error", error: { type: "api_error", message: "no answer" } }));
  }
  response.writeHead(answer.status, pick(answer.headers));
  if (answer.body === null) return void response.end();
  const onProgress = answer.ok ? state.options.onProgress : undefined;
  await pipeline(
    Readable.fromWeb(answer.body),
    metering(state.meter, { headers: answer.headers, onProgress }),
    response,
  );
}

type Metered = { readonly headers: Headers } & Pick<GatewayOptions, "onProgress">;

/** Passes an answer on as it comes and counts it, also one that breaks off. */
function metering(meter: Meter, { headers, onProgress }: Metered): Transform {
  const streams = headers.get("content-type")?.includes("event-stream") === true;
  const answer = meter.answer(streams ? "stream" : "json");
  return new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => {
      answer.see(chunk);
      onProgress?.();
      done(undefined, chunk);
    },
    flush: (done) => {
      // Before the end is passed on: whoever asks next is judged by this answer too.
      answer.end();
      done();
    },
    destroy: (error, done) => {
      answer.end();
      done(error);
    },
  });
}

function pick(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    BACK.flatMap((name) => (headers.get(name) === null ? [] : [[name, headers.get(name) ?? ""]])),
  );
}
