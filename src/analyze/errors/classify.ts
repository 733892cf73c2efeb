import type { Json } from "../../model/json.ts";
import { ATTR, type Span } from "../../model/span.ts";
import type { Call } from "../calls.ts";

/**
 * What an error is a sign of. `caller_mistake`: the request was wrong (JSON-RPC −32700, −32600…−32602, HTTP and gRPC codes
 * of that meaning); `tool_failure`: the tool ran and said that it failed (`isError`); `unreachable`: nobody answered in
 * time or at all; `server_fault`: everything else. A change of protocol revision moves errors from one class to another,
 * so rates are to be kept apart by class.
 */
export const ERROR_CLASSES = ["caller_mistake", "tool_failure", "unreachable", "server_fault"] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];

/** `error.type` where nothing says more (OpenTelemetry's fallback value). */
export const OTHER_ERROR = "_OTHER";

/** Codes of requests that are wrong in themselves: JSON-RPC, MCP (−32002, −32020…−32022), HTTP, gRPC (number and name). */
const CALLER_MISTAKES = new Set(
  [
    "-32700 -32600 -32601 -32602 -32002 -32020 -32021 -32022",
    "400 401 403 404 405 406 409 410 411 412 413 414 415 422 429",
    "INVALID_ARGUMENT NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED UNAUTHENTICATED FAILED_PRECONDITION OUT_OF_RANGE",
    "UNIMPLEMENTED",
  ].flatMap((codes) => codes.split(" ")),
);
const UNREACHABLE =
  /time.?d?.?out|deadline|cancel|abort|unavail|refused|reset|unreach|connection|ENOTFOUND|EHOSTUNREACH|^(?:499|502|503|504|408)$/i;
const STATUS_ATTRIBUTES = [
  ATTR.responseStatus,
  "http.response.status_code",
  "http.status_code",
  "rpc.grpc.status_code",
];

/** `error.type`, else the type of a recorded exception, innermost span of the call first; `_OTHER` where neither is. */
export function errorTypeOf(call: Call): string {
  for (const { span } of call.nodes.toReversed()) {
    const type = typeOfSpan(span);
    if (type !== undefined) return type;
  }
  return OTHER_ERROR;
}

function typeOfSpan(span: Span): string | undefined {
  const recorded = [span.attributes[ATTR.errorType], ...span.events.map((event) => event.attributes["exception.type"])];
  return recorded.find((value): value is string => typeof value === "string" && value !== "");
}

/** The class of a failed call's error, by its innermost span that failed; `server_fault` where none says more. */
export function errorClassOf(call: Call): ErrorClass {
  const failing = call.nodes.toReversed().find(({ span }) => span.status === "error");
  return (failing && classifyError(failing.span)) ?? "server_fault";
}

/** The class of a span's error by its `error.type`, status codes and message; undefined where its status is no error. */
export function classifyError(span: Span): ErrorClass | undefined {
  if (span.status !== "error") return undefined;
  const type = typeOfSpan(span) ?? "";
  if (type === "tool_error") return "tool_failure";
  const codes = [type, ...STATUS_ATTRIBUTES.map((name) => codeText(span.attributes[name]))];
  if (codes.some((code) => CALLER_MISTAKES.has(code))) return "caller_mistake";
  if ([...codes, span.statusMessage ?? ""].some((text) => UNREACHABLE.test(text))) return "unreachable";
  return "server_fault";
}

function codeText(value: Json | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
