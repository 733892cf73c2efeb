import type { Attributes, AttributeValue } from "@opentelemetry/api";
import { ATTR } from "../model/span.ts";
import type { Json } from "../model/json.ts";
import { classify, isObject, type RpcMessage } from "../capture/jsonrpc.ts";
import { callAttributes, outcomeAttributes, type Call } from "../capture/mcp-attributes.ts";
import { isContentAttribute, PROMPT_VARIABLE } from "../model/content.ts";
import type { Redactor } from "../protect/redact.ts";
import { textRedactor } from "../protect/redact-text.ts";
import type { Outcome } from "../capture/mcp-status.ts";
import { NETWORK } from "./transport.ts";

/** How arguments and results are recorded; they may hold anything, so nothing is by default. */
export type ContentPolicy = {
  /** Takes secrets out and cuts what is too large; the cut is stated in the value. */
  readonly redactor: Redactor;
  /** The host's own look at a value before that. */
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
    ...withoutSecrets(callAttributes(call, content !== undefined), content),
    [ATTR.networkTransport]: undefined,
    ...network,
  };
}

/** An operation as far as its end depends on its beginning. */
type Begun = { readonly call: Call; readonly attributes: Attributes };

/** Attributes that the response adds. */
export function endAttributes(begun: Begun, outcome: Outcome, content: ContentPolicy | undefined): Attributes {
  const ended = withoutSecrets(outcomeAttributes(begun.call, outcome, content !== undefined), content);
  const cut = ended[ATTR.truncatedBytes];
  const before = begun.attributes[ATTR.truncatedBytes];
  return typeof cut === "number" && typeof before === "number"
    ? { ...ended, [ATTR.truncatedBytes]: cut + before }
    : ended;
}

/** Takes secrets out of texts that are recorded whether or not content is. */
export const shownText = textRedactor();

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

/** Content by the policy; secrets that can be told out of all other texts, such as the URI of a resource. */
function withoutSecrets(attributes: Record<string, Json>, content: ContentPolicy | undefined): Attributes {
  const result: Attributes = {};
  let cut = 0;
  for (const [name, value] of Object.entries(attributes)) {
    if (content === undefined || !isContentAttribute(name)) {
      result[name] = typeof value === "string" ? shownText(value) : (value as AttributeValue);
      continue;
    }
    const variable = name.startsWith(PROMPT_VARIABLE) ? name.slice(PROMPT_VARIABLE.length) : undefined;
    const given = content.redact === undefined ? value : content.redact(value);
    const kept = content.redactor.content(given, variable);
    result[name] = kept.value as AttributeValue;
    cut += kept.truncatedBytes;
  }
  return cut === 0 ? result : { ...result, [ATTR.truncatedBytes]: cut };
}
