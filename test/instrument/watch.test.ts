import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createInstrumentation } from "../../src/instrument/core.ts";
import { named, startRecording, type Recording } from "./recording.ts";

let recording: Recording;
beforeEach(() => {
  recording = startRecording();
});
afterEach(() => recording[Symbol.dispose]());

const PING: JSONRPCMessage = { jsonrpc: "2.0", id: 1, method: "ping" };

async function watchedPair() {
  const { watch, faults } = createInstrumentation();
  const [near, far] = InMemoryTransport.createLinkedPair();
  for (const transport of [near, far]) {
    watch(transport);
    transport.onmessage = () => undefined;
    await transport.start();
  }
  return { near, far, watch, faults };
}

describe("a transport", () => {
  test("that is started again with callbacks above the old ones makes one span per message", async () => {
    const { near, far } = await watchedPair();
    const earlier = far.onmessage;
    const seen: string[] = [];
    far.onmessage = (message, extra) => {
      earlier?.(message, extra);
      seen.push("later");
    };
    await far.start();
    await near.send(PING);
    await far.send({ jsonrpc: "2.0", id: 1, result: {} });
    expect(seen).toEqual(["later"]);
    expect(named(recording.spans())).toBe("CLIENT ping UNSET; SERVER ping UNSET");
  });

  test("that is watched twice makes one span per message", async () => {
    const { near, far, watch } = await watchedPair();
    watch(near);
    watch(far);
    await near.send(PING);
    await far.send({ jsonrpc: "2.0", id: 1, result: {} });
    expect(recording.spans()).toHaveLength(2);
  });

  test("keeps what its functions give and throw", async () => {
    const { watch } = createInstrumentation();
    const calls: unknown[][] = [];
    const transport = {
      start: (...args: unknown[]) => args,
      send: (...args: unknown[]): unknown => {
        calls.push(args);
        if (args[1] === "throw") throw new Error("at once");
        return args[1] === "value" ? 5 : Promise.resolve("later");
      },
      onclose: () => "closed",
      onmessage: (..._args: unknown[]): unknown => "handled",
    };
    watch(transport);
    expect(transport.start(1, 2)).toEqual([1, 2]);
    expect(transport.send(PING, "value", 3)).toBe(5);
    expect(() => transport.send(PING, "throw")).toThrow("at once");
    await expect(transport.send(PING)).resolves.toBe("later");
    expect(calls[0]?.slice(1)).toEqual(["value", 3]);
    expect(transport.onmessage(PING, {})).toBe("handled");
    expect(transport.onclose()).toBe("closed");
  });
});

test("a subscription ends with its acknowledgement, on both sides; its life is no call", async () => {
  const { near, far, faults } = await watchedPair();
  const id = "sub-1";
  const meta = { "io.modelcontextprotocol/subscriptionId": id };
  const changed = { jsonrpc: "2.0", method: "notifications/tools/list_changed", params: { _meta: meta } } as const;
  await near.send({ jsonrpc: "2.0", id, method: "subscriptions/listen", params: {} });
  await far.send({ jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged", params: { _meta: meta } });
  for (const side of ["client", "server"] as const) {
    expect(recording.span("subscriptions/listen", side).attributes).not.toHaveProperty("error.type");
  }
  await far.send(changed);
  await far.send({ jsonrpc: "2.0", id, result: {} });
  await near.close();
  expect(recording.spans().filter(({ name }) => name === "subscriptions/listen")).toHaveLength(2);
  expect(recording.spans()).toHaveLength(6);
  expect(faults()).toEqual({});
});

test("a notification that names another open request does not end it", async () => {
  const { near, far } = await watchedPair();
  await near.send(PING);
  const meta = { "io.modelcontextprotocol/subscriptionId": 1 };
  await far.send({ jsonrpc: "2.0", method: "notifications/tools/list_changed", params: { _meta: meta } });
  expect(recording.spans().filter(({ name }) => name === "ping")).toHaveLength(0);
});
