import { isObject } from "./jsonrpc.ts";
import type { Call } from "./mcp-attributes.ts";
import type { TraceContext } from "./trace-context.ts";

/**
 * Joins the requests of one multi round-trip operation (MCP 2026-07-28, `basic/patterns/mrtr`): a server that needs
 * input answers with `resultType: "input_required"` and a `requestState`, which the repeated request echoes.
 */
export type Rounds = {
  /** Remembers a request whose result asks for input. */
  readonly note: (call: Call, result: unknown, span: TraceContext) => void;
  /** The span of the request that this one repeats, when it is known. */
  readonly earlier: (call: Call) => TraceContext | undefined;
};

/** Rounds that are remembered; the oldest is forgotten first, for most are never taken up. */
const REMEMBERED = 10_000;

/** Rounds of one proxy: with the stateless wire any connection may bring the next one. */
export function rounds(limit: number = REMEMBERED): Rounds {
  const open = new Map<string, TraceContext>();
  return {
    note: (call, result, span) => {
      const key = isInputRequired(result) ? keyOf(call, result["requestState"]) : undefined;
      if (key === undefined) return;
      open.delete(key);
      open.set(key, span);
      const [oldest] = open.keys();
      if (open.size > limit && oldest !== undefined) open.delete(oldest);
    },
    earlier: (call) => {
      const key = isObject(call.params["inputResponses"]) ? keyOf(call, call.params["requestState"]) : undefined;
      return key === undefined ? undefined : open.get(key);
    },
  };
}

/** Whether a result is no end of the operation but a question to the client. */
export function isInputRequired(result: unknown): result is Readonly<Record<string, unknown>> {
  return isObject(result) && result["resultType"] === "input_required";
}

/** Whether a request brings answers to an earlier round. */
export function isResumed(call: Call): boolean {
  return isObject(call.params["inputResponses"]);
}

function keyOf({ method, params }: Call, state: unknown): string | undefined {
  return typeof state === "string" ? JSON.stringify([method, params["name"] ?? params["uri"], state]) : undefined;
}
