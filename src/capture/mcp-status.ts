import { isObject, type RpcMessage } from "./jsonrpc.ts";

/** How an MCP operation ended, as far as the wire shows it. */
export type Outcome =
  | { readonly kind: "result"; readonly result: unknown }
  | { readonly kind: "error"; readonly code: number | undefined; readonly message: string }
  /** An HTTP answer without JSON-RPC: its status. */
  | { readonly kind: "http"; readonly status: number }
  /** Cancelled by the caller, or without an answer when the connection ended. */
  | { readonly kind: "unanswered"; readonly errorType: "cancelled" | "transport" | "duplicate_id" }
  /** A notification, or a request that was acknowledged and whose answer comes elsewhere or not at all. */
  | { readonly kind: "sent" };

/** What the outcome means on one side: absent `errorType` means status unset. */
export type SideStatus = { readonly errorType?: string; readonly message?: string };

/** Revision from which the wire is stateless and the codes −32020 to −32022 exist. */
const MODERN_REVISION = "2026-07-28";

/** Whether a protocol version belongs to the stateless wire; versions are dates and compare as text. */
export function isModern(version: string | undefined): boolean {
  return version !== undefined && version >= MODERN_REVISION;
}

/** Mistakes of the caller: no error of the server. */
const CALLERS_FAULT: ReadonlySet<number> = new Set([-32700, -32600, -32601, -32602]);
const CALLERS_FAULT_LEGACY: ReadonlySet<number> = new Set([-32002]);
const CALLERS_FAULT_MODERN: ReadonlySet<number> = new Set([-32020, -32021, -32022]);

/** The outcome that a response message states. */
export function outcomeOf(message: Extract<RpcMessage, { kind: "result" | "error" }>): Outcome {
  if (message.kind === "result") return { kind: "result", result: message.result };
  return { kind: "error", code: message.code, message: message.message };
}

/**
 * Status of one side's span. Source: MCP semantic conventions (`docs/gen-ai/mcp.md`, registry `common.yaml` as of
 * #404): on the client every error code is an error, on the server the caller's mistakes are not; which codes those
 * are depends on the protocol revision (switch as in Sentry's MCP integration).
 */
export function sideStatus(
  outcome: Outcome,
  side: "client" | "server",
  protocolVersion: string | undefined,
): SideStatus {
  switch (outcome.kind) {
    case "sent":
      return {};
    case "http":
      // HTTP conventions: a status of 4xx is the caller's mistake, and so no error of the server.
      return outcome.status >= (side === "client" ? 400 : 500) ? { errorType: String(outcome.status) } : {};
    case "unanswered":
      return { errorType: outcome.errorType };
    case "result":
      return isToolError(outcome.result) ? { errorType: "tool_error" } : {};
    case "error": {
      if (side === "server" && outcome.code !== undefined && isCallersFault(outcome.code, protocolVersion)) return {};
      const message = outcome.message === "" ? {} : { message: outcome.message };
      return { errorType: outcome.code === undefined ? "_OTHER" : String(outcome.code), ...message };
    }
  }
}

/** Whether a result is a `CallToolResult` that reports a failure of the tool. */
export function isToolError(result: unknown): boolean {
  return isObject(result) && result["isError"] === true;
}

function isCallersFault(code: number, protocolVersion: string | undefined): boolean {
  if (CALLERS_FAULT.has(code)) return true;
  return (isModern(protocolVersion) ? CALLERS_FAULT_MODERN : CALLERS_FAULT_LEGACY).has(code);
}
