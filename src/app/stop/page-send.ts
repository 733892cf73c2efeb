import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { refusedStopPage } from "./page-html.ts";

/** A request with the response that it gets. */
export type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

/** Why nothing was done; the text is for the sender. */
export type Refused = { readonly status: number; readonly said: string };

/** What is answered besides the page. */
type Sent = { readonly status: number; readonly headers?: Readonly<Record<string, string>> };

/** Answers a method that a path does not have. */
export function refuseMethod(exchange: Exchange, allowed: string): void {
  sendPage(exchange, refusedStopPage(`Use ${allowed}.`), { status: 405, headers: { Allow: allowed } });
}

/** Answers with a page that says why nothing was done. */
export function refuse(exchange: Exchange, { status, said }: Refused): void {
  sendPage(exchange, refusedStopPage(said), { status });
}

/** Sends a page that nobody keeps or frames, without scripts, whose form goes to this server alone. */
export function sendPage({ request, response }: Exchange, html: string, { status, headers = {} }: Sent): void {
  const style = /<style>([^<]*)<\/style>/.exec(html)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  response.writeHead(status, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": Buffer.byteLength(html),
    "Cache-Control": "no-store",
    "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    "Cross-Origin-Resource-Policy": "same-origin",
    // Not no-referrer: a browser would then send the form with the origin null.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : html);
}
