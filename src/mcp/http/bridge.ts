import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";

/** A Node request as a web request; its signal aborts when the client goes away. */
export function webRequest(request: IncomingMessage, response: ServerResponse): Request {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const { method = "GET", url = "/" } = request;
  const hasBody = method !== "GET" && method !== "HEAD";
  const pairs = Object.entries(request.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  return new Request(`http://localhost${url}`, {
    method,
    headers: pairs.filter(([name]) => !name.startsWith(":")),
    signal: gone.signal,
    ...(hasBody && { body: Readable.toWeb(request) as unknown as ReadableStream, duplex: "half" }),
  });
}

/** Sends a web response; a client that goes away ends the stream behind it. */
export async function sendResponse(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.flushHeaders();
  if (answer.body === null) return void response.end();
  await pipeline(Readable.fromWeb(answer.body as ReadableStream), response).catch(() => undefined);
}
