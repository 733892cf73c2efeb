import { SpanStatusCode } from "@opentelemetry/api";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { ErrorCode, McpError, ResultSchema, type JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createInstrumentation } from "../../src/instrument/core.ts";
import { connectedPair, offerAdd, type Offer } from "./pair.ts";
import { startRecording, type Recording } from "./recording.ts";

let recording: Recording;
beforeEach(() => {
  recording = startRecording();
});
afterEach(() => recording[Symbol.dispose]());

/** Sends one request over a watched pair of transports and answers it with an error of this code. */
async function exchangeError(code: number, modern: boolean): Promise<void> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const { watch, faults } = createInstrumentation();
  watch(near);
  watch(far);
  near.onmessage = () => undefined;
  far.onmessage = () => undefined;
  await near.start();
  await far.start();
  const meta = modern ? { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } : {};
  await near.send({ jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "t", _meta: meta } });
  await far.send({ jsonrpc: "2.0", id: 7, error: { code, message: "what went wrong" } });
  expect(faults()).toEqual({});
}

/** What the error table of the MCP conventions says of a code, per side and revision. */
const TABLE: readonly (readonly [code: number, legacyServer: boolean, modernServer: boolean])[] = [
  [-32700, false, false],
  [-32600, false, false],
  [-32601, false, false],
  [-32602, false, false],
  [-32002, false, true],
  [-32020, true, false],
  [-32021, true, false],
  [-32022, true, false],
  [-32603, true, true],
  [-32000, true, true],
  [-32001, true, true],
  [-32019, true, true],
  [-32042, true, true],
  [42, true, true],
];

describe.each([
  ["legacy", false],
  ["modern", true],
] as const)("a JSON-RPC error on the %s wire", (_era, modern) => {
  test.each(TABLE)("%i", async (code, legacyServer, modernServer) => {
    await exchangeError(code, modern);
    const client = recording.span("tools/call t", "client");
    expect(client.attributes).toMatchObject({ "error.type": String(code), "rpc.response.status_code": String(code) });
    expect(client.status).toEqual({ code: SpanStatusCode.ERROR, message: "what went wrong" });
    const server = recording.span("tools/call t", "server");
    expect(server.attributes["rpc.response.status_code"]).toBe(String(code));
    const isError = modern ? modernServer : legacyServer;
    expect(server.attributes["error.type"]).toBe(isError ? String(code) : undefined);
    expect(server.status).toEqual(
      isError ? { code: SpanStatusCode.ERROR, message: "what went wrong" } : { code: SpanStatusCode.UNSET },
    );
  });
});

describe("errors of the SDK itself", () => {
  test("an unknown tool, an unknown resource and an unknown method", async () => {
    await using pair = await connectedPair(offerAdd);
    const unknown = await pair.client.callTool({ name: "none" });
    expect(unknown.isError).toBe(true);
    expect(recording.span("tools/call none", "server").attributes["error.type"]).toBe("tool_error");
    await expect(pair.client.readResource({ uri: "note://none" })).rejects.toThrow();
    expect(recording.span("resources/read", "client").attributes["error.type"]).toBe(String(ErrorCode.MethodNotFound));
    expect(recording.span("resources/read", "server").status.code).toBe(SpanStatusCode.UNSET);
    await expect(pair.client.request({ method: "made/up" }, ResultSchema)).rejects.toThrow();
    expect(recording.span("made/up", "server").attributes["rpc.response.status_code"]).toBe("-32601");
  });

  test("a handler that throws an internal error is an error of the server", async () => {
    await using pair = await connectedPair((server) => {
      server.registerResource("note", "note://1", {}, () => {
        throw new McpError(ErrorCode.InternalError, "broken");
      });
    });
    await expect(pair.client.readResource({ uri: "note://1" })).rejects.toThrow("broken");
    expect(recording.span("resources/read", "server").attributes["error.type"]).toBe("-32603");
  });
});

/** A tool that waits until its caller gives up, and says so. */
function waiting(): { offer: Offer; started: Promise<void>; gaveUp: Promise<void> } {
  const started = Promise.withResolvers<void>();
  const gaveUp = Promise.withResolvers<void>();
  const offer: Offer = (server) => {
    server.registerTool("wait", {}, async ({ signal }) => {
      signal.addEventListener("abort", () => gaveUp.resolve());
      started.resolve();
      await gaveUp.promise;
      return { content: [] };
    });
  };
  return { offer, started: started.promise, gaveUp: gaveUp.promise };
}

describe("calls without an answer", () => {
  test("cancelled by the caller: an error of type cancelled on both sides, and a span for the notification", async () => {
    const { offer, started, gaveUp } = waiting();
    await using pair = await connectedPair(offer);
    const controller = new AbortController();
    const call = pair.client.callTool({ name: "wait" }, undefined, { signal: controller.signal });
    await started;
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow();
    await gaveUp;
    for (const side of ["client", "server"] as const) {
      expect(recording.span("tools/call wait", side).attributes["error.type"]).toBe("cancelled");
      expect(recording.span("notifications/cancelled", side).status.code).toBe(SpanStatusCode.UNSET);
    }
  });

  test("the caller's time is up: timeout at the client, cancelled at the server", async () => {
    const { offer, gaveUp } = waiting();
    await using pair = await connectedPair(offer);
    await expect(pair.client.callTool({ name: "wait" }, undefined, { timeout: 1 })).rejects.toThrow("timed out");
    await gaveUp;
    expect(recording.span("tools/call wait", "client").attributes["error.type"]).toBe("timeout");
    expect(recording.span("tools/call wait", "server").attributes["error.type"]).toBe("cancelled");
  });

  test("a signal that aborts for its own time is a timeout too", async () => {
    const { offer, gaveUp } = waiting();
    await using pair = await connectedPair(offer);
    const call = pair.client.callTool({ name: "wait" }, undefined, { signal: AbortSignal.timeout(1) });
    await expect(call).rejects.toThrow();
    await gaveUp;
    expect(recording.span("tools/call wait", "client").attributes["error.type"]).toBe("timeout");
  });

  test("the signal belongs to its own request, not to one that is sent later", async () => {
    const { offer, started, gaveUp } = waiting();
    await using pair = await connectedPair((server) => {
      offer(server);
      offerAdd(server);
    });
    const controller = new AbortController();
    const call = pair.client.callTool({ name: "wait" }, undefined, { signal: controller.signal });
    await started;
    await pair.client.callTool({ name: "add", arguments: { a: 1, b: 1 } });
    controller.abort();
    await expect(call).rejects.toThrow();
    await gaveUp;
    expect(recording.span("tools/call add", "client").status.code).toBe(SpanStatusCode.UNSET);
    expect(recording.span("tools/call wait", "client").attributes["error.type"]).toBe("cancelled");
  });

  test("the connection closes: an error of type transport on both sides", async () => {
    const { offer, started } = waiting();
    await using pair = await connectedPair(offer);
    const call = pair.client.callTool({ name: "wait" });
    const failed = expect(call).rejects.toThrow("Connection closed");
    await started;
    await pair.client.close();
    await failed;
    for (const side of ["client", "server"] as const) {
      expect(recording.span("tools/call wait", side).attributes["error.type"]).toBe("transport");
    }
  });

  test.each([
    { what: "a broken pipe", thrown: new TypeError("secret in here"), errorType: "TypeError", status: undefined },
    { what: "an HTTP status", thrown: Object.assign(new Error("x"), { code: 503 }), errorType: "503", status: 503 },
    { what: "a thing that is no error", thrown: "text", errorType: "_OTHER", status: undefined },
  ])("the transport fails with $what: its class, never its text", async ({ thrown, errorType, status }) => {
    const [near] = InMemoryTransport.createLinkedPair();
    near.send = () => Promise.reject(thrown as Error);
    createInstrumentation().watch(near);
    const message: JSONRPCMessage = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "t" } };
    await expect(near.send(message)).rejects.toBe(thrown);
    await expect(near.send({ jsonrpc: "2.0", method: "notifications/progress" })).rejects.toBe(thrown);
    for (const name of ["tools/call t", "notifications/progress"]) {
      const span = recording.span(name, "client");
      expect(span.attributes["error.type"]).toBe(errorType);
      expect(span.attributes["http.response.status_code"]).toBe(status);
      expect(JSON.stringify([span.status, span.attributes])).not.toContain("secret");
    }
  });

  test("a request that reuses an open id ends the older one", async () => {
    const [near] = InMemoryTransport.createLinkedPair();
    createInstrumentation().watch(near);
    const message: JSONRPCMessage = { jsonrpc: "2.0", id: 1, method: "ping" };
    await near.send(message);
    await near.send(message);
    expect(recording.span("ping", "client").attributes["error.type"]).toBe("duplicate_id");
  });
});
