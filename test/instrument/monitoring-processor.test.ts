import { metrics, SpanKind, SpanStatusCode, type Attributes } from "@opentelemetry/api";
import { TracerProvider, type TracerProviderOptions } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { headSampler } from "../../src/instrument/head-sampler.ts";
import { MonitoringSpanProcessor } from "../../src/instrument/monitoring-processor.ts";
import { startRecording, type Recording } from "./recording.ts";

let recording: Recording;
beforeEach(() => {
  recording = startRecording();
});
afterEach(() => recording[Symbol.dispose]());

type Given = { name: string; attributes?: Attributes; error?: boolean; kind?: SpanKind; ms?: number };

function record(spans: readonly Given[], options: TracerProviderOptions = {}): void {
  const provider = new TracerProvider({ spanProcessors: [new MonitoringSpanProcessor()], ...options });
  const tracer = provider.getTracer("test");
  for (const { name, attributes = {}, error, kind = SpanKind.SERVER, ms = 1 } of spans) {
    const span = tracer.startSpan(name, { attributes, kind, startTime: 1_700_000_000_000 });
    if (error === true) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(1_700_000_000_000 + ms);
  }
}

const counts = async (metric: string) =>
  (await recording.points(metric)).map(({ attributes, count }) => [attributes, count]);

describe("Claude spans", () => {
  test("give calls, durations and tokens by operation, model and result", async () => {
    const model = { "gen_ai.request.model": "m" };
    record([
      {
        name: "claude_code.llm_request",
        attributes: { ...model, input_tokens: "100", "gen_ai.usage.output_tokens": 7, cache_read_tokens: 3 },
      },
      { name: "claude_code.llm_request", attributes: { ...model, input_tokens: 50 } },
      { name: "claude_code.tool", attributes: { tool_name: "Read", success: "false" } },
      { name: "claude.session", attributes: { "claude.token_usage": 1234 }, error: true },
    ]);
    expect(await counts("whetstone.claude.calls")).toEqual([
      [{ operation: "claude_code.llm_request", model: "m", result: "success" }, 2],
      [{ operation: "claude_code.tool", "gen_ai.tool.name": "Read", result: "error" }, 1],
      [{ operation: "claude.session", result: "error" }, 1],
    ]);
    expect(await counts("whetstone.claude.tokens")).toEqual([
      [{ operation: "claude_code.llm_request", model: "m", type: "output" }, 7],
      [{ operation: "claude_code.llm_request", model: "m", type: "input" }, 150],
      [{ operation: "claude_code.llm_request", model: "m", type: "cache_read" }, 3],
      [{ operation: "claude.session", type: "total" }, 1234],
    ]);
    expect((await recording.points("whetstone.claude.duration")).map(({ count }) => count)).toEqual([2, 1, 1]);
  });
});

describe("MCP spans", () => {
  const call = (more: Attributes = {}) => ({ "mcp.method.name": "tools/call", "gen_ai.tool.name": "add", ...more });
  const coded = (code: string, more: Attributes = {}) => call({ "rpc.response.status_code": code, ...more });

  test.each([
    ["success", { attributes: call() }],
    ["tool_error", { attributes: call({ "error.type": "tool_error" }), error: true }],
    ["caller_error", { attributes: coded("-32602") }],
    ["caller_error", { attributes: coded("-32602", { "error.type": "-32602" }), error: true, kind: SpanKind.CLIENT }],
    ["caller_error", { attributes: coded("-32020", { "mcp.protocol.version": "2026-07-28" }) }],
    ["error", { attributes: coded("-32020", { "error.type": "-32020" }), error: true }],
    ["error", { attributes: coded("-32603", { "error.type": "-32603" }), error: true }],
    ["error", { attributes: call({ "error.type": "timeout" }), error: true, kind: SpanKind.CLIENT }],
  ] as const satisfies readonly (readonly [string, Omit<Given, "name">])[])("%s", async (result, rest) => {
    const given: Omit<Given, "name"> = rest;
    record([{ name: "tools/call add", ...given }]);
    const side = given.kind === SpanKind.CLIENT ? "client" : "server";
    expect(await counts("whetstone.mcp.calls")).toEqual([
      [{ operation: "tools/call", "gen_ai.tool.name": "add", result, side }, 1],
    ]);
  });

  test("are known by their attribute or their name; others are left alone", async () => {
    record([
      { name: "mcp.client.session", attributes: { "mcp.token_usage": 5 } },
      { name: "prompts/get p", attributes: { "mcp.method.name": "prompts/get", "gen_ai.prompt.name": "p" } },
      { name: "GET /" },
      { name: "claude-like" },
    ]);
    expect(await counts("whetstone.mcp.calls")).toEqual([
      [{ operation: "mcp.client.session", result: "success", side: "server" }, 1],
      [{ operation: "prompts/get", "gen_ai.prompt.name": "p", result: "success", side: "server" }, 1],
    ]);
    expect(await counts("whetstone.mcp.tokens")).toEqual([
      [{ operation: "mcp.client.session", side: "server", type: "total" }, 5],
    ]);
    expect(await counts("whetstone.claude.calls")).toEqual([]);
  });

  test("unusable token counts are left out", async () => {
    record([{ name: "mcp.x", attributes: { input_tokens: "many", "mcp.token_usage": -1 } }]);
    expect(await counts("whetstone.mcp.tokens")).toEqual([]);
  });
});

test("counters add weights, so that rates stay true under sampling", async () => {
  let made = 0;
  const idGenerator = {
    generateTraceId: () => `${"0".repeat(18)}${(made++ * 2).toString(16).padStart(2, "0")}${"0".repeat(11)}1`,
    generateSpanId: () => "1".repeat(16),
  };
  const spans = Array.from({ length: 128 }, () => ({ name: "mcp.call", attributes: { "mcp.token_usage": 2 } }));
  record(spans, { sampler: headSampler(0.25), idGenerator });
  expect((await counts("whetstone.mcp.calls"))[0]?.[1]).toBe(128);
  expect((await counts("whetstone.mcp.tokens"))[0]?.[1]).toBe(256);
});

test("follows a provider that is registered later, and has nothing to flush", async () => {
  metrics.disable();
  const processor = new MonitoringSpanProcessor();
  const tracer = new TracerProvider({ spanProcessors: [processor] }).getTracer("test");
  tracer.startSpan("mcp.early").end();
  recording[Symbol.dispose]();
  recording = startRecording();
  tracer.startSpan("mcp.late").end();
  expect((await counts("whetstone.mcp.calls")).map(([attributes]) => (attributes as Attributes)["operation"])).toEqual([
    "mcp.late",
  ]);
  await expect(Promise.all([processor.forceFlush(), processor.shutdown()])).resolves.toBeDefined();
});
