import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { type ApiParts } from "../../src/dashboard/api.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { runningApi, type RunningApi } from "./running.ts";

nock.restore();

/** The store is looked at again at once. */
const atOnce: ApiParts["pause"] = (ms, signal) =>
  ms < 600_000
    ? new Promise((resolve) => setImmediate(resolve))
    : new Promise((resolve) => signal.addEventListener("abort", () => resolve()));

const spanOf = (n: number) => span({ traceId: traceId(n), spanId: spanId(n) });
const idOf = (key: string): string => key.slice(4, 16);

async function* linesOf(response: Response): AsyncGenerator<{ readonly type: string }> {
  let rest = "";
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as { type: string };
  }
}

/** Opens a stream, reads one span of it, lets something happen, and returns what comes afterwards until the end. */
async function afterwards(running: RunningApi, credential: string, happens: () => unknown): Promise<string[]> {
  const response = await running.get("/stream", credential);
  expect(response.status).toBe(200);
  const lines = linesOf(response);
  await running.store.append([spanOf(0)]);
  expect((await lines.next()).value).toMatchObject({ type: "span" });
  await happens();
  const types: string[] = [];
  for await (const { type } of lines) types.push(type);
  return types;
}

const sessionOf = async (running: RunningApi, key: string): Promise<string> =>
  ((await (await running.get("/session", key, { method: "POST" })).json()) as { token: string }).token;

describe("a stream ends when who reads it may read no more", () => {
  test("the key is revoked", async () => {
    await using running = await runningApi({ pause: atOnce });
    const key = await running.key();
    const types = await afterwards(running, key, () => running.keys.revoke(idOf(key), running.clock.now()));
    expect(types).toEqual(["end"]);
    expect((await running.get("/stream", key)).status).toBe(401);
  });

  test("the key of its session is revoked", async () => {
    await using running = await runningApi({ pause: atOnce });
    const key = await running.key();
    const token = await sessionOf(running, key);
    const types = await afterwards(running, token, () => running.keys.revoke(idOf(key), running.clock.now()));
    expect(types).toEqual(["end"]);
  });

  test("the session is over", async () => {
    await using running = await runningApi({ pause: atOnce });
    const token = await sessionOf(running, await running.key());
    const types = await afterwards(running, token, () => running.clock.advance(15 * 60_000));
    expect(types.at(-1)).toBe("end");
  });

  test("the key gets a role that may not", async () => {
    await using running = await runningApi({ pause: atOnce });
    const key = await running.key();
    const types = await afterwards(running, key, async () => {
      const record = await running.keys.find(idOf(key));
      if (record !== undefined) await running.keys.add({ ...record, role: "executive" });
    });
    expect(types).toEqual(["end"]);
  });

  test("nothing that arrives after the revocation is sent", async () => {
    await using running = await runningApi({ pause: atOnce });
    const key = await running.key();
    const types = await afterwards(running, key, async () => {
      await running.keys.revoke(idOf(key), running.clock.now());
      await running.store.append([spanOf(1)]);
    });
    expect(types.filter((type) => type === "span").length).toBeLessThanOrEqual(1);
    expect(types.at(-1)).toBe("end");
  });

  test("keys that cannot be read break it", async () => {
    await using running = await runningApi({ pause: atOnce });
    const key = await running.key();
    const broken = afterwards(running, key, () => {
      Object.assign(running.keys, { find: () => Promise.reject(new Error("disk")) });
    });
    await expect(broken).rejects.toThrow();
    expect(running.errors).toEqual([new Error("disk")]);
  });
});

describe("a stream that the server ends", () => {
  test("is not asked of a store that closes with it", async () => {
    const real = memoryStore();
    let isClosed = false;
    const asked: boolean[] = [];
    const store = {
      ...real,
      arrivals: (page: Parameters<typeof real.arrivals>[0]) => (asked.push(isClosed), real.arrivals(page)),
    };
    const ended = Promise.withResolvers<void>();
    const pause: ApiParts["pause"] = (_, signal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => (resolve(), ended.resolve()), { once: true }));
    await using running = await runningApi({ store, pause });
    const response = await running.get("/stream", await running.key());
    isClosed = true;
    running.api.close();
    await ended.promise;
    expect(await response.text()).toMatch(/^\{"type":"end",.*\}\n$/);
    expect(asked).toEqual([false]);
    expect(running.errors).toEqual([]);
    const late = await running.get("/stream", await running.key());
    expect(await late.text()).toMatch(/^\{"type":"end",/);
  });
});
