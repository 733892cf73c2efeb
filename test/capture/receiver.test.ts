import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { encodeOtlp } from "../../src/capture/otlp/encode.ts";
import { startReceiver } from "../../src/capture/receiver.ts";
import type { Span } from "../../src/model/span.ts";
import { plainSpan } from "./fixtures/spans.ts";
import { encodeRequest } from "./otlp/descriptors.ts";

const BODY = JSON.stringify(encodeOtlp([plainSpan]));
const JSON_TYPE = { "content-type": "application/json" };

/** A receiver that keeps what it gets. */
async function receiver() {
  const spans: Span[] = [];
  const running = await startReceiver({ onSpans: async (batch) => void spans.push(...batch) });
  const post = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) =>
    fetch(`${running.url}/v1/traces`, { method: "POST", body: body as string, headers });
  return { ...running, spans, post, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

// The patched HTTP clients decode encoded request bodies and hang on those they cannot; these tests only use loopback.
nock.restore();

describe("startReceiver", () => {
  test("takes OTLP JSON and answers 200 with an empty response", async () => {
    await using r = await receiver();
    const response = await r.post(BODY, { "content-type": "application/json; charset=utf-8" });
    expect([response.status, await response.json()]).toEqual([200, {}]);
    expect(r.spans).toEqual([plainSpan]);
    expect(r.received()).toBe(1);
  });

  test("takes gzip, and an empty request", async () => {
    await using r = await receiver();
    expect((await r.post(gzipSync(BODY), { ...JSON_TYPE, "content-encoding": "gzip" })).status).toBe(200);
    expect((await r.post("{}")).status).toBe(200);
    expect(r.spans).toEqual([plainSpan]);
  });

  test("says which spans it rejected and keeps the others", async () => {
    await using r = await receiver();
    const bad = { ...plainSpan, traceId: "nonsense" };
    const response = await r.post(JSON.stringify(encodeOtlp([bad, plainSpan])));
    expect(await response.json()).toEqual({
      partialSuccess: { rejectedSpans: "1", errorMessage: "trace id is malformed (1)" },
    });
    expect(r.spans).toEqual([plainSpan]);
  });

  test.each([
    ["no JSON", "{"],
    ["no OTLP", '{"data":[]}'],
    ["not UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
  ])("%s is 400 and stores nothing", async (_, body) => {
    await using r = await receiver();
    const response = await r.post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ message: expect.stringContaining("OTLP JSON") });
    expect(r.spans).toEqual([]);
  });

  test("broken gzip is 400", async () => {
    await using r = await receiver();
    expect((await r.post(gzipSync(BODY).subarray(0, 30), { ...JSON_TYPE, "content-encoding": "gzip" })).status).toBe(
      400,
    );
  });

  test("takes protobuf as well", async () => {
    await using r = await receiver();
    const response = await r.post(encodeRequest(encodeOtlp([plainSpan])), { "content-type": "application/x-protobuf" });
    expect([response.status, r.spans]).toEqual([200, [plainSpan]]);
  });

  test("when the spans cannot be kept the answer is 503 with Retry-After, and nothing counts as received", async () => {
    await using r = await startReceiver({ onSpans: () => Promise.reject(new Error("disk full")) });
    const response = await fetch(`${r.url}/v1/traces`, { method: "POST", body: BODY, headers: JSON_TYPE });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await response.json()).toEqual({ message: "The spans could not be kept: disk full" });
    expect(r.received()).toBe(0);
  });

  test("200 comes only after the spans were kept, and disposing waits for it", async () => {
    const entered = Promise.withResolvers<void>();
    const kept = Promise.withResolvers<void>();
    const order: string[] = [];
    const r = await startReceiver({
      onSpans: async () => {
        entered.resolve();
        await kept.promise;
        order.push("kept");
      },
    });
    const answered = fetch(`${r.url}/v1/traces`, { method: "POST", body: BODY, headers: JSON_TYPE }).then((response) =>
      order.push(`answered ${response.status}`, `connection ${response.headers.get("connection")}`),
    );
    await entered.promise;
    const disposed = r[Symbol.asyncDispose]();
    kept.resolve();
    await Promise.all([answered, disposed]);
    // A kept connection would hold up closing.
    expect(order).toEqual(["kept", "answered 200", "connection close"]);
  });
});
