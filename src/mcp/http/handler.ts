import { createMcpHandler, isLegacyRequest, type McpServer } from "@modelcontextprotocol/server";
import type { Identity } from "../../protect/api-key.ts";
import type { Clock } from "../../model/time.ts";
import type { Caller } from "../server.ts";
import { keepSessions } from "./sessions.ts";

export type HttpHandlerOptions = {
  /** Makes the server of a session, or of one request on the stateless wire. */
  readonly open: (caller: Caller) => McpServer;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** What the `Authorization` header proves; absent where the server asks for no key. */
  readonly identify?: (authorization: string | undefined) => Promise<Identity>;
  readonly onError: (error: Error) => void;
};

/** A web handler of MCP's HTTP endpoint, on both wires. */
export type HttpHandler = {
  readonly handle: (request: Request) => Promise<Response>;
  readonly close: () => Promise<void>;
};

/** Largest message that is read, bytes. */
const MOST_BODY_BYTES = 4 * 1024 * 1024;

/**
 * Serves MCP over HTTP: revisions up to 2025-11-25 in sessions, 2026-07-28 request by request. `Host` and
 * `Origin` are for the caller to check.
 */
export function createHttpHandler({ open, clock, identify, onError }: HttpHandlerOptions): HttpHandler {
  const sessions = keepSessions({ clock });
  const modern = createMcpHandler(({ authInfo }) => open(callerOf(authInfo?.extra)), {
    legacy: "reject",
    onerror: onError,
    maxRequestBodySize: MOST_BODY_BYTES,
  });
  return {
    handle: async (request) => {
      const identity = identify && (await identify(request.headers.get("authorization") ?? undefined));
      if (identity?.kind === "refused") return unauthorized(identity.why);
      const caller: Caller = identity === undefined ? { name: "", role: undefined } : identity.principal;
      const owner = identity === undefined ? "" : identity.principal.keyId;
      if (await isLegacyRequest(request, undefined, { maxRequestBodySize: MOST_BODY_BYTES })) {
        return sessions.serve(request, owner, () => open(caller));
      }
      const authInfo = { token: "", clientId: owner, scopes: [], extra: { caller } };
      return modern.fetch(request, { authInfo });
    },
    close: async () => {
      await Promise.all([sessions.close(), modern.close()]);
    },
  };
}

function callerOf(extra: Record<string, unknown> | undefined): Caller {
  return (extra?.["caller"] as Caller | undefined) ?? { name: "", role: undefined };
}

function unauthorized(why: string): Response {
  const error = { code: -32_000, message: `The API key is ${why === "missing" ? "missing" : `refused: ${why}`}.` };
  const hint =
    "Make one with `whetstone api-key create NAME --role developer` and send it as Authorization: Bearer KEY.";
  return Response.json(
    { jsonrpc: "2.0", id: null, error: { ...error, data: { remedy: hint } } },
    { status: 401, headers: { "WWW-Authenticate": 'Bearer realm="whetstone"' } },
  );
}
