import { describe, expect, test } from "@jest/globals";
import { detectChattyCalls, type ChattyOptions } from "../../../src/analyze/detect/chatty.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import { repeat, type Plan } from "../population.ts";

/** A request of `web` that asks `users` for `kinds` fields in turn, `count` times in all, 1 ms each. */
function page(count: number, kinds: number, more: Partial<Plan> = {}): Plan {
  const children = Array.from({ length: count }, (_, i) => ({
    name: `field_${i % kinds}`,
    service: "users",
    kind: "server" as const,
    at: 1 + i,
    ms: 1,
  }));
  return { name: "GET /page", service: "web", kind: "server", at: 0, ms: count + 5, children, ...more };
}

const detect = (plan: Plan, options?: ChattyOptions): Finding[] =>
  detectChattyCalls(groupTraces(repeat(20, () => plan)), options);

describe("detectChattyCalls", () => {
  test("counts the calls to the other service and what one call per operation would save", () => {
    const [finding, ...rest] = detect(page(12, 3));
    expect(rest).toEqual([]);
    expect(Finding.parse(finding)).toMatchObject({
      id: "chatty_calls:web:GET /page",
      metric: "calls_to_service",
      value: 12,
      baseline: 3,
      // 12 ms waited for, of which one call of 1 ms per operation would stay.
      gainMs: 9,
      samples: 20,
      severity: "major",
    });
    expect(finding?.suggestion).toContain("GET /page calls users 12 times per request");
  });

  test.each([
    ["few calls", page(9, 3)],
    ["one operation, which N+1 is about", page(12, 1)],
    ["calls that take a small part of the request", page(12, 3, { ms: 200 })],
    ["work inside the service", { ...page(12, 3), service: "users" }],
  ])("nothing: %s", (_name, plan) => {
    expect(detect(plan)).toEqual([]);
  });

  test("a few long calls are not small talk", () => {
    const children = Array.from({ length: 10 }, (_, i) => ({
      name: `part_${i % 2}`,
      service: "users",
      kind: "server" as const,
      at: 1 + i * 20,
      ms: 20,
    }));
    expect(detect({ ...page(0, 1), ms: 205, children }, { maxEach: 0.05 })).toEqual([]);
  });

  test("client spans that only name their peer count as calls of it", () => {
    const children = Array.from({ length: 12 }, (_, i) => ({
      name: i % 2 === 0 ? "HGET" : "HSET",
      service: "web",
      kind: "client" as const,
      at: 1 + i,
      ms: 1,
      attributes: { "server.address": "cache.internal" },
    }));
    expect(detect({ ...page(0, 1), ms: 15, children })[0]?.suggestion).toContain("calls cache.internal 12 times");
  });

  test("calls that nobody waits for gain nothing", () => {
    const [worker, ...rest] = page(12, 3).children ?? [];
    const background = { name: "render", service: "web", at: 0.5, ms: 16 };
    const plan = page(12, 3, { children: [...(worker === undefined ? [] : [worker]), ...rest, background] });
    expect(detect(plan)[0]?.gainMs).toBe(0);
  });
});
