import { SpanStatusCode } from "@opentelemetry/api";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { connectedPair, offerAdd, type Offer } from "./pair.ts";
import { startRecording, type Recording } from "./recording.ts";

let recording: Recording;
beforeEach(() => {
  recording = startRecording();
});
afterEach(() => recording[Symbol.dispose]());

const offerAll: Offer = (server) => {
  offerAdd(server);
  server.registerPrompt("greet", { argsSchema: { who: z.string() } }, ({ who }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Hello ${who}` } }],
  }));
  server.registerResource("note", "note://1", {}, () => ({ contents: [{ uri: "note://1", text: "x" }] }));
};

describe("what a client asks", () => {
  test("prompts/get names the prompt, resources/read only the method and the URI as an attribute", async () => {
    await using pair = await connectedPair(offerAll);
    await pair.client.getPrompt({ name: "greet", arguments: { who: "Ada" } });
    await pair.client.readResource({ uri: "note://1" });
    for (const side of ["client", "server"] as const) {
      const prompt = recording.span("prompts/get greet", side);
      expect(prompt.attributes).toMatchObject({ "mcp.method.name": "prompts/get", "gen_ai.prompt.name": "greet" });
      expect(prompt.attributes).not.toHaveProperty("gen_ai.operation.name");
      expect(JSON.stringify(prompt.attributes)).not.toContain("Ada");
      expect(recording.span("resources/read", side).attributes).toMatchObject({ "mcp.resource.uri": "note://1" });
    }
    expect(pair.instrumentation.faults()).toEqual({});
  });

  test("lists, ping, initialize and its notification have one span on each side", async () => {
    await using pair = await connectedPair(offerAll);
    await pair.client.listTools();
    await pair.client.listPrompts();
    await pair.client.listResources();
    await pair.client.listResourceTemplates();
    await pair.client.ping();
    const methods = [
      "initialize",
      "notifications/initialized",
      "tools/list",
      "prompts/list",
      "resources/list",
      "resources/templates/list",
      "ping",
    ];
    for (const method of methods) {
      const server = recording.span(method, "server");
      const client = recording.span(method, "client");
      expect(server.parentSpanContext?.spanId).toBe(client.spanContext().spanId);
    }
    expect(recording.spans()).toHaveLength(2 * methods.length);
  });

  test("notifications carry no request id, requests do, and both state the revision", async () => {
    await using pair = await connectedPair(offerAll);
    await pair.client.ping();
    expect(recording.span("notifications/initialized", "client").attributes).toEqual({
      "mcp.method.name": "notifications/initialized",
      "mcp.protocol.version": "2025-11-25",
    });
    expect(recording.span("initialize", "server").attributes).toEqual({
      "mcp.method.name": "initialize",
      "jsonrpc.request.id": "0",
      "mcp.protocol.version": "2025-11-25",
    });
  });
});

describe("what a server asks", () => {
  test("sampling, elicitation and roots inside a tool are CLIENT spans of the server below its SERVER span", async () => {
    const asks: Offer = (server) => {
      server.registerTool("ask", {}, async (extra) => {
        await server.server.createMessage({ messages: [], maxTokens: 1 }, { relatedRequestId: extra.requestId });
        await server.server.elicitInput({ message: "?", requestedSchema: { type: "object", properties: {} } });
        await server.server.listRoots();
        return { content: [] };
      });
    };
    await using pair = await connectedPair(asks, {
      client: { capabilities: { sampling: {}, elicitation: {}, roots: {} } },
      prepare: (client) => {
        client.setRequestHandler(CreateMessageRequestSchema, () => ({
          model: "m",
          role: "assistant",
          content: { type: "text", text: "" },
        }));
        client.setRequestHandler(ElicitRequestSchema, () => ({ action: "decline" }));
        client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [] }));
      },
    });
    await pair.client.callTool({ name: "ask" });
    const tool = recording.span("tools/call ask", "server");
    for (const method of ["sampling/createMessage", "elicitation/create", "roots/list"]) {
      const asked = recording.span(method, "client");
      expect(asked.parentSpanContext?.spanId).toBe(tool.spanContext().spanId);
      expect(recording.span(method, "server").parentSpanContext?.spanId).toBe(asked.spanContext().spanId);
      expect(asked.spanContext().traceId).toBe(tool.spanContext().traceId);
    }
    expect(pair.instrumentation.faults()).toEqual({});
  });

  test("progress and log notifications of a handler are below its span", async () => {
    await using pair = await connectedPair((server) => {
      server.registerTool("slow", {}, async ({ _meta, sendNotification }) => {
        const progressToken = _meta?.progressToken ?? 0;
        await sendNotification({ method: "notifications/progress", params: { progressToken, progress: 1 } });
        await server.sendLoggingMessage({ level: "info", data: "x" });
        return { content: [] };
      });
    });
    const seen: number[] = [];
    await pair.client.callTool({ name: "slow" }, undefined, { onprogress: ({ progress }) => seen.push(progress) });
    expect(seen).toEqual([1]);
    const tool = recording.span("tools/call slow", "server");
    for (const method of ["notifications/progress", "notifications/message"]) {
      expect(recording.span(method, "client").parentSpanContext?.spanId).toBe(tool.spanContext().spanId);
      expect(recording.span(method, "server").spanContext().traceId).toBe(tool.spanContext().traceId);
    }
  });
});

describe("a call that an outer execute_tool span covers", () => {
  const TOOL = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add" };
  const call = async (attributes: Record<string, string>, joinToolSpans?: boolean) => {
    await using pair = await connectedPair(offerAdd, { instrumentation: { joinToolSpans } });
    await recording.inside(
      "execute_tool add",
      () => pair.client.callTool({ name: "add", arguments: { a: 1, b: 1 } }),
      attributes,
    );
    return {
      outer: recording.spans().filter(({ name }) => name === "execute_tool add")[0],
      made: recording.spans().filter(({ name }) => name === "tools/call add"),
    };
  };

  test("gets the MCP attributes instead of a second span, and is the server's parent", async () => {
    const { outer, made } = await call(TOOL);
    expect(outer?.attributes).toMatchObject({
      ...TOOL,
      "mcp.method.name": "tools/call",
      "jsonrpc.request.id": "1",
      "mcp.protocol.version": "2025-11-25",
    });
    expect(made).toHaveLength(1);
    expect(made[0]?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    const points = await recording.points("mcp.client.operation.duration");
    expect(
      points.filter(({ attributes }) => attributes["gen_ai.tool.name"] === "add").map(({ count }) => count),
    ).toEqual([1]);
  });

  test.each([
    ["the option is off", TOOL, false],
    ["the outer span is of another tool", { ...TOOL, "gen_ai.tool.name": "other" }, true],
    ["the outer span is of another operation", { "gen_ai.operation.name": "chat" }, true],
  ])("makes its own span when %s", async (_why, attributes, joined) => {
    const { made } = await call(attributes, joined);
    expect(made).toHaveLength(2);
  });

  test("a tool that calls a tool of the same name has spans of its own", async () => {
    await using inner = await connectedPair(offerAdd);
    await using outer = await connectedPair((server) => {
      server.registerTool("add", {}, async () => {
        await inner.client.callTool({ name: "add", arguments: { a: 1, b: 1 } });
        return { content: [] };
      });
    });
    await outer.client.callTool({ name: "add" });
    expect(recording.spans().filter(({ name }) => name === "tools/call add")).toHaveLength(4);
  });

  test("takes over the error of the call", async () => {
    await using pair = await connectedPair((server) => {
      server.registerTool("add", {}, () => ({ content: [], isError: true }));
    });
    await recording.inside("execute_tool add", () => pair.client.callTool({ name: "add" }), TOOL);
    const outer = recording.spans().find(({ name }) => name === "execute_tool add");
    expect(outer?.attributes["error.type"]).toBe("tool_error");
    expect(outer?.status.code).toBe(SpanStatusCode.ERROR);
  });
});

describe("content", () => {
  test("is recorded only when asked for, sized and copied", async () => {
    const offer: Offer = (server) => {
      server.registerTool("echo", { inputSchema: { text: z.string() } }, ({ text }) => ({
        content: [{ type: "text", text }],
      }));
      offerAll(server);
    };
    await using pair = await connectedPair(offer, { instrumentation: { captureContent: true, contentLimit: 100 } });
    const given = { text: "short" };
    const pending = pair.client.callTool({ name: "echo", arguments: given });
    given.text = "changed";
    await pending;
    const span = recording.span("tools/call echo", "client");
    expect(span.attributes["gen_ai.tool.call.arguments"]).toEqual({ text: "short" });
    expect(span.attributes["gen_ai.tool.call.result"]).toMatchObject({ content: [{ type: "text" }] });
    recording.forget();
    await pair.client.callTool({ name: "echo", arguments: { text: "x".repeat(500) } });
    expect(recording.span("tools/call echo", "server").attributes["gen_ai.tool.call.arguments"]).toMatch(
      /^\{"text":"x{67} \[cut: 76 of 511 bytes\]$/,
    );
    expect(recording.span("tools/call echo", "server").attributes["whetstone.truncated_bytes"]).toBeGreaterThan(435);
    await pair.client.getPrompt({ name: "greet", arguments: { who: "Ada" } });
    expect(recording.span("prompts/get greet", "server").attributes["gen_ai.prompt.variable.who"]).toBe("Ada");
  });

  test("loses its secrets, and so do a URI and a status message", async () => {
    const offer: Offer = (server) => {
      offerAll(server);
      server.registerTool("log_in", { inputSchema: { password: z.string() } }, () => ({
        content: [{ type: "text", text: '{"access_token":"abc"}' }],
      }));
      server.registerPrompt("meet", { argsSchema: { token: z.string() } }, () => ({ messages: [] }));
    };
    await using pair = await connectedPair(offer, { instrumentation: { captureContent: true } });
    await pair.client.callTool({ name: "log_in", arguments: { password: "hunter2" } });
    await pair.client.getPrompt({ name: "meet", arguments: { token: "hunter2" } });
    const aws = `AKIA${"ABCDEFGHIJKLMNOP"}`;
    await expect(pair.client.readResource({ uri: `db://x/?key=${aws}` })).rejects.toThrow(aws);
    for (const side of ["client", "server"] as const) {
      const { attributes } = recording.span("tools/call log_in", side);
      expect(attributes["gen_ai.tool.call.arguments"]).toEqual({ password: "[redacted: key password]" });
      expect(JSON.stringify(attributes["gen_ai.tool.call.result"])).toContain("[redacted: key token]");
      expect(recording.span("prompts/get meet", side).attributes["gen_ai.prompt.variable.token"]).toBe(
        "[redacted: key token]",
      );
      const read = recording.span("resources/read", side);
      expect(read.attributes["mcp.resource.uri"]).toBe("db://x/?key=[redacted: AWS access key id]");
      expect(JSON.stringify(read.status)).not.toContain(aws);
    }
    expect(recording.span("resources/read", "client").status.message).toContain("[redacted: AWS access key id]");
  });

  test("passes the host's look, and a result of a failure is not recorded", async () => {
    const redact = (): string => "[redacted]";
    await using pair = await connectedPair(
      (server) => {
        server.registerTool("fail", { inputSchema: { key: z.string() } }, () => ({
          content: [{ type: "text", text: "why" }],
          isError: true,
        }));
      },
      { instrumentation: { captureContent: true, redact } },
    );
    await pair.client.callTool({ name: "fail", arguments: { key: "hunter2" } });
    const { attributes } = recording.span("tools/call fail", "server");
    expect(attributes["gen_ai.tool.call.arguments"]).toBe("[redacted]");
    expect(attributes).not.toHaveProperty("gen_ai.tool.call.result");
  });
});
