import { SpanStatusCode, trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { connectedPair, offerAdd } from "./pair.ts";
import { startRecording, type Recording } from "./recording.ts";

let recording: Recording;
beforeEach(() => {
  recording = startRecording();
});
afterEach(() => recording[Symbol.dispose]());

describe("tools/call on the server", () => {
  test("makes a SERVER span with the names and attributes of the conventions", async () => {
    await using pair = await connectedPair(offerAdd);
    await pair.client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
    const span = recording.span("tools/call add", "server");
    expect(span.attributes).toEqual({
      "mcp.method.name": "tools/call",
      "gen_ai.tool.name": "add",
      "gen_ai.operation.name": "execute_tool",
      "jsonrpc.request.id": "1",
      "mcp.protocol.version": "2025-11-25",
    });
    expect(span.status).toEqual({ code: SpanStatusCode.UNSET });
    expect(span.instrumentationScope.name).toBe("whetstone.instrument");
    expect(pair.instrumentation.faults()).toEqual({});
  });

  test("is below the CLIENT span of the call, and what the handler does is below it", async () => {
    await using pair = await connectedPair((server) => {
      server.registerTool("deep", {}, async () => {
        await Promise.resolve();
        await recording.inside("query", async () => undefined);
        return { content: [] };
      });
    });
    await recording.inside("agent", () => pair.client.callTool({ name: "deep" }));
    const agent = recording.spans().find(({ name }) => name === "agent");
    const client = recording.span("tools/call deep", "client");
    const server = recording.span("tools/call deep", "server");
    const query = recording.spans().find(({ name }) => name === "query");
    expect(client.parentSpanContext?.spanId).toBe(agent?.spanContext().spanId);
    expect(server.parentSpanContext).toMatchObject({ spanId: client.spanContext().spanId, isRemote: true });
    expect(query?.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
    expect(
      new Set(
        recording
          .spans()
          .filter((s) => s.name !== "initialize" && !s.name.startsWith("notifications"))
          .map((s) => s.spanContext().traceId),
      ).size,
    ).toBe(1);
    expect(server.links).toEqual([]);
  });

  test("ends after the response was written, and its time is inside the client's", async () => {
    await using pair = await connectedPair(offerAdd);
    await pair.client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
    const ns = ([s, n]: readonly [number, number]): number => s * 1e9 + n;
    const server = recording.span("tools/call add", "server");
    const client = recording.span("tools/call add", "client");
    expect(ns(server.duration)).toBeGreaterThan(0);
    expect(ns(client.duration)).toBeGreaterThan(0);
    expect(recording.spans().filter((span) => span.name.startsWith("tools/call"))).toHaveLength(2);
  });

  test("a failing tool is a tool_error on both sides, without text in the status", async () => {
    await using pair = await connectedPair((server) => {
      server.registerTool("broken", {}, () => {
        throw new Error("secret detail");
      });
    });
    await pair.client.callTool({ name: "broken" });
    for (const side of ["client", "server"] as const) {
      const span = recording.span("tools/call broken", side);
      expect(span.attributes["error.type"]).toBe("tool_error");
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR });
    }
  });

  test("the handler sees the span as active", async () => {
    let seen: string | undefined;
    await using pair = await connectedPair((server) => {
      server.registerTool("look", {}, async () => {
        await new Promise((done) => setImmediate(done));
        seen = trace.getActiveSpan()?.spanContext().spanId;
        return { content: [] };
      });
    });
    await pair.client.callTool({ name: "look" });
    expect(seen).toBe(recording.span("tools/call look", "server").spanContext().spanId);
  });
});
