import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compare, usualLengthMs, type Comparison } from "../../../src/analyze/diagnose/compare.ts";
import { impactOfFailures, impactOfTime, type Sign } from "../../../src/analyze/diagnose/evidence.ts";
import { extraCallSigns } from "../../../src/analyze/diagnose/extra-calls.ts";
import { absenceSigns, disappearanceSigns, failureSigns } from "../../../src/analyze/diagnose/failures.ts";
import { observe } from "../../../src/analyze/diagnose/observe.ts";
import { noveltySigns, slownessSigns } from "../../../src/analyze/diagnose/slowness.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import type { Span } from "../../../src/model/span.ts";
import { inSequence, repeat, type Plan } from "../population.ts";

const compared = (before: readonly Span[], after: readonly Span[]): Comparison =>
  compare(observe(groupTraces(before)), observe(groupTraces(after)));
const strong = (signs: readonly Sign[]): string[] =>
  signs.filter(({ z, impact }) => z > 2.5 && impact > 0.05).map(({ call }) => call.operation);

/** An entry with two steps of which the first takes `ms` and may fail. */
const page = (i: number, ms = 5, more: Partial<Plan> = {}): Plan => ({
  name: "page",
  service: "web",
  at: 0,
  ms: ms + 10,
  children: [
    { name: "read", service: "db", at: 1, ms: ms + (i % 5) * 0.1, ...more },
    { name: "render", service: "web", at: ms + 4, ms: 2 + (i % 3) * 0.1 },
  ],
});
const before = repeat(30, (i) => page(i));

describe("impact", () => {
  test.each([
    [0, 0],
    [-1, 0],
    [0.5, 0.5],
    [1.5, 0.75],
  ])("added time of %d usual lengths weighs %d", (ratio, impact) => {
    expect(impactOfTime(ratio)).toBeCloseTo(impact, 10);
  });

  test.each([
    [0, 0],
    [-0.1, 0],
    [0.25, 0.5],
    [1, 1],
    [2, 1],
  ])("an added share of failures of %d weighs %d", (rate, impact) => {
    expect(impactOfFailures(rate)).toBeCloseTo(impact, 10);
  });

  test("property: both grow with what they measure and stay within 0 and 1", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (a, b) => {
          for (const impact of [impactOfTime, impactOfFailures]) {
            expect(impact(a)).toBeGreaterThanOrEqual(0);
            expect(impact(a)).toBeLessThanOrEqual(1);
            expect(impact(a + b)).toBeGreaterThanOrEqual(impact(a));
          }
        },
      ),
    );
  });
});

describe("slownessSigns", () => {
  test("only the operation whose own time grew; its callers wait", () => {
    expect(
      strong(
        slownessSigns(
          compared(
            before,
            repeat(30, (i) => page(i, 50), 100),
          ),
        ),
      ),
    ).toEqual(["read"]);
  });

  test("calls whose children fail are not compared: they may sleep between attempts", () => {
    const sleeping = repeat(30, (i) => ({ ...page(i, 5, { error: true }), ms: 300 }), 100);
    expect(strong(slownessSigns(compared(before, sleeping)))).toEqual([]);
  });

  test("an operation of which the baseline knows no call in this context is not compared", () => {
    const other = repeat(30, (i) => ({ ...page(i, 90), name: "report" }), 100);
    expect(slownessSigns(compared(before, other))).toEqual([]);
  });

  test("what made everything slower by a fifth is divided out, where there is enough to tell it by", () => {
    const steps = (i: number, factor: number): Plan => ({
      name: "page",
      at: 0,
      ms: 120 * factor,
      children: Array.from({ length: 8 }, (_, s) => ({
        name: `step ${s}`,
        at: (1 + s * 12) * factor,
        ms: (8 + (i % 7) * 0.2) * factor,
      })),
    });
    const [slow, busy] = [repeat(40, (i) => steps(i, 1)), repeat(40, (i) => steps(i, 1.2), 100)];
    const comparison = compared(slow, busy);
    expect(comparison.drift).toBeCloseTo(1.2, 2);
    expect(strong(slownessSigns(comparison))).toEqual([]);
  });
});

describe("failureSigns and absenceSigns", () => {
  test("a rise of failures that begin here, with the rates in words", () => {
    const failing = repeat(30, (i) => page(i, 5, { error: i % 2 === 0 && "deadlock" }), 100);
    const signs = failureSigns(compared(before, failing));
    expect(strong(signs)).toEqual(["read"]);
    expect(signs[0]).toMatchObject({
      impact: Math.sqrt(0.5),
      reason: expect.stringContaining("50 % of its calls fail"),
    });
  });

  test("the same share of failures as before is no sign", () => {
    const half = (from: number) => repeat(30, (i) => page(i, 5, { error: i % 2 === 0 }), from);
    expect(strong(failureSigns(compared(half(0), half(100))))).toEqual([]);
  });

  test("a callee that is missing where its caller waits", () => {
    const alone: Plan = { name: "page", service: "web", at: 0, ms: 900, error: "timeout" };
    const signs = absenceSigns(
      compared(
        before,
        repeat(30, () => alone, 100),
      ),
    );
    expect(strong(signs)).toEqual(["read"]);
    expect(signs[0]?.shownBy.map(({ operation }) => operation)).toContain("page");
  });

  test("a callee that is gone without harm is said as such, once", () => {
    const alone: Plan = {
      name: "page",
      service: "web",
      at: 0,
      ms: 8,
      children: [{ name: "render", at: 2, ms: 2, service: "web" }],
    };
    const comparison = compared(
      before,
      repeat(30, () => alone, 100),
    );
    expect(absenceSigns(comparison)).toEqual([]);
    expect(disappearanceSigns(comparison).map(({ call }) => call.operation)).toEqual(["read"]);
  });
});

describe("extraCallSigns and noveltySigns", () => {
  const calling = (count: number, name = "read") =>
    repeat(30, () => ({ name: "list", at: 0, ms: count + 5, children: inSequence(name, count) }), count * 100);

  test("more calls of the same per call, at the caller", () => {
    const [sign, ...rest] = extraCallSigns(compared(calling(2), calling(20)));
    expect(rest).toEqual([]);
    expect(sign?.call.operation).toBe("list");
    expect(sign?.reason).toContain("calls read 18.0 times more often");
    // 18 ms of a list that usually takes 7 ms.
    expect(sign?.impact).toBeCloseTo(impactOfTime(18 / 7), 6);
  });

  test("as many calls, or fewer, are no sign", () => {
    expect(extraCallSigns(compared(calling(5), calling(5)))).toEqual([]);
    expect(extraCallSigns(compared(calling(20), calling(2)))).toEqual([]);
  });

  test("attempts after a failure are no extra calls", () => {
    const retrying = repeat(
      30,
      () => ({
        name: "list",
        at: 0,
        ms: 12,
        children: inSequence("read", 6).map((plan, i) => ({ ...plan, error: i < 5 })),
      }),
      500,
    );
    expect(extraCallSigns(compared(calling(1), retrying))).toEqual([]);
  });

  test("an operation that nobody knew is new; one that only others called is not", () => {
    const both = [...calling(2), ...calling(3, "write")];
    expect(noveltySigns(compared(calling(2), both)).map(({ call }) => call.operation)).toEqual(["write"]);
    expect(noveltySigns(compared(both, both))).toEqual([]);
  });
});

describe("usualLengthMs", () => {
  test("the baseline's median for each trace's entry, each trace once", () => {
    const comparison = compared(
      before,
      repeat(3, (i) => page(i, 500), 100),
    );
    const observations = [...comparison.incident.ofCall.values()];
    expect(observations).toHaveLength(9);
    expect(usualLengthMs(observations, comparison)).toBe(3 * 15);
  });
});
