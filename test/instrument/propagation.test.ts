import { propagation, ROOT_CONTEXT, trace, type TextMapGetter } from "@opentelemetry/api";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createInstrumentation } from "../../src/instrument/core.ts";
import { headerOf, remoteContext, withContext } from "../../src/instrument/propagation.ts";
import { startRecording, type Recording } from "./recording.ts";

const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER = "00-11111111111111111111111111111111-2222222222222222-01";

let recording: Recording;
beforeEach(() => {
  recording = startRecording();
});
afterEach(() => recording[Symbol.dispose]());

/** A watched pair of transports; what arrives at the far end is collected. */
async function wire(): Promise<{
  send: (message: unknown) => Promise<void>;
  arrived: JSONRPCMessage[];
  faults: () => object;
}> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const { watch, faults } = createInstrumentation();
  const arrived: JSONRPCMessage[] = [];
  watch(near);
  watch(far);
  far.onmessage = (message) => arrived.push(message);
  await far.start();
  return { send: (message) => near.send(message as JSONRPCMessage), arrived, faults };
}

const request = (params: unknown): object => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params });

/** Keys that matter and others, values of every kind. */
const meta = fc.dictionary(
  fc.oneof(
    fc.constantFrom("traceparent", "tracestate", "baggage", "progressToken", "__proto__", "constructor"),
    fc.string(),
  ),
  fc.oneof(fc.jsonValue(), fc.constantFrom(PARENT, "00-0-0-01", "a=b", "rojo=00f067aa0ba902b7")),
);

describe("properties", () => {
  test("the server's span is the client's child whatever _meta holds, and no other key changes", async () => {
    await fc.assert(
      fc.asyncProperty(meta, fc.jsonValue(), async (given, value) => {
        recording.forget();
        const { send, arrived, faults } = await wire();
        const params = { name: "t", arguments: value, _meta: given };
        const before = JSON.stringify(params);
        await send(request(params));
        await send({ jsonrpc: "2.0", method: "notifications/message", params: { _meta: given } });
        expect(JSON.stringify(params)).toBe(before);
        const [called] = arrived as unknown as { params: { _meta: Record<string, unknown> } }[];
        const carried = called?.params["_meta"] ?? {};
        const [, traceId, spanId] = String(carried["traceparent"]).split("-");
        const own = new Set(["traceparent", "tracestate", "baggage"]);
        const rest = (keys: object) => Object.fromEntries(Object.entries(keys).filter(([key]) => !own.has(key)));
        expect(rest(carried)).toEqual(rest(given));
        expect({ ...called?.params, _meta: undefined }).toEqual({ ...params, _meta: undefined });
        const server = recording.span("notifications/message", "server");
        const client = recording.span("notifications/message", "client");
        expect(server.parentSpanContext?.spanId).toBe(client.spanContext().spanId);
        expect(traceId).toMatch(/^[0-9a-f]{32}$/);
        expect(spanId).toMatch(/^[0-9a-f]{16}$/);
        expect(faults()).toEqual({});
      }),
      { numRuns: 300 },
    );
  });

  test("params and _meta that are no objects pass as they are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.boolean(), async (value, inMeta) => {
        fc.pre(typeof value !== "object" || value === null || Array.isArray(value));
        const { send, arrived, faults } = await wire();
        const message = request(inMeta ? { _meta: value } : value);
        await send(message);
        expect(arrived).toEqual([message]);
        expect(faults()).toEqual({});
      }),
    );
  });

  test("anything at all may pass through a watched transport", async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything({ withBigInt: true, withNullPrototype: true }), async (message) => {
        const { send, arrived, faults } = await wire();
        await send(message);
        expect(arrived).toHaveLength(1);
        expect(faults()).toEqual({});
      }),
    );
  });

  test("headers and _meta of any kind never make the reader throw", () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (extra, given) => {
        const telemetry = {
          extract: (onto: typeof ROOT_CONTEXT, carrier: unknown, getter: TextMapGetter<unknown>) =>
            propagation.extract(onto, carrier, getter),
        };
        remoteContext(telemetry, ROOT_CONTEXT, {
          params: { _meta: given },
          extra: { requestInfo: { headers: extra } },
        });
        remoteContext(telemetry, ROOT_CONTEXT, { params: {}, extra });
      }),
    );
  });
});

describe("the parent", () => {
  const arrivals = async (message: object, extra?: unknown) => {
    const [, far] = InMemoryTransport.createLinkedPair();
    const { watch } = createInstrumentation();
    watch(far);
    far.onmessage = () => undefined;
    await far.start();
    far.onmessage(message as JSONRPCMessage, extra as never);
    await far.send({ jsonrpc: "2.0", id: 1, result: {} });
    return recording.span("tools/call", "server");
  };
  const carrier = (traceparent: string) => ({ requestInfo: { headers: { traceparent } } });

  test("is _meta before the HTTP header", async () => {
    const span = await arrivals(request({ _meta: { traceparent: PARENT } }), carrier(OTHER));
    expect(span.spanContext().traceId).toBe(PARENT.split("-")[1]);
  });

  test.each([
    ["SDK 1.x", { requestInfo: { headers: { traceparent: OTHER } } }],
    ["SDK 1.x, a list", { requestInfo: { headers: { traceparent: [OTHER] } } }],
    ["SDK 2.x", { request: new Request("http://localhost/", { headers: { traceparent: OTHER } }) }],
  ])("is the HTTP header of %s when _meta says nothing valid", async (_sdk, extra) => {
    const span = await arrivals(request({ _meta: { traceparent: "00-zz" } }), extra);
    expect(span.parentSpanContext).toMatchObject({ spanId: OTHER.split("-")[2], isRemote: true });
  });

  test("is none otherwise, with a link to the ambient span", async () => {
    const ambient = await recording.inside("POST", async (span) => {
      await arrivals(request({}));
      return span.spanContext();
    });
    const span = recording.span("tools/call", "server");
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.spanContext().traceId).not.toBe(ambient.traceId);
    expect(span.links.map(({ context }) => context.spanId)).toEqual([ambient.spanId]);
  });

  test("from _meta keeps the link to the ambient HTTP span", async () => {
    const ambient = await recording.inside("POST", async (span) => {
      await arrivals(request({ _meta: { traceparent: PARENT } }));
      return span.spanContext();
    });
    const span = recording.span("tools/call", "server");
    expect(span.parentSpanContext?.spanId).toBe(PARENT.split("-")[2]);
    expect(span.links.map(({ context }) => context.spanId)).toEqual([ambient.spanId]);
  });

  test("of what is sent is the active span; without one, what the host put into _meta", async () => {
    const { send } = await wire();
    await send({
      jsonrpc: "2.0",
      method: "notifications/message",
      params: { _meta: { traceparent: PARENT, tracestate: "a=1" } },
    });
    const alone = recording.span("notifications/message", "client");
    expect(alone.parentSpanContext?.spanId).toBe(PARENT.split("-")[2]);
    expect(alone.spanContext().traceState?.serialize()).toBe("a=1");
    recording.forget();
    const active = await recording.inside("agent", async (span) => {
      await send({ jsonrpc: "2.0", method: "notifications/message", params: { _meta: { traceparent: PARENT } } });
      return span.spanContext();
    });
    expect(recording.span("notifications/message", "client").parentSpanContext?.spanId).toBe(active.spanId);
  });
});

describe("what is written", () => {
  const inject = {
    inject: (from: typeof ROOT_CONTEXT, carrier: Record<string, unknown>) => propagation.inject(from, carrier),
  };
  const from = trace.setSpanContext(ROOT_CONTEXT, { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 });

  test("a stale tracestate goes with its traceparent, a baggage of the host stays", () => {
    const message = request({ _meta: { traceparent: PARENT, tracestate: "a=1", baggage: "k=v", other: 1 } });
    expect(withContext(inject, message as never, from)).toMatchObject({
      params: { _meta: { traceparent: OTHER, baggage: "k=v", other: 1 } },
    });
    expect(withContext(inject, message as never, from)).not.toHaveProperty("params._meta.tracestate");
  });

  test("baggage travels, and a message without a context stays the same object", () => {
    const carried = propagation.setBaggage(from, propagation.createBaggage({ user: { value: "a b" } }));
    expect(withContext(inject, { method: "ping" }, carried)).toEqual({
      method: "ping",
      params: { _meta: { traceparent: OTHER, baggage: "user=a%20b" } },
    });
    const message = { method: "ping" };
    expect(withContext(inject, message, ROOT_CONTEXT)).toBe(message);
  });

  test("values that are too long are not read", () => {
    const extra = { requestInfo: { headers: { long: "x".repeat(16_385), fits: "x".repeat(16_384) } } };
    expect(headerOf(extra, "long")).toBeUndefined();
    expect(headerOf(extra, "fits")).toHaveLength(16_384);
  });
});
