import { randomUUID } from "node:crypto";
import { WebStandardStreamableHTTPServerTransport, type McpServer } from "@modelcontextprotocol/server";
import type { Clock } from "../../model/time.ts";

/** A session of the handshake revisions, and who opened it. */
type Session = {
  readonly owner: string;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly server: McpServer;
  usedMs: number;
};

/** Sessions beyond this close the one that was used longest ago. */
const MOST_SESSIONS = 128;
/** A session that nobody used for so long is closed when another one opens, ms. */
const IDLE_MS = 60 * 60_000;

/** What sessions are opened with. */
export type SessionParts = { readonly clock: Pick<Clock, "monotonicMs">; readonly maxSessions?: number };

/** The sessions of a server on Streamable HTTP, revisions up to 2025-11-25. */
export type Sessions = {
  /** Serves one request of `owner`; `open` makes the server of a new session. */
  readonly serve: (request: Request, owner: string, open: () => McpServer) => Promise<Response>;
  readonly count: () => number;
  readonly close: () => Promise<void>;
};

/** Keeps sessions; an id alone does not open somebody else's session. */
export function keepSessions({ clock, maxSessions = MOST_SESSIONS }: SessionParts): Sessions {
  const sessions = new Map<string, Session>();
  const end = async (id: string): Promise<void> => {
    const session = sessions.get(id);
    sessions.delete(id);
    await session?.server.close();
  };
  const start = async (request: Request, owner: string, open: () => McpServer): Promise<Response> => {
    const server = open();
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        for (const old of surplus(sessions, clock.monotonicMs(), maxSessions)) void end(old);
        sessions.set(id, { owner, transport, server, usedMs: clock.monotonicMs() });
      },
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await server.connect(transport);
    const response = await transport.handleRequest(request);
    // A request that opened no session leaves nothing behind.
    if (transport.sessionId === undefined) await server.close();
    return response;
  };
  return {
    serve: async (request, owner, open) => {
      const id = request.headers.get("mcp-session-id");
      if (id === null) return start(request, owner, open);
      const session = sessions.get(id);
      if (session === undefined || session.owner !== owner) return unknownSession();
      session.usedMs = clock.monotonicMs();
      return session.transport.handleRequest(request);
    },
    count: () => sessions.size,
    close: async () => {
      await Promise.all([...sessions.keys()].map(end));
    },
  };
}

/** Sessions that make room for one more: the idle ones, and the oldest beyond the limit. */
function surplus(sessions: ReadonlyMap<string, Session>, nowMs: number, most: number): string[] {
  const byAge = [...sessions].toSorted(([, a], [, b]) => a.usedMs - b.usedMs);
  return byAge.filter(([, { usedMs }], at) => nowMs - usedMs > IDLE_MS || at <= byAge.length - most).map(([id]) => id);
}

function unknownSession(): Response {
  const error = { code: -32_001, message: "There is no such session; open one with initialize." };
  return Response.json({ jsonrpc: "2.0", id: null, error }, { status: 404 });
}
