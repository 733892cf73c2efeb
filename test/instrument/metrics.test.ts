import { metrics } from "@opentelemetry/api";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createInstrumentation } from "../../src/instrument/core.ts";
import { connectedPair, offerAdd } from "./pair.ts";
import { startRecording, type Recording } from "./recording.ts";

let recording: Recording;
beforeEach(() => {
  recording = startRecording();
});
afterEach(() => recording[Symbol.dispose]());

const BOUNDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

describe.each(["client", "server"] as const)("mcp.%s.operation.duration", (side) => {
  test("counts every message with the bounds and attributes of the conventions, no ids and no URIs", async () => {
    await using pair = await connectedPair((server) => {
      offerAdd(server);
      server.registerResource("note", "note://1", {}, () => ({ contents: [{ uri: "note://1", text: "x" }] }));
    });
    await pair.client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
    await pair.client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
    await pair.client.callTool({ name: "none" });
    await pair.client.readResource({ uri: "note://1" });
    const points = await recording.points(`mcp.${side}.operation.duration`);
    const protocol = { "mcp.protocol.version": "2025-11-25" };
    const tool = { "mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool", ...protocol };
    const counts = points.map(({ attributes, count }) => [attributes, count]);
    expect(counts).toEqual(
      expect.arrayContaining([
        [{ ...tool, "gen_ai.tool.name": "add" }, 2],
        [{ ...tool, "gen_ai.tool.name": "none", "error.type": "tool_error" }, 1],
        [{ "mcp.method.name": "resources/read", ...protocol }, 1],
        [{ "mcp.method.name": "initialize", ...protocol }, 1],
        [{ "mcp.method.name": "notifications/initialized", ...protocol }, 1],
      ]),
    );
    expect(counts).toHaveLength(5);
    for (const point of points) expect(point.bounds).toEqual(BOUNDS);
  });
});

describe("session duration", () => {
  const ended = async (side: string) =>
    (await recording.points(`mcp.${side}.session.duration`)).map(({ attributes, count, bounds }) => ({
      attributes,
      count,
      bounds,
    }));

  test("is recorded on both sides when the connection closes, once", async () => {
    const pair = await connectedPair(offerAdd);
    expect(await ended("client")).toEqual([]);
    await pair.client.close();
    pair.instrumentation.close();
    const session = { attributes: { "mcp.protocol.version": "2025-11-25" }, count: 1, bounds: BOUNDS };
    expect(await ended("client")).toEqual([session]);
    expect(await ended("server")).toEqual([session]);
    pair.instrumentation.unpatch();
  });

  test("is recorded at the end of the process for what is still open, with its error", async () => {
    await using pair = await connectedPair((server) => {
      server.registerTool("hang", {}, () => new Promise(() => undefined));
    });
    const call = expect(pair.client.callTool({ name: "hang" })).rejects.toThrow("Connection closed");
    pair.instrumentation.close();
    expect((await ended("client"))[0]?.attributes).toMatchObject({ "error.type": "transport" });
    expect(recording.span("tools/call hang", "server").attributes["error.type"]).toBe("transport");
    await pair.client.close();
    await call;
    expect((await ended("client"))[0]?.count).toBe(1);
  });

  test.each([
    ["initialize", 1],
    ["server/discover", 0],
  ])("is not recorded where the wire has no sessions: after %s on 2025-11-25 %i", async (method, recorded) => {
    for (const [protocolVersion, count] of [
      ["2026-07-28", 0],
      ["2025-11-25", recorded],
    ] as const) {
      await exchange(method, protocolVersion);
      expect(await ended("client")).toHaveLength(count);
      expect(await ended("server")).toHaveLength(count);
    }
  });

  async function exchange(method: string, protocolVersion: string): Promise<void> {
    const [near, far] = InMemoryTransport.createLinkedPair();
    const { watch, close } = createInstrumentation();
    for (const transport of [near, far]) {
      watch(transport);
      transport.onmessage = () => undefined;
      await transport.start();
    }
    await near.send({ jsonrpc: "2.0", id: 1, method, params: {} });
    await far.send({ jsonrpc: "2.0", id: 1, result: { protocolVersion } });
    await near.close();
    close();
  }
});

test("meters are made for the SDK that is registered later", async () => {
  recording[Symbol.dispose]();
  await using pair = await connectedPair(offerAdd);
  metrics.disable();
  recording = startRecording();
  await pair.client.ping();
  const points = await recording.points("mcp.client.operation.duration");
  expect(points.map(({ attributes }) => attributes["mcp.method.name"])).toEqual(["ping"]);
  expect(recording.span("ping", "server").parentSpanContext?.spanId).toBe(
    recording.span("ping", "client").spanContext().spanId,
  );
});

test("above ten thousand open requests new ones pass without a span, and are counted", async () => {
  const [near] = InMemoryTransport.createLinkedPair();
  const { watch, close, faults } = createInstrumentation();
  watch(near);
  const ping = (id: number): JSONRPCMessage => ({ jsonrpc: "2.0", id, method: "ping" });
  for (let id = 0; id < 10_003; id += 1) await near.send(ping(id));
  expect(await recording.points("whetstone.instrument.dropped")).toEqual([
    { attributes: { reason: "too_many_open" }, count: 3 },
  ]);
  await near.start();
  await near.close();
  expect(recording.spans()).toHaveLength(10_000);
  close();
  expect(faults()).toEqual({});
});
