import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listen, authority } from "../../capture/collect/listen.ts";
import { refusal } from "../../capture/http/admission.ts";
import { messageOf } from "../../model/error.ts";
import { sendResponse, webRequest } from "./bridge.ts";
import { createHttpHandler, type HttpHandler, type HttpHandlerOptions } from "./handler.ts";

export type HttpServerOptions = HttpHandlerOptions & {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Host names that are allowed in `Host` and `Origin` besides loopback. */
  readonly allowedHosts: readonly string[];
};

/** A running server; disposing it ends its sessions and streams. */
export type HttpServer = AsyncDisposable & { readonly url: string; readonly port: number };

/** What Streamable HTTP uses; web requests cannot even hold some others. */
const METHODS: ReadonlySet<string> = new Set(["POST", "GET", "DELETE"]);

/** The one path of the endpoint. */
const MCP_PATH = "/mcp";

/**
 * Serves MCP over Streamable HTTP at `/mcp`, and `/healthz`.
 * @throws WhetstoneError `usage`: host and port cannot be listened on
 */
export async function startHttp(options: HttpServerOptions): Promise<HttpServer> {
  const handler = createHttpHandler(options);
  const server = createServer((request, response) => {
    answer({ request, response }, handler, options).catch((error: unknown) => {
      options.onError(error instanceof Error ? error : new Error(messageOf(error)));
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  const port = await listen(server, options);
  return {
    port,
    url: `http://${authority({ host: options.host, port })}${MCP_PATH}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      await handler.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

async function answer(
  { request, response }: Exchange,
  handler: HttpHandler,
  { host, allowedHosts }: HttpServerOptions,
): Promise<void> {
  const refused = refusal(request.headers, { listenHost: host, allowedHosts });
  if (refused !== undefined) return sendResponse(plain(403, refused), response);
  const path = request.url?.split("?")[0];
  if (path === "/healthz") return sendResponse(plain(200, "ok"), response);
  if (path !== MCP_PATH) return sendResponse(plain(404, `MCP is at ${MCP_PATH}.`), response);
  if (!METHODS.has(request.method ?? "")) return sendResponse(plain(405, "MCP takes POST, GET and DELETE."), response);
  await sendResponse(await handler.handle(webRequest(request, response)), response);
}

const plain = (status: number, text: string): Response => new Response(`${text}\n`, { status });
