import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { makeIncident, type IncidentKind } from "../../../bench/accuracy/incidents.ts";
import { diagnose } from "../../../src/analyze/diagnose/diagnose.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import type { Span } from "../../../src/model/span.ts";
import { createRandom } from "../../../src/stats/random.ts";
import { anySpans } from "../arbitrary.ts";
import { healthyPopulation } from "../healthy.ts";
import { inSequence, repeat, traceIdOf, type Plan } from "../population.ts";

const ranked = (before: readonly Span[], after: readonly Span[]) =>
  diagnose(groupTraces(before), groupTraces(after)).ranked;
const first = (before: readonly Span[], after: readonly Span[]): string | undefined =>
  ranked(before, after)[0]?.operation;

type Shape = {
  readonly own?: number;
  readonly call?: number;
  readonly error?: boolean | string;
  readonly root?: boolean;
};

/** gateway → orders → db, with a busy sibling `audit` of the gateway that fails every eighth time, then as now. */
function shop(i: number, { own = 1, call = 5, error = false, root = false }: Shape = {}): Plan {
  const jitter = (i % 7) * 0.1;
  const db: Plan = { name: "SELECT", service: "db", kind: "client", at: 2, ms: call + jitter, error };
  const failed = error !== false;
  const orders: Plan = {
    name: "list",
    service: "orders",
    kind: "server",
    at: 1,
    ms: call + own + 1 + jitter,
    error: failed,
  };
  const audit = inSequence("audit", 3, { from: call + own + 3 + jitter, ms: 0.5 });
  return {
    name: "GET /orders",
    service: "gateway",
    kind: "server",
    at: 0,
    ms: call + own + 6 + jitter,
    error: root || failed,
    children: [{ ...orders, children: [db] }, ...audit.map((plan) => ({ ...plan, error: i % 8 === 0 && "refused" }))],
  };
}

describe("diagnose", () => {
  const before = repeat(40, (i) => shop(i));

  test("a slow leaf is named, not the callers that wait for it", () => {
    const suspects = ranked(
      before,
      repeat(40, (i) => shop(i, { call: 60 }), 100),
    );
    expect(suspects).toHaveLength(1);
    expect(suspects[0]).toMatchObject({ service: "db", operation: "SELECT" });
    expect(suspects[0]?.reasons[0]).toMatch(/its own time rose from 5.3 ms to 60.3 ms/);
  });

  test("an operation that takes longer itself is named, not what it calls", () => {
    expect(
      first(
        before,
        repeat(40, (i) => shop(i, { own: 60 }), 100),
      ),
    ).toBe("list");
  });

  test("an error is named where it begins; a louder one that was always there is not", () => {
    const suspects = ranked(
      before,
      repeat(40, (i) => shop(i, { error: i % 10 === 0 && "deadlock" }), 100),
    );
    expect(suspects.map(({ operation }) => operation)).toEqual(["SELECT"]);
    expect(suspects[0]?.reasons[0]).toMatch(/10 % of its calls fail .* before 0 % \(deadlock\)/);
  });

  test("a dependency that vanished is named although it has no span in the incident", () => {
    const gone = repeat(
      30,
      () => ({
        name: "GET /orders",
        service: "gateway",
        kind: "server",
        at: 0,
        ms: 1001,
        error: true,
        children: [{ name: "list", service: "orders", kind: "server", at: 1, ms: 999, error: "timeout" }],
      }),
      100,
    );
    const [suspect] = ranked(before, gone);
    expect(suspect).toMatchObject({ service: "db", operation: "SELECT" });
    expect(suspect?.reasons[0]).toMatch(/missing in 100 % of the calls of list/);
    expect(suspect?.traceIds).toHaveLength(5);
  });

  test("a caller that gives up on a slow callee is its victim", () => {
    const impatient = (i: number): Plan => {
      const plan = shop(i, { call: 80 });
      const [orders, ...audit] = plan.children ?? [];
      if (orders === undefined) return plan;
      return { ...plan, ms: 24, error: "timeout", children: [{ ...orders, ms: 20, error: "timeout" }, ...audit] };
    };
    expect(first(before, repeat(40, impatient, 100))).toBe("SELECT");
  });

  test("what comes after the call that got no answer is missing too, but is not to blame", () => {
    const steps = (only: number, error: boolean | string): Plan => ({
      name: "checkout",
      service: "shop",
      kind: "server",
      at: 0,
      ms: error === false ? 30 : 500,
      error,
      children: ["cart", "payment", "mail"]
        .slice(0, only)
        .map((name, i) => ({ name, service: name, kind: "server" as const, at: 1 + i * 8, ms: 6 + i })),
    });
    const suspects = ranked(
      repeat(20, () => steps(3, false)),
      repeat(20, () => steps(1, "timeout"), 100),
    );
    expect(suspects.map(({ operation }) => operation)).toEqual(["payment"]);
  });

  test("what is not called any more, with no harm done, is named with a low score", () => {
    const page = (audited: boolean): Plan => ({
      name: "page",
      service: "web",
      at: 0,
      ms: audited ? 10 : 9,
      children: audited ? [{ name: "audit", service: "web", at: 1, ms: 1 }] : [],
    });
    const suspects = ranked(
      repeat(20, () => page(true)),
      repeat(20, () => page(false), 100),
    );
    expect(suspects).toMatchObject([
      { operation: "audit", reasons: [expect.stringContaining("is not called any more")] },
    ]);
    expect(suspects[0]?.score).toBeLessThan(0.2);
  });

  test("a fallback that is new because something fails is not to blame", () => {
    const page = (failing: boolean): Plan => ({
      name: "page",
      service: "web",
      at: 0,
      ms: 30,
      children: [
        { name: "rates", service: "rates", kind: "server", at: 1, ms: 5, error: failing && "500" },
        ...(failing ? [{ name: "stale cache", service: "cache", kind: "server" as const, at: 7, ms: 20 }] : []),
      ],
    });
    const suspects = ranked(
      repeat(30, () => page(false)),
      repeat(30, (i) => page(i % 2 === 0), 100),
    );
    expect(suspects.map(({ operation }) => operation)).toEqual(["rates"]);
  });

  test("a caller that asks too often is named, not what it asks", () => {
    const one = repeat(30, () => ({ name: "list", at: 0, ms: 8, children: inSequence("read", 1) }));
    const many = repeat(30, () => ({ name: "list", at: 0, ms: 32, children: inSequence("read", 25) }), 100);
    const [suspect] = ranked(one, many);
    expect(suspect?.operation).toBe("list");
    expect(suspect?.reasons[0]).toMatch(/calls read 24.0 times more often/);
  });

  test("a changed mix of traffic is no fault", () => {
    const light = (n: number, from: number) => repeat(n, (i) => shop(i), from);
    const heavy = (n: number, from: number) =>
      repeat(n, (i) => ({ ...shop(i, { call: 200 }), name: "GET /report" }), from);
    expect(ranked([...light(50, 0), ...heavy(10, 100)], [...light(10, 200), ...heavy(50, 300)])).toEqual([]);
  });

  test("weights of sampled traces count: keeping every failure and a tenth of the rest is no rise of failures", () => {
    const sampled = repeat(60, (i) => shop(i, { error: i % 10 === 0 && "deadlock" }), 100);
    const failing = repeat(120, (i) => shop(i, { error: i < 60 && "deadlock" }), 300);
    const weighted = failing.map((span, _, all) => {
      const failed = all.some(
        (other) =>
          other.traceId === span.traceId &&
          other.statusMessage === undefined &&
          other.name === "SELECT" &&
          other.status === "error",
      );
      return failed ? span : { ...span, attributes: { ...span.attributes, "whetstone.sample_weight": 9 } };
    });
    expect(first(sampled, failing)).toBe("SELECT");
    expect(ranked(sampled, weighted)).toEqual([]);
  });

  test("nothing is said without traces, of equal sets, of two healthy sets", () => {
    expect(ranked([], before)).toEqual([]);
    expect(ranked(before, [])).toEqual([]);
    expect(ranked(before, before)).toEqual([]);
    const random = createRandom("healthy");
    expect(ranked(healthyPopulation(80, random), healthyPopulation(80, random, 200))).toEqual([]);
  });

  test("one trace on each side is enough for a fault that is plain", () => {
    expect(
      first(
        repeat(1, (i) => shop(i)),
        repeat(1, (i) => shop(i, { call: 500 }), 5),
      ),
    ).toBe("SELECT");
  });

  const CERTAIN: readonly IncidentKind[] = [
    "slow",
    "errors",
    "slow_with_timeouts",
    "slow_with_backpressure",
    "n_plus_one",
  ];
  test.each(CERTAIN)("made-up systems: %s begins where it was put", (kind) => {
    for (const seed of ["train-1", "train-2", "train-3"]) {
      const { baseline, incident, origin } = makeIncident(kind, seed);
      expect(ranked(baseline, incident)[0]).toMatchObject(origin ?? {});
    }
  });

  test("property: whatever the traces, scores are from 0 to 1, best first, of known traces, in any order of spans", () => {
    fc.assert(
      fc.property(fc.array(anySpans, { minLength: 1, maxLength: 6 }), fc.array(anySpans, { maxLength: 6 }), (a, b) => {
        const number = (sets: readonly Span[][], from: number): Span[] =>
          sets.flatMap((spans, t) => spans.map((span) => ({ ...span, traceId: traceIdOf(from + t) })));
        const [old, now] = [number(a, 0), number([...b, ...b, ...b], 100)];
        const suspects = ranked(old, now);
        const known = new Set(now.map(({ traceId }) => traceId));
        for (const [i, { score, reasons, traceIds }] of suspects.entries()) {
          expect(score).toBeGreaterThan(0);
          expect(score).toBeLessThanOrEqual(suspects[i - 1]?.score ?? 1);
          expect(reasons.length).toBeGreaterThan(0);
          expect(traceIds.every((id) => known.has(id))).toBe(true);
          for (const reason of reasons) expect(reason).toMatch(/^[A-Za-z0-9._/ ?;:,()%-]*$/);
        }
        expect(ranked(old.toReversed(), now.toReversed())).toEqual(suspects);
      }),
      { numRuns: 100 },
    );
  });
});
