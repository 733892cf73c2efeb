import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import nock from "nock";
import { rateLimitHeaders, slidingWindow } from "../../src/dashboard/rate-limit.ts";
import { manualClock } from "../../src/model/time.ts";
import { runningApi } from "./running.ts";

nock.restore();

/** Steps of time in ms between requests. */
const steps = fc.array(fc.oneof(fc.constant(0), fc.nat(30), fc.nat(300)), { maxLength: 200 });
const quotas = fc.record({ limit: fc.integer({ min: 1, max: 9 }), windowMs: fc.integer({ min: 1, max: 500 }) });

describe("a sliding window", () => {
  test("allows a request exactly when fewer than the limit were allowed in the window before it", () => {
    fc.assert(
      fc.property(quotas, steps, (quota, waits) => {
        const clock = manualClock();
        const limiter = slidingWindow(quota, clock);
        const allowed: number[] = [];
        for (const wait of waits) {
          clock.advance(wait);
          const nowMs = clock.monotonicMs();
          const recent = allowed.filter((time) => time > nowMs - quota.windowMs).length;
          const before = limiter.peek("a");
          const taken = limiter.take("a");
          expect(before.isAllowed).toBe(recent < quota.limit);
          expect(taken).toMatchObject({
            isAllowed: recent < quota.limit,
            remaining: Math.max(0, quota.limit - recent - 1),
          });
          if (taken.isAllowed) allowed.push(nowMs);
        }
      }),
    );
  });

  test("who waits as long as it says is allowed, and a millisecond earlier is not", () => {
    fc.assert(
      fc.property(quotas, steps, (quota, waits) => {
        const clock = manualClock();
        const limiter = slidingWindow(quota, clock);
        for (const wait of waits) {
          clock.advance(wait);
          const { isAllowed, resetMs } = limiter.take("a");
          if (isAllowed) continue;
          expect(resetMs).toBeGreaterThan(0);
          clock.advance(resetMs - 1);
          expect(limiter.peek("a").isAllowed).toBe(false);
          clock.advance(1);
          expect(limiter.peek("a").isAllowed).toBe(true);
        }
      }),
    );
  });

  test("senders do not share a quota; of very many, the silent are forgotten first", () => {
    const limiter = slidingWindow({ limit: 1, windowMs: 1_000 }, manualClock());
    expect(limiter.take("a").isAllowed).toBe(true);
    expect(limiter.take("b").isAllowed).toBe(true);
    for (let n = 0; n < 9_998; n += 1) limiter.take(`x${n}`);
    expect(limiter.take("a").isAllowed).toBe(false);
    limiter.take("one more");
    expect([limiter.peek("a").isAllowed, limiter.peek("b").isAllowed]).toEqual([false, true]);
  });

  test("as headers, seconds are rounded up", () => {
    expect(
      rateLimitHeaders({ limit: 10, windowMs: 3_600_000, remaining: 0, resetMs: 1_001, isAllowed: false }),
    ).toEqual({
      "RateLimit-Policy": '"requests";q=10;w=3600',
      RateLimit: '"requests";r=0;t=2',
      "RateLimit-Limit": "10",
      "RateLimit-Remaining": "0",
      "RateLimit-Reset": "2",
      "Retry-After": "2",
    });
  });
});

describe("the quota of a key", () => {
  test("is 1,000 requests an hour, shared with its sessions, not with other keys", async () => {
    await using running = await runningApi();
    const [key, other] = [await running.key(), await running.key()];
    const first = await running.get("/session", key, { method: "POST" });
    expect(first.headers.get("ratelimit-policy")).toBe('"requests";q=1000;w=3600');
    expect(first.headers.get("ratelimit-remaining")).toBe("999");
    const { token } = (await first.json()) as { token: string };
    for (let n = 0; n < 998; n += 1) await (await running.get("/services", n % 2 === 0 ? key : token)).text();
    expect((await running.get("/services", token)).headers.get("ratelimit")).toBe('"requests";r=0;t=3600');
    const refused = await running.get("/services", key);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3600"]);
    expect(await refused.json()).toMatchObject({ code: "rate_limited", status: 429 });
    expect((await running.get("/services", other)).headers.get("ratelimit-remaining")).toBe("999");
    running.clock.advance(3_600_000);
    expect((await running.get("/services", key)).status).toBe(200);
  });

  test("counts requests that are refused for their role or their form too", async () => {
    await using running = await runningApi({ limits: { requests: { limit: 2, windowMs: 1_000 } } });
    const key = await running.key("executive");
    expect((await running.get("/traces", key)).status).toBe(403);
    expect((await running.get("/services?limit=x", key)).status).toBe(400);
    expect((await running.get("/services", key)).status).toBe(429);
  });
});
