import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SPAN_KINDS } from "../../src/model/span.ts";
import { mergeIntoSketch, sketchBin } from "../../src/stats/sketch.ts";
import { reportOf, type ReportPart } from "../../src/store/operation-report.ts";
import type { RollupGroup } from "../../src/store/port.ts";

const WINDOW = { sinceNs: 90_000_000_000n, untilNs: 125_000_000_000n };

function part(group: Partial<RollupGroup>, durations: readonly number[]): ReportPart {
  const whole: RollupGroup = { service: "s", operation: "o", kind: "server", status: "unset", ...group };
  const sketch = new Map<number, number>();
  for (const duration of durations) mergeIntoSketch(sketch, new Map([[sketchBin(duration), 1]]));
  return {
    key: JSON.stringify([whole.service, whole.operation, whole.kind]),
    group: () => whole,
    isError: whole.status === "error",
    count: durations.length,
    addTo: (sum) => mergeIntoSketch(sum, sketch),
  };
}

const parts = fc.array(
  fc
    .record({
      service: fc.constantFrom("a", "b", "\0", '","'),
      operation: fc.constantFrom("x", "y", ""),
      kind: fc.constantFrom(...SPAN_KINDS),
      status: fc.constantFrom("unset" as const, "ok" as const, "error" as const),
      errorType: fc.constantFrom(undefined, "timeout", "", "undefined"),
      durations: fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 5 }),
    })
    .map(({ durations, errorType, ...group }) =>
      part(group.status === "error" && errorType !== undefined ? { ...group, errorType } : group, durations),
    ),
  { maxLength: 30 },
);

describe("a report on operations", () => {
  test("is the same for any order of the parts", () => {
    fc.assert(
      fc.property(
        parts.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => expect(reportOf(WINDOW, shuffled)).toEqual(reportOf(WINDOW, list)),
      ),
    );
  });

  test("loses and invents no call: calls, errors and their types add up", () => {
    fc.assert(
      fc.property(parts, (list) => {
        const { operations } = reportOf(WINDOW, list);
        const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
        expect(sum(operations.map(({ calls }) => calls))).toBe(sum(list.map(({ count }) => count)));
        const failed = list.filter(({ isError }) => isError);
        expect(sum(operations.map(({ errors }) => errors))).toBe(sum(failed.map(({ count }) => count)));
        for (const { errors, errorTypes, p50Ns, p95Ns, p99Ns } of operations) {
          expect(sum(errorTypes.map(({ count }) => count))).toBe(errors);
          expect(new Set(errorTypes.map(({ errorType }) => errorType)).size).toBe(errorTypes.length);
          expect(p50Ns <= p95Ns && p95Ns <= p99Ns).toBe(true);
        }
        expect(
          new Set(operations.map(({ service, operation, kind }) => JSON.stringify([service, operation, kind]))).size,
        ).toBe(operations.length);
      }),
    );
  });

  test("orders operations by service, name and kind, error types by frequency", () => {
    const { operations } = reportOf(WINDOW, [
      part({ service: "b" }, [1]),
      part({ service: "a", operation: "z" }, [1]),
      part({ service: "a", operation: "c", kind: "client" }, [1]),
      part({ service: "a", operation: "c", kind: "server", status: "error", errorType: "rare" }, [1]),
      part({ service: "a", operation: "c", kind: "server", status: "error", errorType: "often" }, [1, 1]),
      part({ service: "a", operation: "c", kind: "server", status: "error" }, [1]),
    ]);
    expect(operations.map(({ service, operation, kind }) => `${service} ${operation} ${kind}`)).toEqual([
      "a c server",
      "a c client",
      "a z server",
      "b o server",
    ]);
    expect(operations[0]?.errorTypes).toEqual([
      { errorType: "often", count: 2 },
      { count: 1 },
      { errorType: "rare", count: 1 },
    ]);
  });

  test("states the window that it counted, in whole minutes", () => {
    expect(reportOf(WINDOW, [])).toEqual({ sinceNs: 60_000_000_000n, untilNs: 180_000_000_000n, operations: [] });
  });
});
