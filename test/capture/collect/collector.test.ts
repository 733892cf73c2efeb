import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { plainSpan } from "../fixtures/spans.ts";
import { FORMATS, runCollector } from "./running.ts";

nock.restore();

const [[, PROTOBUF, encode]] = FORMATS;

/** A store that holds its first append until it is let go. */
function gated() {
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const onSpans = async (batch: readonly unknown[]) => {
    entered.resolve();
    await gate.promise;
    return { stored: batch.length, duplicates: 0 };
  };
  return { entered: entered.promise, open: gate.resolve, onSpans };
}

describe("stopping", () => {
  test("answers what is under way, keeps no connection, and says the same when asked twice", async () => {
    const { entered, open, onSpans } = gated();
    const c = await runCollector({ onSpans });
    const answered = c.post("/v1/traces", encode([plainSpan]), PROTOBUF);
    await entered;
    const stopped = c.stop();
    await expect(fetch(`${c.url}/healthz`)).rejects.toThrow();
    open();
    const response = await answered;
    expect([response.status, response.headers.get("connection")]).toEqual([200, "close"]);
    expect([await stopped, await c.stop(), c.totals().stored]).toEqual([0, 0, 1]);
  });

  test("cuts off what outlasts the patience, and counts it", async () => {
    const { entered, open, onSpans } = gated();
    const c = await runCollector({ onSpans, limits: { patienceMs: 1 } });
    const answered = c.post("/v1/traces", encode([plainSpan]), PROTOBUF);
    const failed = expect(answered).rejects.toThrow();
    await entered;
    const stopped = c.stop();
    await failed;
    // The commit under way still has its store: a stop ends after it.
    const order: string[] = [];
    const ended = stopped.then((left) => order.push(`stopped, ${left} cut off`));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    order.push("durable");
    open();
    await ended;
    expect(order).toEqual(["durable", "stopped, 1 cut off"]);
  });
});

describe("listening", () => {
  test("a port that is taken is said", async () => {
    await using first = await runCollector();
    await expect(runCollector({ port: first.port })).rejects.toMatchObject({
      code: "usage",
      message: `127.0.0.1:${first.port} cannot be listened on: another process has this port.`,
      remedy: "Stop that process or name another port.",
    });
  });

  test("an address that is not this machine's is said", async () => {
    await expect(runCollector({ host: "192.0.2.1" })).rejects.toMatchObject({ code: "usage" });
  });

  test("IPv6 addresses stand in brackets", async () => {
    await using c = await runCollector({ host: "::1" });
    expect(c.url).toBe(`http://[::1]:${c.port}`);
    expect(await c.page("/healthz")).toBe("ok\n");
  });
});
