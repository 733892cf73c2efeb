import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { StreamEventJson } from "../../src/dashboard/event-text.ts";
import type { ApiParts } from "../../src/dashboard/api.ts";
import type { Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { runningApi } from "./running.ts";

nock.restore();

const numbered = (n: number, change: Partial<Span> = {}): Span =>
  span({ traceId: traceId(n), spanId: spanId(n), ...change });

/** Looks at the store again at once; a reader's patience ends when `giveUp` is called. */
function pauses() {
  const out = Promise.withResolvers<void>();
  const pause: ApiParts["pause"] = (ms, signal) =>
    ms < 600_000
      ? new Promise((resolve) => setImmediate(resolve))
      : Promise.race([out.promise, new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))]);
  return { pause, giveUp: () => out.resolve() };
}

/** Parts of a body as they come, cut at a separator. */
async function* parts(response: Response, separator: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    const found = rest.split(separator);
    rest = found.pop() ?? "";
    yield* found;
  }
  if (rest !== "") yield rest;
}

const take = async (lines: AsyncGenerator<string>): Promise<string> => (await lines.next()).value as string;
const takeEvent = async (lines: AsyncGenerator<string>): Promise<StreamEventJson> =>
  StreamEventJson.parse(JSON.parse(await take(lines)));

describe("/stream", () => {
  test("is JSON lines of spans as they arrive, filtered, each as its schema says", async () => {
    await using running = await runningApi({ pause: pauses().pause });
    const response = await running.get("/stream?service=notes&attr=k%3Dv", await running.key());
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/x-ndjson",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "ratelimit-remaining": "999",
    });
    const lines = parts(response, "\n");
    await running.store.append([numbered(0), numbered(1, { attributes: { k: "v" } })]);
    const event = await takeEvent(lines);
    expect(event).toMatchObject({
      type: "span",
      span: { traceId: traceId(1), service: "notes", resource: { "service.name": "notes" } },
    });
    running.api.close();
    expect(await takeEvent(lines)).toMatchObject({ type: "end" });
    expect((await lines.next()).done).toBe(true);
  });

  test("is server-sent events for who accepts them, and goes on after Last-Event-ID as after a cursor", async () => {
    await using running = await runningApi({ pause: pauses().pause });
    const key = await running.key();
    const headers = { Accept: "text/event-stream" };
    const first = await running.get("/stream", key, { headers });
    expect(first.headers.get("content-type")).toBe("text/event-stream");
    await running.store.append([numbered(0), numbered(1)]);
    const events = parts(first, "\n\n");
    const [, id = "", data = ""] = /^event: span\nid: (.+)\ndata: (.+)$/.exec(await take(events)) ?? [];
    expect(JSON.parse(data)).toMatchObject({ cursor: id, span: { traceId: traceId(0) } });
    await events.return(undefined);
    for (const init of [{ headers: { ...headers, "Last-Event-ID": id } }, { headers }]) {
      const again = await running.get(`/stream?cursor=${id}`, key, init);
      const resumed = parts(again, "\n\n");
      expect(await take(resumed)).toContain(traceId(1));
      await resumed.return(undefined);
    }
  });

  test.each([
    ["text/html", 406],
    ["application/x-ndjson", 200],
    ["text/html, */*;q=0.1", 200],
  ])("Accept: %s gets %d", async (accept, status) => {
    await using running = await runningApi();
    const response = await running.get("/stream", await running.key(), { headers: { Accept: accept } });
    expect(response.status).toBe(status);
    await response.body?.cancel();
  });

  test("a cursor that is none, a wrong role and no key are refused in words, with no stream", async () => {
    await using running = await runningApi();
    const key = await running.key();
    expect(await (await running.get("/stream?cursor=x", key)).json()).toMatchObject({ status: 400, code: "usage" });
    expect((await running.get("/stream", key, { headers: { "Last-Event-ID": "x" } })).status).toBe(400);
    expect((await running.get("/stream", await running.key("executive"))).status).toBe(403);
    expect((await running.get("/stream")).status).toBe(401);
    expect(await (await fetch(`${running.url}/metrics`)).text()).toContain("whetstone_api_streams 0");
  });

  test("a key has so many streams at once; one that is closed makes room", async () => {
    await using running = await runningApi({ pause: pauses().pause, limits: { streamsPerKey: 2, streams: 3 } });
    const [key, other] = [await running.key(), await running.key()];
    const open = async (of: string) => running.get("/stream", of);
    const [first, second] = [await open(key), await open(key)];
    expect([first.status, second.status]).toEqual([200, 200]);
    const third = await open(key);
    expect(await third.json()).toMatchObject({ status: 429, code: "too_many_streams" });
    expect((await open(other)).status).toBe(200);
    expect((await open(other)).status).toBe(429);
    await first.body?.cancel();
    let again = await open(key);
    while (again.status === 429) again = await open(key);
    expect(again.status).toBe(200);
  });

  test("a reader that takes nothing stops the stream: the store is asked no more; in the end it is cut off", async () => {
    const big = (n: number): Span => numbered(n, { attributes: { text: "x".repeat(100_000) } });
    let asked = 0;
    const real = memoryStore();
    const store = {
      ...real,
      arrivals: (page: Parameters<typeof real.arrivals>[0]) => ((asked += 1), real.arrivals(page)),
    };
    const { cursor } = await real.arrivals({ limit: 1 });
    for (let at = 0; at < 1_000; at += 100) await real.append(Array.from({ length: 100 }, (_, n) => big(at + n)));
    const { pause, giveUp } = pauses();
    await using running = await runningApi({ store, pause });
    const key = await running.key();
    const socket = connect(Number(new URL(running.url).port), "127.0.0.1");
    socket.pause();
    socket.write(`GET /api/v1/stream?cursor=${cursor} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`);
    // The reader is stalled when the server has stopped asking while requests of others are answered in turn.
    let before = -1;
    let still = 0;
    while (still < 20) {
      await (await fetch(`${running.url}/metrics`)).text();
      still = asked === before && asked > 0 ? still + 1 : 0;
      before = asked;
    }
    // 1,000 spans are ten pages: all of them would have been asked for by a server that buffers.
    expect(asked).toBeLessThan(10);
    giveUp();
    socket.resume();
    socket.on("error", () => undefined); // cut off
    await once(socket, "close");
    expect(await (await fetch(`${running.url}/metrics`)).text()).toContain("whetstone_api_streams 0");
  });

  test("a store that fails in the middle breaks the stream, so that nobody takes it for ended", async () => {
    const real = memoryStore();
    let fails = false;
    const store = {
      ...real,
      arrivals: (page: Parameters<typeof real.arrivals>[0]) =>
        fails ? Promise.reject(new Error("disk")) : real.arrivals(page),
    };
    await using running = await runningApi({ store, pause: pauses().pause });
    const lines = parts(await running.get("/stream", await running.key()), "\n");
    await real.append([numbered(0)]);
    expect(await takeEvent(lines)).toMatchObject({ type: "span" });
    fails = true;
    await expect(lines.next()).rejects.toThrow();
    expect(running.errors).toEqual([new Error("disk")]);
  });
});
