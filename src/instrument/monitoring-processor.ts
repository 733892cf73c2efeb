import { metrics, SpanKind, SpanStatusCode, type Attributes, type MeterProvider } from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import { weightOf } from "../model/sample-weight.ts";
import { ATTR } from "../model/span.ts";
import { sideStatus } from "../capture/mcp-status.ts";
import { DURATION_BOUNDS } from "./telemetry.ts";

/** Instrumentation scope of the metrics that are derived from spans. */
const SCOPE = "whetstone.monitoring";

/** Attributes in which spans state token usage, and the type of token; numbers may come as text. */
const TOKEN_ATTRIBUTES: readonly (readonly [attribute: string, type: string])[] = [
  ["claude.token_usage", "total"],
  ["mcp.token_usage", "total"],
  ["gen_ai.usage.input_tokens", "input"],
  ["gen_ai.usage.output_tokens", "output"],
  ["input_tokens", "input"],
  ["output_tokens", "output"],
  ["cache_read_tokens", "cache_read"],
  ["cache_creation_tokens", "cache_creation"],
];

/** A failure of the tool, a mistake of the caller and a fault of the server are three things with three remedies. */
type Result = "success" | "tool_error" | "caller_error" | "error";

/**
 * Derives metrics from finished spans: of Claude sessions from `claude.*` and `claude_code.*`, of MCP from spans that
 * state `mcp.method.name` or are named `mcp.*`.
 *
 * - `whetstone.claude.calls`, `whetstone.mcp.calls`: counters by operation, tool and result;
 * - `whetstone.claude.duration`, `whetstone.mcp.duration`: histograms, seconds;
 * - `whetstone.claude.tokens`, `whetstone.mcp.tokens`: counters by type of token.
 *
 * Counters add the span's sample weight, so that rates stay true under sampling; a histogram takes each seen span once.
 * Put it before a tail sampler, so that it sees what that leaves out.
 */
export class MonitoringSpanProcessor implements SpanProcessor {
  readonly #meters: () => Families;

  /** `provider` defaults to the global one, also when that is registered later. */
  constructor(provider: () => MeterProvider = () => metrics.getMeterProvider()) {
    let made: { readonly provider: MeterProvider; readonly families: Families } | undefined;
    this.#meters = () => {
      const current = provider();
      if (made?.provider !== current) made = { provider: current, families: makeFamilies(current) };
      return made.families;
    };
  }

  onStart(): void {
    // Everything that is derived is known at the end only.
  }

  onEnd(span: ReadableSpan): void {
    const family = familyOf(span);
    if (family === undefined) return;
    const weight = weightOf(span.attributes);
    const meters = this.#meters()[family];
    const attributes = family === "claude" ? claudeAttributes(span) : mcpAttributes(span);
    meters.calls.add(weight, attributes);
    meters.duration.record(span.duration[0] + span.duration[1] / 1e9, attributes);
    for (const [name, type] of TOKEN_ATTRIBUTES) {
      const tokens = Number(span.attributes[name] ?? 0);
      if (!Number.isFinite(tokens) || tokens <= 0) continue;
      const { result: _result, ...about } = attributes;
      meters.tokens.add(tokens * weight, { ...about, type });
    }
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

type Families = ReturnType<typeof makeFamilies>;

function makeFamilies(provider: MeterProvider) {
  const meter = provider.getMeter(SCOPE);
  const family = (name: string) => ({
    calls: meter.createCounter(`whetstone.${name}.calls`, { unit: "{call}", description: "Finished calls." }),
    duration: meter.createHistogram(`whetstone.${name}.duration`, {
      unit: "s",
      description: "Length of calls.",
      advice: { explicitBucketBoundaries: [...DURATION_BOUNDS] },
    }),
    tokens: meter.createCounter(`whetstone.${name}.tokens`, { unit: "{token}", description: "Tokens used." }),
  });
  return { claude: family("claude"), mcp: family("mcp") };
}

function familyOf({ name, attributes }: ReadableSpan): keyof Families | undefined {
  if (/^claude(_code)?\./.test(name)) return "claude";
  return attributes[ATTR.mcpMethod] !== undefined || name.startsWith("mcp.") ? "mcp" : undefined;
}

function claudeAttributes(span: ReadableSpan): Attributes {
  const { attributes, name, status } = span;
  const failed = status.code === SpanStatusCode.ERROR || String(attributes["success"]) === "false";
  const model = attributes["gen_ai.request.model"] ?? attributes["model"];
  const tool = attributes[ATTR.toolName] ?? attributes["tool_name"];
  return {
    operation: name,
    result: failed ? "error" : "success",
    ...(typeof model === "string" && { model }),
    ...(typeof tool === "string" && { [ATTR.toolName]: tool }),
  };
}

function mcpAttributes(span: ReadableSpan): Attributes {
  const { attributes, name, kind } = span;
  const method = attributes[ATTR.mcpMethod];
  const tool = attributes[ATTR.toolName];
  const prompt = attributes[ATTR.promptName];
  return {
    operation: typeof method === "string" ? method : name,
    result: resultOf(span),
    side: kind === SpanKind.CLIENT ? "client" : "server",
    ...(typeof tool === "string" && { [ATTR.toolName]: tool }),
    ...(typeof prompt === "string" && { [ATTR.promptName]: prompt }),
  };
}

function resultOf({ attributes, status }: ReadableSpan): Result {
  if (attributes[ATTR.errorType] === "tool_error") return "tool_error";
  const code = Number(attributes[ATTR.responseStatus]);
  const version = attributes[ATTR.mcpProtocol];
  const ofServer = sideStatus(
    { kind: "error", code, message: "" },
    "server",
    typeof version === "string" ? version : undefined,
  );
  if (Number.isInteger(code) && ofServer.errorType === undefined) return "caller_error";
  return status.code === SpanStatusCode.ERROR ? "error" : "success";
}
