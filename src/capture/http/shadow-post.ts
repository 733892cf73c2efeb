import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { WhetstoneError } from "../../model/error.ts";
import { concat } from "../framing.ts";
import { readMessages, type RpcMessage } from "../jsonrpc.ts";
import { eventStream } from "./event-stream.ts";
import { MCP_HEADERS, mediaType } from "./headers.ts";
import type { Upstream } from "./upstream.ts";

/** One message to a server, and what bounds it. */
export type Post = {
  readonly upstream: Upstream;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly method: "POST" | "DELETE";
  readonly body: string;
  /** Id of the answer that is waited for, as JSON text; undefined: none. */
  readonly id: string | undefined;
  readonly signal: AbortSignal;
  /** Most bytes of an answer that are read. */
  readonly limitBytes: number;
};

/** What a server answered. */
export type Posted = {
  readonly status: number;
  readonly session: string | undefined;
  /** The message that answers; undefined when none was waited for. */
  readonly answer: RpcMessage | undefined;
};

/**
 * Sends one message and reads the answer, from JSON or from an event stream, up to a size; the connection is cut then.
 * @throws WhetstoneError `api_failed` when there is no such answer
 */
export async function post(sending: Post): Promise<Posted> {
  const { upstream, id } = sending;
  const answer = await begin(sending);
  try {
    const session = answer.headers[MCP_HEADERS.session];
    const status = answer.statusCode ?? 0;
    const found = id === undefined || status >= 400 ? undefined : await messageIn(answer, sending, id);
    if (id !== undefined && found === undefined) {
      throw new WhetstoneError("api_failed", `${upstream.url.origin} gave no answer (status ${status}).`, {
        data: { status },
      });
    }
    return { status, session: typeof session === "string" ? session : undefined, answer: found };
  } finally {
    // What is left is nobody's; a short rest is read so that the connection can be used again.
    if (answer.complete) answer.resume();
    else answer.destroy();
  }
}

function begin({ upstream, headers, method, body, signal }: Post): Promise<IncomingMessage> {
  const { url, agent } = upstream;
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const outgoing = start({
      agent,
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port,
      path: `${url.pathname}${url.search}`,
      method,
      headers: [...headers, "Host", url.host, "Content-Length", String(Buffer.byteLength(body))],
      signal,
    });
    outgoing.once("response", resolve);
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function messageIn(answer: IncomingMessage, sending: Post, id: string): Promise<RpcMessage | undefined> {
  const isStream = mediaType(answer.headers["content-type"]) === "text/event-stream";
  const { limitBytes } = sending;
  let found: RpcMessage | undefined;
  const look = (bytes: Uint8Array): void => {
    const messages = readMessages(Buffer.from(bytes).toString("utf8")).map(({ message }) => message);
    found ??= messages.find((one) => (one.kind === "result" || one.kind === "error") && one.id === id);
  };
  const events = eventStream({
    limitBytes,
    read: (bytes) => {
      look(bytes);
      return { bytes, passed: () => undefined };
    },
  });
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > limitBytes) {
      throw new WhetstoneError(
        "api_failed",
        `${sending.upstream.url.origin} answered with more than ${limitBytes} bytes.`,
      );
    }
    if (isStream) events.push(chunk);
    else parts.push(chunk);
    // An event stream may stay open after the answer.
    if (found !== undefined) return found;
  }
  if (!isStream) look(concat(parts, length));
  return found;
}
