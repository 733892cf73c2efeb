import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../model/span.ts";
import type { Json } from "../model/json.ts";
import { classify, isObject, type RpcMessage } from "../capture/jsonrpc.ts";
import { callAttributes, outcomeAttributes, type Call } from "../capture/mcp-attributes.ts";
import type { Outcome } from "../capture/mcp-status.ts";
import { NETWORK } from "./transport.ts";

/** How arguments and results are recorded; they may hold anything, so nothing is by default. */
export type ContentPolicy = {
  /** Characters of JSON above which a value is cut; the cut is stated in it. */
  readonly limit: number;
  /** Last look at a value before it is recorded, for example to take secrets out. */
  readonly redact?: ((value: Json) => Json) | undefined;
};

/** The JSON-RPC message in an SDK's object; undefined for anything else, such as a batch. */
export function readMessage(value: unknown): RpcMessage | undefined {
  if (!isObject(value)) return undefined;
  const { id } = value;
  return classify(value, () => (typeof id === "string" || typeof id === "number" ? JSON.stringify(id) : undefined));
}

/** Attributes of a span at its start. */
export function startAttributes(call: Call, network: Attributes, content: ContentPolicy | undefined): Attributes {
  return {
    ...sized(callAttributes(call, content !== undefined), content),
    ...(content !== undefined && promptVariables(call, content)),
    [ATTR.networkTransport]: undefined,
    ...network,
  };
}

/** Attributes that the response adds. */
export function endAttributes(call: Call, outcome: Outcome, content: ContentPolicy | undefined): Attributes {
  return sized(outcomeAttributes(call, outcome, content !== undefined), content);
}

const METRIC_KEYS: readonly string[] = [
  ATTR.mcpMethod,
  ATTR.errorType,
  ATTR.toolName,
  ATTR.promptName,
  ATTR.responseStatus,
  ATTR.operationName,
  ATTR.mcpProtocol,
  ATTR.networkTransport,
  NETWORK.protocolName,
  NETWORK.serverAddress,
  NETWORK.serverPort,
];

/** What of a span's attributes belongs on its metrics: never ids, URIs or content. */
export function metricAttributes(attributes: Attributes): Attributes {
  const kept: Attributes = {};
  for (const key of METRIC_KEYS) if (attributes[key] !== undefined) kept[key] = attributes[key];
  return kept;
}

const CONTENT_KEYS: readonly string[] = [ATTR.toolArguments, ATTR.toolResult];

function sized(attributes: Record<string, Json>, content: ContentPolicy | undefined): Attributes {
  if (content === undefined) return attributes;
  const result: Attributes = { ...attributes };
  for (const key of CONTENT_KEYS) {
    const value = attributes[key];
    if (value !== undefined) result[key] = fitted(value, content);
  }
  return result;
}

function promptVariables(call: Call, content: ContentPolicy): Attributes {
  const given = call.method === "prompts/get" ? call.params["arguments"] : undefined;
  if (!isObject(given)) return {};
  const entries = Object.entries(given).map(([name, value]) => [
    `gen_ai.prompt.variable.${name}`,
    fitted(value as Json, content),
  ]);
  return Object.fromEntries(entries) as Attributes;
}

function fitted(value: Json, { limit, redact }: ContentPolicy): Json {
  const shown = redact === undefined ? value : redact(value);
  const text = JSON.stringify(shown);
  // A copy: the span is exported later, when the host may have changed its object.
  if (text.length <= limit) return JSON.parse(text) as Json;
  return `${text.slice(0, limit)} [cut: ${limit} of ${text.length} characters]`;
}
