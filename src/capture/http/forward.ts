import { request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { messageOf } from "../../model/error.ts";
import { refusal } from "./admission.ts";
import { passAnswer } from "./answer.ts";
import { isIdentity } from "./content-coding.ts";
import type { Counts } from "./counts.ts";
import { upstreamHeaders } from "./headers.ts";
import { holdsMessages } from "./messages.ts";
import { openPassage, type ForwardParts, type Passage, type Read } from "./passage.ts";
import { holdBody, type HeldBody } from "./request-body.ts";
import { isEndpoint, upstreamTarget } from "./upstream.ts";

/** Largest header block that is taken and passed on, bytes. */
export const MAX_HEADER_BYTES = 64 * 1024;

/** A request and where its answer goes. */
export type Incoming = { readonly request: IncomingMessage; readonly response: ServerResponse };

/** Passes one request on and its answer back; resolves when both are under way. */
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
  const { passage, body: sent } = openPassage(request, { body, isMcp, isRead }, parts);
  try {
    send(incoming, { passage, body: sent }, parts);
  } catch (error) {
    // What Node's client refuses to write, such as a request target with a blank in it.
    failed(incoming, { passage, counts: parts.counts, error });
  }
}

type Sending = { readonly passage: Passage; readonly body: Read["body"] };

function send(incoming: Incoming, { passage, body }: Sending, parts: ForwardParts): void {
  const { request, response } = incoming;
  const outgoing = begin(request, { passage, body });
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

function begin(request: IncomingMessage, { passage, body }: Sending): ClientRequest {
  const { url, agent } = passage.scope.server.upstream;
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  return start({
    agent,
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port,
    method: request.method,
    path: upstreamTarget(request.url ?? "/", url, passage.isMcp),
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
