import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { WhetstoneError } from "../../model/error.ts";
import type { Attributes } from "../../model/span.ts";

/** A server that requests are passed on to. */
export type Upstream = {
  readonly url: URL;
  readonly agent: HttpAgent;
  /** `server.address` and `server.port` of spans. */
  readonly attributes: Attributes;
};

/** Paths that stand for the upstream's own path, so that one URL can be handed to clients whatever that path is. */
const ENDPOINT_PATHS: ReadonlySet<string> = new Set(["/", "/mcp"]);

/** Idle connections that are kept per upstream. */
const MAX_FREE_SOCKETS = 64;

/** Below the 5 s after which Node and uvicorn close idle connections, lest a request meet a closing one. */
const IDLE_MS = 4_000;

/**
 * Reads the URL of an upstream.
 * @throws WhetstoneError `usage` when it is no http(s) URL or holds credentials
 */
export function parseUpstream(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new WhetstoneError("usage", `"${text}" is no http or https URL.`, {
      remedy: "Name the MCP server such as http://127.0.0.1:3001/mcp.",
    });
  }
  if (url.username !== "" || url.password !== "") {
    throw new WhetstoneError(
      "usage",
      `The URL of ${url.host} holds credentials, which would be seen by everybody here.`,
      {
        remedy: "Let the client send its Authorization header; it is passed on.",
      },
    );
  }
  return url;
}

/** An upstream with its connections. `maxSockets`: at least the connections that clients may hold. */
export function openUpstream(url: URL, maxSockets: number): Upstream {
  const options = { keepAlive: true, maxSockets, maxFreeSockets: MAX_FREE_SOCKETS, timeout: IDLE_MS };
  const isSecure = url.protocol === "https:";
  return {
    url,
    agent: isSecure ? new HttpsAgent(options) : new HttpAgent(options),
    attributes: {
      "server.address": url.hostname.replace(/^\[(.*)\]$/, "$1"),
      "server.port": url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
    },
  };
}

/** Whether a request target is the MCP endpoint: the baseline's path, `/` or `/mcp`; all when its URL has no path. */
export function isEndpoint(target: string, baseline: URL): boolean {
  const [path] = splitOnce(target, "?");
  return baseline.pathname === "/" || path === baseline.pathname || ENDPOINT_PATHS.has(path);
}

/**
 * The request target for an upstream. The MCP endpoint goes to the upstream's own path, if its URL has one; every other
 * target goes to its origin as it came (`/.well-known/…` of OAuth is looked for there).
 */
export function upstreamTarget(target: string, upstream: URL, endpoint: boolean): string {
  if (!endpoint || upstream.pathname === "/") return target;
  const [, query] = splitOnce(target, "?");
  const queries = [upstream.search.slice(1), query ?? ""].filter((part) => part !== "");
  return queries.length === 0 ? upstream.pathname : `${upstream.pathname}?${queries.join("&")}`;
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
