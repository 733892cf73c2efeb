import { Agent, request as httpRequest } from "node:http";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { OTLP_LIMITS } from "../../../src/capture/otlp/limits.ts";
import { plainSpan } from "../fixtures/spans.ts";
import { decode } from "../otlp/descriptors.ts";
import { requestOf, spanFields } from "../otlp/wire-writer.ts";
import { SIGNAL_BODIES, SIGNAL_ITEMS, SIGNAL_REASONS } from "./signal-requests.ts";
import { FORMATS, numbered, runCollector } from "./running.ts";

// The patched HTTP clients decode encoded request bodies and hang on those they cannot; these tests only use loopback.
nock.restore();

const [[, PROTOBUF, encodeProtobuf], [, JSON_TYPE, encodeJson]] = FORMATS;
const TRACES = "/v1/traces";

/** An error answer: a `google.rpc.Status` in the encoding of the request. */
async function messageOf(response: Response): Promise<unknown> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const isJson = response.headers.get("content-type") === "application/json";
  return (isJson ? (JSON.parse(Buffer.from(bytes).toString()) as object) : decode("RpcStatus", bytes)) as unknown;
}

describe.each(FORMATS)("OTLP/HTTP %s", (name, type, encode) => {
  const gzip = { ...type, "content-encoding": "gzip" };

  test("takes spans and answers 200 with an empty response of the same type", async () => {
    await using c = await runCollector();
    const response = await c.post(TRACES, encode([plainSpan]), type);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, type["content-type"]]);
    expect(await response.text()).toBe(name === "json" ? "{}" : "");
    expect(c.spans).toEqual([plainSpan]);
  });

  test("takes gzip, deflate with and without its frame, and an empty request", async () => {
    await using c = await runCollector();
    for (const [encoding, deflated] of [
      ["gzip", gzipSync(encode([plainSpan]))],
      ["deflate", deflateSync(encode([plainSpan]))],
      ["deflate", deflateRawSync(encode([plainSpan]))],
      ["identity", encode([plainSpan])],
    ] as const) {
      const response = await c.post(TRACES, deflated, { ...type, "content-encoding": encoding });
      expect([encoding, response.status]).toEqual([encoding, 200]);
    }
    expect((await c.post(TRACES, encode([]), type)).status).toBe(200);
    expect(c.spans).toHaveLength(4);
  });

  test("says which spans it rejected and keeps the others", async () => {
    await using c = await runCollector();
    const response = await c.post(TRACES, encode([{ ...plainSpan, spanId: "0".repeat(16) }, plainSpan]), type);
    expect(response.status).toBe(200);
    const errorMessage = "span id is all zero (1)";
    const answer = new Uint8Array(await response.arrayBuffer());
    if (name === "json") {
      expect(JSON.parse(Buffer.from(answer).toString())).toEqual({
        partialSuccess: { rejectedSpans: "1", errorMessage },
      });
    } else {
      expect(decode("ExportServiceResponse", answer)).toEqual({ partialSuccess: { rejected: "1", errorMessage } });
    }
    expect(c.spans).toEqual([plainSpan]);
  });

  test("a malformed body is 400, says so in its own encoding, and stores nothing", async () => {
    await using c = await runCollector();
    const whole = encode([plainSpan]);
    const bad = [whole.subarray(0, -1), Buffer.from([0x22, 0xff, 0x22])];
    for (const body of bad) {
      const response = await c.post(TRACES, body, type);
      expect([response.status, await messageOf(response)]).toEqual([
        400,
        { message: expect.stringMatching(/^The body is no OTLP (JSON|protobuf) of traces: .+\.$/) },
      ]);
    }
    expect((await c.post(TRACES, gzipSync(whole).subarray(0, 30), gzip)).status).toBe(400);
    expect(c.spans).toEqual([]);
  });

  test("a body above the limit is 413, as sent and as inflated", async () => {
    await using c = await runCollector({ limits: { bodyBytes: 10_000 } });
    const large = encode([{ ...plainSpan, name: "x".repeat(200_000) }]);
    expect((await c.post(TRACES, large, type)).status).toBe(413);
    const bomb = gzipSync(large);
    expect(bomb.length).toBeLessThan(10_000);
    const response = await c.post(TRACES, bomb, gzip);
    expect([response.status, await messageOf(response)]).toEqual([
      413,
      { message: "The body is larger than 10000 bytes; send smaller batches." },
    ]);
    expect((await c.post(TRACES, encode([plainSpan]), type)).status).toBe(200);
    expect(c.spans).toEqual([plainSpan]);
  });

  test("more spans and groups than the limit are 400", async () => {
    await using c = await runCollector();
    const many = Array.from({ length: OTLP_LIMITS.parts }, () => ({}));
    const body =
      name === "json"
        ? JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: many }] }] })
        : requestOf(many.map(() => []));
    const response = await c.post(TRACES, gzipSync(body), gzip);
    expect([response.status, await messageOf(response)]).toEqual([
      400,
      { message: expect.stringContaining("more than 100000 spans and groups in one request") },
    ]);
  });

  test("when the store fails the answer is 503 with Retry-After", async () => {
    await using c = await runCollector({ onSpans: () => Promise.reject(new Error("disk full")) });
    const response = await c.post(TRACES, encode([plainSpan]), type);
    expect([response.status, response.headers.get("retry-after"), await messageOf(response)]).toEqual([
      503,
      "1",
      { message: "The spans could not be kept: disk full" },
    ]);
    expect(c.totals()).toMatchObject({ received: 1, stored: 0, dropped: 1 });
  });

  test("when the queue is full the answer is 429 with Retry-After, and later it is taken", async () => {
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    await using c = await runCollector({
      limits: { queueItems: 4 },
      onSpans: async (batch) => {
        entered.resolve();
        await gate.promise;
        return { stored: batch.length, duplicates: 0 };
      },
    });
    const first = c.post(TRACES, encode(numbered(4)), type);
    await entered.promise;
    const refused = await c.post(TRACES, encode(numbered(3)), type);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(await c.page("/metrics")).toContain("whetstone_collect_queue_length 4\n");
    gate.resolve();
    expect((await first).status).toBe(200);
    expect((await c.post(TRACES, encode(numbered(3)), type)).status).toBe(200);
    expect(c.totals()).toMatchObject({ received: 10, stored: 7, dropped: 3, contentDropped: 0, redacted: 0 });
  });

  test.each(["metrics", "logs"] as const)(
    "%s are rejected in words where there is no place for them",
    async (signal) => {
      await using c = await runCollector();
      const response = await c.post(`/v1/${signal}`, SIGNAL_BODIES[signal][name], type);
      expect(response.status).toBe(200);
      expect(Buffer.from(await response.arrayBuffer()).toString()).toContain(`no ${signal} are kept here (2 `);
      expect(c.totals()).toMatchObject({ received: 2, rejected: 2, stored: 0 });
      expect((await c.post(`/v1/${signal}`, Buffer.from([0x0a, 9]), type)).status).toBe(400);
    },
  );

  test.each(["metrics", "logs"] as const)("%s are durable before they are acknowledged", async (signal) => {
    const kept: unknown[] = [];
    const gate = Promise.withResolvers<void>();
    const keep = async (batch: readonly unknown[]) => {
      await gate.promise;
      kept.push(...batch);
      return { stored: batch.length - 1, duplicates: 1 };
    };
    await using c = await runCollector({ onMetrics: keep, onLogs: keep, limits: { queueItems: 1 } });
    const first = c.post(`/v1/${signal}`, SIGNAL_BODIES[signal][name], type);
    while (!(await c.page("/metrics")).includes("queue_length 2\n"));
    const refused = await c.post(`/v1/${signal}`, SIGNAL_BODIES[signal][name], type);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(kept).toEqual([]);
    gate.resolve();
    const response = await first;
    expect([response.status, (await response.text()).replace("{}", "")]).toEqual([200, ""]);
    expect(kept).toEqual(SIGNAL_ITEMS[signal]);
    expect(c.totals()).toMatchObject({ received: 4, stored: 1, duplicates: 1, rejected: 0, dropped: 2 });
  });

  test.each(["metrics", "logs"] as const)(
    "%s that the store refuses are sent back; bad ones are told",
    async (signal) => {
      const failing = () => Promise.reject(new Error("no"));
      await using f = await runCollector({ onMetrics: failing, onLogs: failing });
      const sentBack = await f.post(`/v1/${signal}`, SIGNAL_BODIES[signal][name], type);
      expect([sentBack.status, sentBack.headers.get("retry-after")]).toEqual([503, "1"]);
      const all = async (batch: readonly unknown[]) => ({ stored: batch.length, duplicates: 0 });
      await using c = await runCollector({ onMetrics: all, onLogs: all });
      const response = await c.post(`/v1/${signal}`, SIGNAL_BODIES[signal][`bad ${name}`], type);
      expect(response.status).toBe(200);
      expect(Buffer.from(await response.arrayBuffer()).toString()).toContain(SIGNAL_REASONS[signal]);
      expect(c.totals()).toMatchObject({ received: 2, stored: 1, rejected: 1 });
    },
  );
});

describe("what is asked of a request", () => {
  test("a token, before the body is read; pages need none", async () => {
    await using c = await runCollector({ token: "s3cret" });
    for (const authorization of [undefined, "Bearer wrong", "Basic s3cret"]) {
      const headers = { ...PROTOBUF, ...(authorization !== undefined && { authorization }) };
      const response = await c.post(TRACES, encodeProtobuf([plainSpan]), headers);
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    }
    expect(c.spans).toEqual([]);
    const authorized = { ...PROTOBUF, authorization: "Bearer s3cret" };
    expect((await c.post(TRACES, encodeProtobuf([plainSpan]), authorized)).status).toBe(200);
    expect([await c.page("/healthz"), c.spans.length]).toEqual(["ok\n", 1]);
  });

  test("other content types and encodings are 415, other methods 405, other paths 404", async () => {
    await using c = await runCollector();
    const body = encodeJson([plainSpan]);
    expect((await c.post(TRACES, body, { "content-type": "text/plain" })).status).toBe(415);
    expect((await c.post(TRACES, body, { ...JSON_TYPE, "content-encoding": "br" })).status).toBe(415);
    expect((await c.post(TRACES, body, { "content-type": "Application/JSON; charset=utf-8" })).status).toBe(200);
    const got = await fetch(`${c.url}${TRACES}`);
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
    const put = await fetch(`${c.url}/metrics`, { method: "DELETE" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect((await c.post("/v1/profiles", body, JSON_TYPE)).status).toBe(404);
    expect((await fetch(`${c.url}/toString`)).status).toBe(404);
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["no OTLP", '{"data":[]}'],
    ["Tempo's dialect", JSON.stringify({ batches: [] })],
    ["another signal", JSON.stringify({ resourceLogs: [] })],
  ])("JSON that is %s is 400", async (_, body) => {
    await using c = await runCollector();
    const response = await c.post(TRACES, body, JSON_TYPE);
    expect([response.status, await messageOf(response)]).toEqual([
      400,
      { message: "The body is no OTLP JSON of traces: an object with resourceSpans is expected." },
    ]);
  });

  test("a body of unknown length is refused while it still flows, and the collector goes on", async () => {
    await using c = await runCollector({ limits: { bodyBytes: 100_000 } });
    const { status, sent } = await flood(c.url, 64 * 1024 * 1024);
    expect(status).toBe(413);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    expect((await c.post(TRACES, encodeProtobuf([plainSpan]), PROTOBUF)).status).toBe(200);
  });

  test("a connection serves on after a body that was refused, unread or while it flowed", async () => {
    await using c = await runCollector({ limits: { bodyBytes: 1_000 } });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statusOf = (path: string, body?: Uint8Array): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const options = { agent, method: body ? "POST" : "GET", headers: body ? PROTOBUF : {} };
        const sent = httpRequest(`${c.url}${path}`, options, (response) => {
          response.resume().once("end", () => resolve(response.statusCode));
        });
        sent.once("error", reject);
        if (body) sent.write(body.subarray(0, 2_000)); // a body without a length
        sent.end(body?.subarray(2_000));
      });
    expect(await statusOf(TRACES, Buffer.alloc(4_000_000))).toBe(413);
    expect(await statusOf("/v1/profiles", Buffer.alloc(4_000_000))).toBe(404);
    expect(await statusOf("/healthz")).toBe(200);
    agent.destroy();
  });

  test("bodies that are read at once share a budget", async () => {
    await using c = await runCollector({ limits: { readingBytes: 50_000 } });
    const slow = httpRequest(`${c.url}${TRACES}`, { method: "POST", headers: PROTOBUF });
    slow.on("error", () => undefined);
    slow.write(Buffer.alloc(40_000));
    // Whether its bytes arrived shows in the answer to another one.
    const large = encodeProtobuf([{ ...plainSpan, name: "x".repeat(20_000) }]);
    let refused = await c.post(TRACES, large, PROTOBUF);
    while (refused.status === 200) refused = await c.post(TRACES, large, PROTOBUF);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    slow.destroy();
    let taken = await c.post(TRACES, large, PROTOBUF);
    while (taken.status === 429) taken = await c.post(TRACES, large, PROTOBUF);
    expect(taken.status).toBe(200);
  });
});

/** Sends zeros without a length until the answer comes; at most `limit` bytes. */
function flood(url: string, limit: number): Promise<{ status: number | undefined; sent: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; sent: number }>();
  const request = httpRequest(`${url}${TRACES}`, { method: "POST", headers: PROTOBUF });
  let sent = 0;
  let isAnswered = false;
  const write = (): void => {
    if (isAnswered || sent >= limit) return;
    sent += 65_536;
    if (request.write(Buffer.alloc(65_536))) setImmediate(write);
    else request.once("drain", write);
  };
  request.on("response", (response) => {
    isAnswered = true;
    resolve({ status: response.statusCode, sent });
    request.destroy();
  });
  request.on("error", (error) => (isAnswered ? undefined : reject(error)));
  write();
  return promise;
}

describe("pages and counts", () => {
  test("every item received is one of stored, duplicate, rejected, dropped", async () => {
    let calls = 0;
    await using c = await runCollector({
      onSpans: async (batch) => {
        calls += 1;
        if (calls === 2) throw new Error("disk full");
        return { stored: batch.length - 1, duplicates: 1 };
      },
    });
    const bad = requestOf([spanFields(), [], []]);
    await c.post(TRACES, encodeProtobuf(numbered(5)), PROTOBUF);
    await c.post(TRACES, bad, PROTOBUF);
    await c.post(TRACES, bad, PROTOBUF);
    await c.post(TRACES, "nonsense", JSON_TYPE);
    const totals = c.totals();
    expect(totals).toEqual({
      requests: 4,
      received: 11,
      stored: 4,
      duplicates: 2,
      rejected: 2,
      dropped: 3,
      contentDropped: 0,
      redacted: 0,
    });
    const page = await c.page("/metrics");
    for (const line of [
      'requests_total{signal="traces",transport="http",status="200"} 2',
      'requests_total{signal="traces",transport="http",status="503"} 1',
      'requests_total{signal="traces",transport="http",status="400"} 1',
      'received_total{signal="traces"} 11',
      'rejected_total{signal="traces",reason="start time is missing"} 2',
      'dropped_total{signal="traces",reason="store_failed"} 3',
      "queue_length 0",
      'request_duration_seconds_count{signal="traces",transport="http"} 4',
    ]) {
      expect(page).toContain(`whetstone_collect_${line}\n`);
    }
  });

  test("requests that come together are stored together", async () => {
    const sizes: number[] = [];
    await using c = await runCollector({
      limits: { lingerMs: 10_000 },
      onSpans: async (batch) => {
        sizes.push(batch.length);
        return { stored: batch.length, duplicates: 0 };
      },
    });
    // One request has begun and holds the commit open until all others are there.
    const last = httpRequest(`${c.url}${TRACES}`, { method: "POST", headers: { ...PROTOBUF, expect: "100-continue" } });
    const answered = new Promise((resolve) => last.on("response", (response) => resolve(response.resume())));
    const begun = new Promise<void>((resolve) => last.on("continue", resolve));
    last.flushHeaders();
    await begun;
    const others = Array.from({ length: 8 }, () => c.post(TRACES, encodeProtobuf([plainSpan]), PROTOBUF));
    while (!(await c.page("/metrics")).includes("queue_length 8\n"));
    last.end(encodeProtobuf([plainSpan]));
    await Promise.all([answered, ...others]);
    expect(sizes).toEqual([9]);
  });
});
