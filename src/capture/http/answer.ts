import type { IncomingMessage, ServerResponse } from "node:http";
import type { ForwardParts, Passage } from "./passage.ts";
import { endToEnd, MCP_HEADERS, mediaType } from "./headers.ts";
import type { Passing } from "./event-stream.ts";
import { watchAnswer } from "./watch-answer.ts";

type Answering = { readonly answer: IncomingMessage; readonly response: ServerResponse };

/** Passes an answer back as it comes, with backpressure, and reads what it says on the way. */
export function passAnswer({ answer, response }: Answering, passage: Passage, parts: ForwardParts): void {
  const status = answer.statusCode ?? 0;
  noteSession(answer, passage, parts);
  if (status < 400) passage.entry.passed();
  const watch = watchAnswer(answer, {
    scope: passage.scope,
    wire: passage.wires.toClient,
    budget: parts.budget,
    isMcp: passage.isMcp,
  });
  writeHead({ answer, response });
  const settle = async (how: "answered" | "client_gone" | "upstream_gone"): Promise<void> => {
    const seen = await watch.seen();
    parts.counts.unread += seen.unread;
    passage.settle({ how, status, seen });
  };
  answer.on("data", (chunk: Uint8Array) => {
    if (!write(response, watch.push(chunk))) answer.pause();
  });
  response.on("drain", () => answer.resume());
  let isEnded = false;
  answer.once("end", () => {
    isEnded = true;
    write(response, watch.end());
    response.end();
    void settle("answered");
  });
  answer.once("close", () => {
    if (isEnded) return;
    if (response.destroyed) return void settle("client_gone");
    // A clean end would tell the client that this was all.
    parts.counts.upstreamFailures += 1;
    response.destroy();
    void settle("upstream_gone");
  });
  answer.on("error", () => undefined); // `close` follows
}

function writeHead({ answer, response }: Answering): void {
  const isStream = mediaType(answer.headers["content-type"]) === "text/event-stream";
  response.sendDate = false;
  // A length would not hold for events into which a context is written.
  const headers = endToEnd(answer.rawHeaders, isStream ? ["content-length"] : []);
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? "", headers);
  if (isStream) response.flushHeaders();
  else setImmediate(() => response.flushHeaders()); // with the first bytes of the body when they are there already
}

function write(response: ServerResponse, { parts, passed }: Passing): boolean {
  let more = true;
  for (const part of parts) more = response.write(part) && more;
  passed();
  return more;
}

/** Learns which sessions begin and end from what the upstream answers. */
function noteSession(answer: IncomingMessage, { asked, method, scope, key }: Passage, parts: ForwardParts): void {
  const { sessions, arms } = parts;
  const status = answer.statusCode ?? 0;
  if (asked.isModern) return;
  if (asked.session !== undefined) {
    if (status === 404 || (method === "DELETE" && status < 300)) return sessions.end(asked.session);
    if (status < 300) sessions.add(asked.session, scope);
    return;
  }
  if (status >= 300) return;
  const given = answer.headers[MCP_HEADERS.session];
  if (typeof given === "string" && given !== "") return sessions.add(given, scope);
  if (asked.isInitialize) arms.pin(key, scope.server);
}
