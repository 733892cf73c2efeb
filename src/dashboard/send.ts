import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Problem } from "./problem.ts";

/** A request with the response that it gets. */
export type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

/** Nothing of an answer is run, framed, guessed at, kept or shared with another origin. No CORS header is ever sent. */
const SECURITY_HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
} as const;

/** An answer that is sent whole. */
export type WholeAnswer = {
  readonly status: number;
  readonly type?: string;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Sends an answer; to HEAD without its body. */
export function sendWhole({ request, response }: Exchange, { status, type, text = "", headers }: WholeAnswer): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    ...(type !== undefined && { "Content-Type": type }),
    ...(status !== 204 && { "Content-Length": body.length }),
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** Sends one JSON document. */
export function sendJson(exchange: Exchange, body: unknown, headers: Readonly<Record<string, string>>): void {
  sendWhole(exchange, { status: 200, type: "application/json", text: JSON.stringify(body), headers });
}

/** Sends a problem. */
export function sendProblem(exchange: Exchange, problem: Problem, headers: Readonly<Record<string, string>>): void {
  const text = JSON.stringify(problem);
  sendWhole(exchange, { status: problem.status, type: "application/problem+json", text, headers });
}

/** How a stream is sent. */
export type StreamAnswer = {
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pieces: AsyncIterable<string>;
  /** Aborts when nobody reads any more, or the server stops. */
  readonly signal: AbortSignal;
  /** Resolves when a reader that takes nothing has had long enough. */
  readonly patience: (signal: AbortSignal) => Promise<void>;
};

/**
 * Sends pieces as they come. The next piece is asked for only when the one before has left, so that a slow reader costs
 * no memory; one that takes nothing for too long is cut off. `false`: it was.
 */
export async function sendStream({ request, response }: Exchange, answer: StreamAnswer): Promise<boolean> {
  response.writeHead(200, {
    ...SECURITY_HEADERS,
    "Content-Type": answer.type,
    // Proxies that collect answers would hold events back.
    "X-Accel-Buffering": "no",
    ...answer.headers,
  });
  if (request.method === "HEAD") {
    response.end();
    return true;
  }
  response.flushHeaders();
  for await (const piece of answer.pieces) {
    if (response.write(piece)) continue;
    if (await hasDrained(response, answer)) continue;
    response.destroy();
    return false;
  }
  response.end();
  return true;
}

async function hasDrained(response: ServerResponse, { signal, patience }: StreamAnswer): Promise<boolean> {
  const waiting = new AbortController();
  const over = AbortSignal.any([signal, waiting.signal]);
  try {
    return await Promise.race([
      once(response, "drain", { signal: over }).then(
        () => true,
        () => false,
      ),
      patience(over).then(
        () => false,
        () => false,
      ),
    ]);
  } finally {
    waiting.abort();
  }
}
