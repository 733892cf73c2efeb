import type { Json } from "../../../src/model/json.ts";
import type { Span } from "../../../src/model/span.ts";
import type { Direction } from "../../../src/capture/exchange-table.ts";
import type { WireLine, WireMessage } from "./wire.ts";

/** What a span must say, as read from the wire by rules written down once more, from the conventions. */
export type Expected = {
  readonly name: string;
  readonly kind: "client" | "server";
  readonly status: "unset" | "error";
  readonly attributes: Readonly<Record<string, Json>>;
};

/** JSON-RPC codes that are the caller's mistake on the older wire, and so no error of the server. */
const CALLERS_FAULT = [-32700, -32600, -32601, -32602, -32002];

/** Attributes that differ from session to session. */
const OF_THE_SESSION = ["mcp.session.id", "mcp.protocol.version"];

/** Two spans for each request and notification on the wire, after the MCP semantic conventions. */
export function expectedSpans(lines: readonly WireLine[]): readonly Expected[] {
  const messages = lines.map(({ direction, text }) => ({ direction, message: JSON.parse(text) as WireMessage }));
  const answers = new Map(
    messages
      .filter(({ message }) => message.method === undefined)
      .map(({ direction, message }) => [`${direction} ${JSON.stringify(message.id)}`, message]),
  );
  return messages.flatMap(({ direction, message }) => {
    if (message.method === undefined) return [];
    const back: Direction = direction === "to-server" ? "to-client" : "to-server";
    const answer = message.id === undefined ? undefined : answers.get(`${back} ${JSON.stringify(message.id)}`);
    return (["client", "server"] as const).map((kind) => expectedSpan(message, answer, kind));
  });
}

function expectedSpan(message: WireMessage, answer: WireMessage | undefined, kind: "client" | "server"): Expected {
  const { id, method = "", params } = message;
  const tool = method === "tools/call" ? params?.name : undefined;
  const prompt = method === "prompts/get" ? params?.name : undefined;
  const errorType = errorTypeOf(answer, kind);
  const attributes: Record<string, Json | undefined> = {
    "mcp.method.name": method,
    "network.transport": "pipe",
    "jsonrpc.request.id": id === undefined ? undefined : String(id),
    "gen_ai.tool.name": tool,
    "gen_ai.operation.name": tool === undefined ? undefined : "execute_tool",
    "gen_ai.prompt.name": prompt,
    "mcp.resource.uri": params?.uri,
    "rpc.response.status_code": answer?.error && String(answer.error.code),
    "error.type": errorType,
  };
  return {
    name: [method, tool ?? prompt].filter(Boolean).join(" "),
    kind,
    status: errorType === undefined ? "unset" : "error",
    attributes: Object.fromEntries(
      Object.entries(attributes).filter((entry): entry is [string, Json] => entry[1] !== undefined),
    ),
  };
}

function errorTypeOf(answer: WireMessage | undefined, kind: "client" | "server"): string | undefined {
  if (answer?.result?.isError === true) return "tool_error";
  if (answer?.error === undefined) return undefined;
  const { code } = answer.error;
  return kind === "server" && CALLERS_FAULT.includes(code) ? undefined : String(code);
}

/** A stored span reduced to what {@link expectedSpans} tells. */
export function observed({ name, kind, status, attributes }: Span) {
  return {
    name,
    kind,
    status,
    attributes: Object.fromEntries(Object.entries(attributes).filter(([key]) => !OF_THE_SESSION.includes(key))),
  };
}

/** Order that does not depend on when something happened. */
export const inOrder = <T>(values: readonly T[]): readonly T[] =>
  values.toSorted((a, b) => (stable(a) < stable(b) ? -1 : 1));

const stable = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
