import type { Json } from "../model/json.ts";
import { PROMPT_VARIABLE } from "../model/content.ts";
import { ATTR, type Attributes } from "../model/span.ts";
import { idText, isObject, type JsonObject, type RpcMessage } from "./jsonrpc.ts";
import { isModern, isToolError, type Outcome } from "./mcp-status.ts";
import { isInputRequired, isResumed } from "./rounds.ts";

/** Resource attribute with one value per process that produces spans (OpenTelemetry resource conventions). */
export const SERVICE_INSTANCE = "service.instance.id";

/**
 * On a request that is one of several of an operation: its duration is not the operation's, which also holds the time
 * a person takes to answer. No latency is judged on it.
 */
export const MULTI_ROUND = "whetstone.multi_round";

/**
 * On calls without a session where traffic is split: which client they are of, under a name that tells nothing else.
 * What was drawn is the client, so its calls belong together as those of a session do.
 */
export const UNIT = "whetstone.unit";

/** Status of an HTTP answer that held no JSON-RPC (OpenTelemetry HTTP conventions). */
const HTTP_STATUS = "http.response.status_code";

/** `_meta` key by which a stateless server names itself (MCP 2026-07-28). */
const META_SERVER_INFO = "io.modelcontextprotocol/serverInfo";

/** Longest version of a server that is taken over from what it says of itself. */
const VERSION_LIMIT = 128;

/** `_meta` key by which a stateless request states its protocol revision (MCP 2026-07-28). */
const META_PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion";

/** A message that starts an operation. */
export type Call = Extract<RpcMessage, { kind: "request" | "notification" }>;

/** Span name: `{method} {tool or prompt}`; the method alone where there is neither. Resource URIs stay out of it. */
export function spanName(call: Call): string {
  const target = toolName(call) ?? promptName(call);
  return target === undefined ? call.method : `${call.method} ${target}`;
}

/**
 * Attributes that the message itself states, after the MCP semantic conventions. Arguments are recorded only with
 * `captureContent`: they may hold anything.
 */
export function callAttributes(call: Call, captureContent: boolean): Attributes {
  const tool = toolName(call);
  const prompt = promptName(call);
  const uri = text(call.params["uri"]);
  const given = call.params["arguments"];
  return {
    [ATTR.mcpMethod]: call.method,
    ...(call.kind === "request" && { [ATTR.requestId]: idText(call.id) }),
    ...(tool !== undefined && { [ATTR.toolName]: tool, [ATTR.operationName]: "execute_tool" }),
    ...(prompt !== undefined && { [ATTR.promptName]: prompt }),
    ...(uri !== undefined && { [ATTR.resourceUri]: uri }),
    ...(captureContent && tool !== undefined && given !== undefined && { [ATTR.toolArguments]: given as Json }),
    ...(captureContent && prompt !== undefined && isObject(given) && promptVariables(given)),
  };
}

function promptVariables(given: JsonObject): Attributes {
  const entries = Object.entries(given).map(([name, value]) => [`${PROMPT_VARIABLE}${name}`, value as Json]);
  return Object.fromEntries(entries) as Attributes;
}

/** Attributes that only the end of the operation tells. A result is recorded only with `captureContent`. */
export function outcomeAttributes(call: Call, outcome: Outcome, captureContent: boolean): Attributes {
  const round = isResumed(call) || (outcome.kind === "result" && isInputRequired(outcome.result));
  return { ...(round && { [MULTI_ROUND]: true }), ...answerAttributes(call, outcome, captureContent) };
}

function answerAttributes(call: Call, outcome: Outcome, captureContent: boolean): Attributes {
  if (outcome.kind === "http") return { [HTTP_STATUS]: outcome.status };
  if (outcome.kind === "error" && outcome.code !== undefined) return { [ATTR.responseStatus]: String(outcome.code) };
  if (outcome.kind !== "result" || !captureContent || toolName(call) === undefined) return {};
  if (isToolError(outcome.result) || outcome.result === undefined) return {};
  return { [ATTR.toolResult]: outcome.result as Json };
}

/** Revision and session; a stateless connection is not a session, so none is stated there. */
export function sessionAttributes(version: string | undefined, session: string | undefined): Attributes {
  return {
    ...(version !== undefined && { [ATTR.mcpProtocol]: version }),
    ...(session !== undefined && !isModern(version) && { [ATTR.mcpSession]: session }),
  };
}

/** The revision that a stateless request carries; absent on the older wire. */
export function statedVersion(params: JsonObject): string | undefined {
  return isObject(params["_meta"]) ? text(params["_meta"][META_PROTOCOL_VERSION]) : undefined;
}

/** The revision that an `initialize` result settles. */
export function negotiatedVersion(call: Call, outcome: Outcome): string | undefined {
  if (call.method !== "initialize" || outcome.kind !== "result" || !isObject(outcome.result)) return undefined;
  return text(outcome.result["protocolVersion"]);
}

/**
 * The version that a server states of itself: in the `initialize` result, or in `_meta` of any stateless one.
 * Self-reported, so good for grouping only.
 */
export function reportedVersion(outcome: Outcome): string | undefined {
  if (outcome.kind !== "result" || !isObject(outcome.result)) return undefined;
  const { serverInfo, _meta: meta } = outcome.result;
  const info = isObject(serverInfo) ? serverInfo : isObject(meta) ? meta[META_SERVER_INFO] : undefined;
  return isObject(info) ? text(info["version"])?.slice(0, VERSION_LIMIT) : undefined;
}

function toolName(call: Call): string | undefined {
  return call.method === "tools/call" ? text(call.params["name"]) : undefined;
}

function promptName(call: Call): string | undefined {
  return call.method === "prompts/get" ? text(call.params["name"]) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
