import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../model/time.ts";
import { type Access, admit, type AdmissionParts, isStillAdmitted } from "./access.ts";
import { API_LIMITS, type ApiLimits } from "./limits.ts";
import { type ApiCounters, createApiCounters, processFamilies } from "./metrics-text.ts";
import { BASE_PATH } from "./openapi.ts";
import { type Problem, problemOf, refusal } from "./problem.ts";
import { slidingWindow } from "./rate-limit.ts";
import type { ApiRequest, Route } from "./route.ts";
import { findRoute } from "./router.ts";
import { allRoutes, type RouteParts } from "./routes/all.ts";
import { type Exchange, sendJson, sendProblem, sendStream, sendWhole } from "./send.ts";
import { streamSlots, type StreamSlots } from "./stream-slots.ts";

/** What the API is made of. */
export type ApiParts = Omit<RouteParts, "authenticator" | "onEvent" | "pause"> & {
  readonly access: Access;
  readonly clock: Clock;
  /** Waits so many ms, at most until the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly limits?: Partial<ApiLimits>;
  /** Text of other parts of the server, which `/metrics` shows besides. */
  readonly moreMetrics?: () => Promise<string>;
  /** Told of faults of the server. */
  readonly onError: (error: unknown) => void;
};

/** The JSON API as a request handler. */
export type Api = {
  /** Answers what is below `/api/v1`, and `/metrics`; resolves with false when the path is another. Never rejects. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;
  readonly routes: readonly Route[];
  /** Ends open streams, each with an event that says so; those that are asked for later end at once. */
  readonly close: () => void;
};

/** How long a reader of a stream may take nothing before it is cut off, ms. */
const READER_PATIENCE_MS = 600_000;

type Inside = AdmissionParts & {
  readonly routes: readonly Route[];
  readonly limits: ApiLimits;
  readonly counters: ApiCounters;
  readonly slots: StreamSlots;
  readonly closing: AbortController;
  readonly parts: ApiParts;
};

/** Makes the API. */
export function createApi(parts: ApiParts): Api {
  const limits = { ...API_LIMITS, ...parts.limits };
  const counters = createApiCounters();
  const authenticator = parts.access.kind === "keys" ? parts.access.authenticator : undefined;
  const routes = allRoutes({
    ...parts,
    ...(authenticator && { authenticator }),
    onEvent: (type) => counters.add("whetstone_api_stream_events_total", { type }),
  });
  const inside: Inside = {
    parts,
    routes,
    limits,
    counters,
    access: parts.access,
    slots: streamSlots(limits),
    closing: new AbortController(),
    requests: slidingWindow(limits.requests, parts.clock),
    attempts: slidingWindow(limits.attempts, parts.clock),
    onRefused: (why) => counters.add("whetstone_api_refused_credentials_total", { reason: why }),
    onLimited: (quota) => counters.add("whetstone_api_rate_limited_total", { quota }),
  };
  return {
    routes,
    close: () => inside.closing.abort(),
    handle: async (request, response) => {
      const [path = ""] = (request.url ?? "").split("?", 1);
      if (path !== "/metrics" && path !== BASE_PATH && !path.startsWith(`${BASE_PATH}/`)) return false;
      await answer({ request, response }, path, inside);
      return true;
    },
  };
}

async function answer(exchange: Exchange, path: string, inside: Inside): Promise<void> {
  const { request, response } = exchange;
  const startedMs = inside.parts.clock.monotonicMs();
  const found =
    path === "/metrics" ? undefined : findRoute(inside.routes, request.method ?? "", path.slice(BASE_PATH.length));
  const route = found?.kind === "route" ? found.route : undefined;
  try {
    const problem = refusedForm(request, inside.limits);
    if (problem) sendProblem(exchange, problem, { Connection: "close" });
    else if (found === undefined) await sendMetrics(exchange, inside);
    else if (found.kind === "route") await answerRoute(exchange, found, inside);
    else answerOther(exchange, found);
  } catch (error) {
    sendFault(exchange, error, inside.parts);
  }
  const name = found === undefined ? "/metrics" : (route?.path ?? "none");
  const method = /^(?:GET|HEAD|POST|OPTIONS)$/.test(request.method ?? "") ? (request.method ?? "") : "other";
  inside.counters.add("whetstone_api_requests_total", { route: name, method, status: String(response.statusCode) });
  if (route?.answer.isStream !== true) {
    const seconds = (inside.parts.clock.monotonicMs() - startedMs) / 1_000;
    inside.counters.add("whetstone_api_request_seconds_total", { route: name }, seconds);
  }
}

/** Why a request is answered before it is looked at; the connection is then closed, unread. */
function refusedForm({ url = "", headers }: IncomingMessage, { addressLength }: ApiLimits): Problem | undefined {
  if (url.length > addressLength) {
    const detail = `The address has ${url.length} characters; ${addressLength} are taken.`;
    return refusal("uri_too_long", detail, "Ask for less at once.");
  }
  if (headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0) return undefined;
  return refusal("body_refused", "The request has a body.", "Leave it out; everything stands in the address.");
}

type FoundRoute = { readonly route: Route; readonly params: ApiRequest["params"] };

async function answerRoute(exchange: Exchange, { route, params }: FoundRoute, inside: Inside): Promise<void> {
  const { request } = exchange;
  const admission = await admit(request, route, inside);
  if (admission.kind === "refused") return sendProblem(exchange, admission.problem, admission.headers);
  const { principal, hasShownKey, headers } = admission;
  const slot = route.answer.isStream ? inside.slots.take(principal.keyId) : undefined;
  if (slot?.isTaken === false) return sendProblem(exchange, slot.problem, headers);
  const gone = new AbortController();
  exchange.response.once("close", () => gone.abort());
  const signal = AbortSignal.any([inside.closing.signal, gone.signal]);
  try {
    const search = new URL(request.url ?? "", "http://api").searchParams;
    const reply = await route.respond({
      params,
      search,
      headers: request.headers,
      principal,
      hasShownKey,
      isStillAdmitted: () => isStillAdmitted(request, route, inside.access),
      signal,
    });
    if (reply.kind === "problem") sendProblem(exchange, reply.problem, headers);
    else if (reply.kind === "json") sendJson(exchange, reply.body, headers);
    else await sendStream(exchange, { ...reply, headers, signal, patience: readerPatience(inside) });
  } catch (error) {
    sendFault(exchange, error, { onError: inside.parts.onError, headers });
  } finally {
    slot?.release();
  }
}

const readerPatience =
  ({ parts }: Inside) =>
  (signal: AbortSignal): Promise<void> =>
    parts.pause(READER_PATIENCE_MS, signal);

function answerOther(exchange: Exchange, found: Exclude<ReturnType<typeof findRoute>, { kind: "route" }>): void {
  if (found.kind === "none") {
    const problem = refusal("no_such_route", "The API has no such path.", "GET /api/v1/openapi.json lists all.");
    return sendProblem(exchange, problem, {});
  }
  const Allow = found.allowed.join(", ");
  if (exchange.request.method === "OPTIONS") return sendWhole(exchange, { status: 204, headers: { Allow } });
  return sendProblem(exchange, refusal("method_not_allowed", "The method is not one of these.", `Use ${Allow}.`), {
    Allow,
  });
}

async function sendMetrics(exchange: Exchange, { counters, slots, parts }: Inside): Promise<void> {
  if (exchange.request.method !== "GET" && exchange.request.method !== "HEAD") {
    return answerOther(exchange, { kind: "methods", allowed: ["GET", "HEAD", "OPTIONS"] });
  }
  const streams = { name: "whetstone_api_streams", help: "Open streams.", type: "gauge", value: slots.open() } as const;
  const type = "text/plain; version=0.0.4; charset=utf-8";
  const more = (await parts.moreMetrics?.()) ?? "";
  sendWhole(exchange, { status: 200, type, text: counters.text([streams, ...processFamilies()]) + more });
}

/** Says what went wrong, unless an answer has begun: then the connection breaks, so that nobody takes it for whole. */
function sendFault(exchange: Exchange, error: unknown, { onError, headers = {} }: FaultParts): void {
  const problem = problemOf(error);
  if (problem.status >= 500) onError(error);
  if (exchange.response.headersSent) exchange.response.destroy();
  else sendProblem(exchange, problem, headers);
}

type FaultParts = Pick<ApiParts, "onError"> & { readonly headers?: Readonly<Record<string, string>> };
