import { createHash } from "node:crypto";
import { request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { messageOf } from "../../model/error.ts";
import type { Attributes } from "../../model/span.ts";
import type { Entry } from "../exchange-table.ts";
import { UNIT } from "../mcp-attributes.ts";
import { refusal, type Admission } from "./admission.ts";
import { passAnswer } from "./answer.ts";
import { clientKey, type Arms, type ArmServer } from "./arms.ts";
import { isIdentity } from "./content-coding.ts";
import type { Counts } from "./counts.ts";
import { upstreamHeaders } from "./headers.ts";
import { callOfHeaders, holdsMessages, readAsked, wiresOf, type Asked, type Wires } from "./messages.ts";
import { holdBody, type HeldBody, type HoldBudget } from "./request-body.ts";
import type { Scope } from "./scope.ts";
import type { Sessions } from "./sessions.ts";
import { outcomeOfUnanswered, type Ended } from "./settle.ts";
import { isEndpoint, upstreamTarget } from "./upstream.ts";

/** Largest header block that is taken and passed on, bytes. */
export const MAX_HEADER_BYTES = 64 * 1024;

/** What all requests of a proxy share. */
export type ForwardParts = {
  readonly admission: Admission;
  readonly arms: Arms;
  readonly isSplit: boolean;
  readonly stickyHeader: string | undefined;
  readonly sessions: Sessions;
  readonly openScope: (server: ArmServer) => Scope;
  readonly counts: Counts;
  readonly budget: HoldBudget;
  /** Secret of this process, under which clients are named in spans. */
  readonly salt: string;
  /** Requests that are not settled. */
  readonly pending: Set<Promise<void>>;
};

/** A request and where its answer goes. */
export type Incoming = { readonly request: IncomingMessage; readonly response: ServerResponse };

/** A request on its way: what is known of it and what became of it. */
export type Passage = {
  readonly asked: Asked;
  readonly method: string | undefined;
  readonly key: string;
  readonly scope: Scope;
  readonly wires: Wires;
  readonly isMcp: boolean;
  /** The request's own messages. */
  readonly entry: Entry;
  /** To be called once it is over, however it ended. */
  readonly settle: (ended: Pick<Ended, "how" | "status" | "seen">) => void;
};

const NO_ENTRY: Entry = { passed: () => undefined, end: () => undefined };

/** Passes one request on and its answer back. Never rejects. */
export async function forward(incoming: Incoming, parts: ForwardParts): Promise<void> {
  const { request, response } = incoming;
  const why = refusal(request.headers, parts.admission);
  if (why !== undefined) {
    parts.counts.refused += 1;
    return answerText(incoming, 403, why);
  }
  const isMcp = isEndpoint(request.url ?? "/", parts.arms.baseline.upstream.url);
  const isRead = isMcp && holdsMessages(request) && isIdentity(request.headers["content-encoding"]);
  const body: HeldBody = isRead ? await holdBody(request, parts.budget) : { kind: "start", parts: [] };
  if (body.kind === "broken" || response.destroyed) return;
  parts.counts.requests += 1;
  const passage = open(incoming, { body, isMcp, isRead }, parts);
  try {
    send(incoming, { passage: passage.passage, body: passage.body, isMcp }, parts);
  } catch (error) {
    // What Node's client refuses to write, such as a request target with a blank in it.
    failed(incoming, { passage: passage.passage, counts: parts.counts, error });
  }
}

type Read = { readonly body: Exclude<HeldBody, { kind: "broken" }>; readonly isMcp: boolean; readonly isRead: boolean };

function open({ request }: Incoming, { body, isMcp, isRead }: Read, parts: ForwardParts) {
  const asked = readAsked(request.headers, body);
  const key = clientKey(request, parts.stickyHeader);
  const known = asked.session === undefined ? undefined : parts.sessions.get(asked.session);
  const scope = known ?? parts.openScope(place(asked, key, parts.arms));
  const isUnit = parts.isSplit && asked.session === undefined && !asked.isInitialize;
  const unit: Attributes = isUnit ? { [UNIT]: unitOf(key, parts) } : {};
  const wires = wiresOf(request, scope.server.upstream, { version: asked.version, unit });
  const accepted = asked.line && scope.spans.accept("to-server", asked.line, wires.toServer);
  const unread = isMcp && holdsMessages(request) && accepted === undefined;
  if (unread) parts.counts.uninjected[isRead ? "tooLarge" : "encoded"] += 1;
  const entry = accepted ?? (unread ? entryOfHeaders(request, scope, wires) : NO_ENTRY);
  const { method } = request;
  const passage: Passage = {
    asked,
    method,
    key,
    scope,
    wires,
    isMcp,
    entry,
    settle: settler({ asked, scope, entry }, parts.pending),
  };
  return { passage, body: accepted ? { kind: "whole" as const, bytes: accepted.bytes } : body };
}

/** A session that begins is drawn; a session that is not known is asked for where most of them are. */
function place(asked: Asked, key: string, arms: Arms): ArmServer {
  if (asked.session !== undefined) return arms.baseline;
  return asked.isInitialize ? arms.draw() : arms.forClient(key);
}

function unitOf(key: string, { salt }: ForwardParts): string {
  return createHash("sha256").update(salt).update(key).digest("hex").slice(0, 16);
}

function entryOfHeaders({ headers }: IncomingMessage, scope: Scope, { toServer }: Wires): Entry {
  const line = callOfHeaders(headers);
  return line ? { ...scope.spans.accept("to-server", line, toServer), passed: NO_ENTRY.passed } : NO_ENTRY;
}

function settler(
  { asked, scope, entry }: Pick<Passage, "asked" | "scope" | "entry">,
  pending: Set<Promise<void>>,
): Passage["settle"] {
  const { promise, resolve } = Promise.withResolvers<void>();
  pending.add(promise);
  return (ended) => {
    if (!pending.delete(promise)) return;
    resolve();
    const inSession = scope.session !== undefined;
    const outcome = outcomeOfUnanswered({ ...ended, isModern: asked.isModern, inSession });
    if (outcome) entry.end(outcome);
    if (!inSession) scope.close();
  };
}

type Sending = {
  readonly passage: Passage;
  readonly body: Exclude<HeldBody, { kind: "broken" }>;
  readonly isMcp: boolean;
};

function send(incoming: Incoming, { passage, body, isMcp }: Sending, parts: ForwardParts): void {
  const { request, response } = incoming;
  const outgoing = begin(request, passage.scope.server, { body, isMcp });
  let isAnswered = false;
  const fail = (error: unknown): void => failed(incoming, { passage, counts: parts.counts, error });
  outgoing.once("response", (answer) => {
    isAnswered = true;
    try {
      passAnswer({ answer, response }, passage, parts);
    } catch (error) {
      // What Node refuses to write, such as a status text with control characters.
      answer.destroy();
      fail(error);
    }
  });
  outgoing.on("error", (error) => {
    if (!isAnswered) fail(error); // the end of an answer says itself how it came
  });
  response.on("error", () => undefined); // `close` follows
  response.once("close", () => {
    if (response.writableFinished) return;
    outgoing.destroy();
    if (!isAnswered) passage.settle({ how: "client_gone" });
  });
  if (body.kind === "whole") return void outgoing.end(body.bytes);
  for (const part of body.parts) outgoing.write(part);
  request.pipe(outgoing);
}

function begin(
  request: IncomingMessage,
  { upstream }: ArmServer,
  { body, isMcp }: Pick<Sending, "body" | "isMcp">,
): ClientRequest {
  const { url, agent } = upstream;
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  return start({
    agent,
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port,
    method: request.method,
    path: upstreamTarget(request.url ?? "/", url, isMcp),
    maxHeaderSize: MAX_HEADER_BYTES,
    headers: upstreamHeaders(request.rawHeaders, {
      host: url.host,
      bodyBytes: body.kind === "whole" ? body.bytes.length : undefined,
    }),
  });
}

type Failure = { readonly passage: Passage; readonly counts: Counts; readonly error: unknown };

function failed(incoming: Incoming, { passage, counts, error }: Failure): void {
  passage.settle({ how: "upstream_gone" });
  if (incoming.response.destroyed) return;
  counts.upstreamFailures += 1;
  if (incoming.response.headersSent) return void incoming.response.destroy();
  answerText(incoming, 502, `The upstream server gave no answer: ${messageOf(error)}.`);
}

/** Plain text, so that nobody takes it for the server's own JSON-RPC. */
function answerText({ request, response }: Incoming, status: number, text: string): void {
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
  });
  response.end(text);
  request.resume(); // what is left of a body is let flow, so that the answer is seen and not a reset
}
