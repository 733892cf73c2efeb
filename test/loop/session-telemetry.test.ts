import { describe, expect, test } from "@jest/globals";
import { openSessionReceiver } from "../../src/loop/session-telemetry.ts";
import { manualClock } from "../../src/model/time.ts";
import { telemetryEnvironment } from "../../src/session/telemetry.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { seededRandom } from "../capture/fixtures/commands.ts";
import { session as answered } from "../propose/parts.ts";

const now = manualClock().now();
const nano = String(now);
const resource = { attributes: [{ key: "service.name", value: { stringValue: "claude-code" } }] };
const spanOf = (traceId: string, parentSpanId: string) => ({
  resourceSpans: [
    {
      resource,
      scopeSpans: [
        {
          scope: { name: "claude" },
          spans: [
            {
              traceId,
              spanId: "c".repeat(16),
              parentSpanId,
              name: "claude_code.interaction",
              kind: 1,
              startTimeUnixNano: nano,
              endTimeUnixNano: nano,
            },
          ],
        },
      ],
    },
  ],
});
const metric = {
  resourceMetrics: [
    {
      resource,
      scopeMetrics: [
        {
          scope: { name: "claude" },
          metrics: [
            {
              name: "claude_code.cost.usage",
              sum: {
                aggregationTemporality: 1,
                isMonotonic: true,
                dataPoints: [{ asDouble: 0.5, timeUnixNano: nano, startTimeUnixNano: nano }],
              },
            },
          ],
        },
      ],
    },
  ],
};
const log = {
  resourceLogs: [
    {
      resource,
      scopeLogs: [{ logRecords: [{ timeUnixNano: nano, body: { stringValue: "claude_code.api_request" } }] }],
    },
  ],
};

async function opened() {
  const store = memoryStore();
  const clock = manualClock();
  const receiver = await openSessionReceiver({
    store,
    clock,
    random: seededRandom("telemetry"),
    run: "r-1",
    target: "notes",
  });
  const [, traceId = "", spanId = ""] = receiver.place.traceparent.split("-");
  const post = async (signal: string, body: unknown, token = receiver.place.token): Promise<number> => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const url = `${receiver.place.url}/v1/${signal}`;
    return (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).status;
  };
  return { store, clock, receiver, traceId, spanId, post };
}

describe("the receiver of a session", () => {
  test("stores spans, metrics and logs, and closes the trace with the session's own span", async () => {
    const { store, clock, receiver, traceId, spanId, post } = await opened();
    await using _ = receiver;
    expect(await post("traces", spanOf(traceId, spanId))).toBe(200);
    expect(await post("metrics", metric)).toBe(200);
    expect(await post("logs", log)).toBe(200);
    clock.advance(1_500);
    const told = await receiver.settle({ ...answered, id: "s-1" });
    expect(told).toEqual({ traceId, spans: 2, metrics: 1, logs: 1, lost: 0 });
    const spans = await store.trace(traceId);
    const root = spans.find(({ name }) => name === "whetstone.session");
    expect(root).toMatchObject({ spanId, service: "whetstone", status: "ok", durationNs: 1.5e9 });
    expect(root?.attributes).toMatchObject({ "whetstone.run": "r-1", "whetstone.session.id": "s-1" });
    expect(spans.find(({ name }) => name === "claude_code.interaction")?.parentSpanId).toBe(spanId);
  });

  test("takes nothing without its token, and nothing after the session", async () => {
    const { store, receiver, traceId, spanId, post } = await opened();
    expect(await post("traces", spanOf(traceId, spanId), "another")).toBe(401);
    const told = await receiver.settle(undefined);
    expect(told).toMatchObject({ spans: 1, lost: 0 });
    expect((await store.trace(traceId)).map(({ name, status }) => [name, status])).toEqual([
      ["whetstone.session", "error"],
    ]);
    await expect(post("traces", spanOf(traceId, spanId))).rejects.toThrow();
    await receiver[Symbol.asyncDispose]();
  });

  test("says what was lost", async () => {
    const { receiver, traceId, spanId, post } = await opened();
    await using _ = receiver;
    const bad = spanOf(traceId, spanId);
    const spans = bad.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
    spans.push({ ...(spans[0] ?? ({} as never)), traceId: "not an id" });
    expect(await post("traces", bad)).toBe(200);
    expect(await receiver.settle(undefined)).toMatchObject({ spans: 2, lost: 1 });
  });

  test("every session has a trace and a token of its own", async () => {
    const random = seededRandom("two");
    const common = { store: memoryStore(), clock: manualClock(), random, run: "r-1", target: "notes" };
    await using one = await openSessionReceiver(common);
    await using other = await openSessionReceiver(common);
    expect(one.place.token).not.toBe(other.place.token);
    expect(one.place.traceparent.split("-")[1]).not.toBe(other.place.traceparent.split("-")[1]);
  });
});

describe("what a session is told of it", () => {
  const place = { url: "http://127.0.0.1:1", token: "t0", traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };

  test("prompts, inputs and outputs of tools are not sent", () => {
    const env = telemetryEnvironment(place);
    expect(env).toMatchObject({
      TRACEPARENT: place.traceparent,
      OTEL_EXPORTER_OTLP_ENDPOINT: place.url,
      OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Bearer t0",
    });
    expect(Object.keys(env).filter((name) => name.startsWith("OTEL_LOG_"))).toEqual([]);
  });
});
