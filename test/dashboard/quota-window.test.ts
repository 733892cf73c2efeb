import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import nock from "nock";
import { rateLimitHeaders, slidingWindow } from "../../src/dashboard/rate-limit.ts";
import { manualClock } from "../../src/model/time.ts";
import { runningApi } from "./running.ts";

nock.restore();

const anySteps = fc.array(fc.record({ ms: fc.nat(700), sender: fc.constantFrom("a", "b") }), {
  minLength: 1,
  maxLength: 200,
});

describe("a sliding window under a clock that is stepped", () => {
  test("allows what counting all allowed requests of the last window allows", () => {
    fc.assert(
      fc.property(anySteps, fc.integer({ min: 1, max: 6 }), (steps, limit) => {
        const clock = manualClock();
        const limiter = slidingWindow({ limit, windowMs: 1_000 }, clock);
        const allowed: { readonly sender: string; readonly at: number }[] = [];
        for (const { ms, sender } of steps) {
          clock.advance(ms);
          const at = clock.monotonicMs();
          const recent = allowed.filter((one) => one.sender === sender && one.at > at - 1_000);
          const before = limiter.peek(sender);
          const standing = limiter.take(sender);
          expect(before.isAllowed).toBe(standing.isAllowed);
          expect(standing.isAllowed).toBe(recent.length < limit);
          if (standing.isAllowed) allowed.push({ sender, at });
          expect(standing.remaining).toBe(limit - Math.min(limit, recent.length + 1));
        }
      }),
    );
  });

  test("whoever waits as long as Retry-After says is answered, whoever waits a second less is not", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 3, maxLength: 30 }),
        fc.integer({ min: 1, max: 3 }),
        (waits, limit) => {
          const clock = manualClock();
          const limiter = slidingWindow({ limit, windowMs: 10_000 }, clock);
          for (const ms of waits) {
            clock.advance(ms);
            const standing = limiter.take("a");
            if (standing.isAllowed) continue;
            const seconds = Number(rateLimitHeaders(standing)["Retry-After"]);
            expect(seconds).toBeGreaterThanOrEqual(1);
            clock.advance((seconds - 1) * 1_000);
            expect(limiter.peek("a").isAllowed).toBe(false);
            clock.advance(1_000);
            expect(limiter.peek("a").isAllowed).toBe(true);
          }
        },
      ),
    );
  });
});

describe("the quota of the API", () => {
  const limits = { requests: { limit: 3, windowMs: 60_000 }, attempts: { limit: 2, windowMs: 30_000 } };

  test("is one for a key and all its sessions, and another key's is untouched", async () => {
    await using running = await runningApi({ limits });
    const [key, other] = [await running.key(), await running.key()];
    const { token } = (await (await running.get("/session", key, { method: "POST" })).json()) as { token: string };
    const statuses = [
      (await running.get("/traces", key)).status,
      (await running.get("/traces", token)).status,
      (await running.get("/traces", token)).status,
      (await running.get("/session", key, { method: "POST" })).status,
      (await running.get("/traces", other)).status,
    ];
    expect(statuses).toEqual([200, 200, 429, 429, 200]);
    running.clock.advance(59_999);
    expect((await running.get("/traces", token)).status).toBe(429);
    running.clock.advance(1);
    expect((await running.get("/traces", token)).status).toBe(200);
  });

  test("counts refusals of role and form and answers of HEAD, but not OPTIONS, unknown paths and methods", async () => {
    await using running = await runningApi({ limits: { requests: { limit: 100, windowMs: 60_000 } } });
    const key = await running.key("executive");
    const remaining = async (path: string, method = "GET") =>
      (await running.get(path, key, { method })).headers.get("ratelimit-remaining");
    expect([
      await remaining("/services"),
      await remaining("/traces"),
      await remaining("/services?limit=x"),
      await remaining("/services", "HEAD"),
      await remaining("/services", "OPTIONS"),
      await remaining("/services", "DELETE"),
      await remaining("/nothing"),
      await remaining("/openapi.json"),
      await remaining("/services"),
    ]).toEqual(["99", "98", "97", "96", null, null, null, null, "95"]);
  });

  test("guesses use up the address's quota of guesses only; a key that holds is let in all the same", async () => {
    await using running = await runningApi({ limits });
    const key = await running.key();
    const statusOf = async (credential?: string) => (await running.get("/traces", credential)).status;
    expect([await statusOf("a"), await statusOf(), await statusOf("b"), await statusOf()]).toEqual([
      401, 401, 429, 429,
    ]);
    expect(await statusOf(key)).toBe(200);
    running.clock.advance(30_000);
    expect(await statusOf("a")).toBe(401);
  });
});
