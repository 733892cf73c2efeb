import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { performanceReport } from "../../src/analyze/performance-report.ts";
import { collectSeries } from "../../src/analyze/series.ts";
import type { Objective } from "../../src/analyze/slo/objective.ts";
import { readSloStatus } from "../../src/analyze/slo/read.ts";
import { sloStatus } from "../../src/analyze/slo/status.ts";
import type { Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { span, spanIdOf, traceIdOf } from "./population.ts";

const MINUTE = 60_000_000_000n;
const START = 1_763_640_000_000_000_000n;
const MINUTES = 600;

/** Calls over ten hours, far and near durations, some of a service that only asks and some that serves. */
const calls: fc.Arbitrary<Span[]> = fc
  .array(
    fc.record({
      service: fc.constantFrom("serves", "asks"),
      name: fc.constantFrom("read", "write"),
      kind: fc.constantFrom("server", "client", "internal" as const),
      second: fc.nat(MINUTES * 60 - 1),
      ms: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 }), fc.constant(10_000)),
      status: fc.constantFrom("ok", "unset", "error" as const),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((parts) =>
    parts.map(({ second, ms, service, kind, ...rest }, i) =>
      span({
        ...rest,
        service,
        kind: service === "asks" && kind === "server" ? "internal" : kind,
        traceId: traceIdOf(i),
        spanId: spanIdOf(i),
        startNs: START + BigInt(second) * 1_000_000_000n,
        durationNs: ms * 1_000_000,
      }),
    ),
  );

/** The calls of a service as an objective means them: those it served, else those it made, else all. */
function callsOf(spans: readonly Span[], service: string, operation: string | undefined): Span[] {
  const own = spans.filter((one) => one.service === service && (operation === undefined || one.name === operation));
  const preferred = ["server", "client", "internal"].map((kind) => own.filter((one) => one.kind === kind));
  return preferred.find((list) => list.length > 0) ?? [];
}

async function storeOf(spans: readonly Span[]) {
  const store = memoryStore();
  await store.append(spans);
  return store;
}

const objective: Objective = {
  target: "t",
  name: "n",
  service: "serves",
  sli: "availability",
  objective: 0.9,
  windowNs: 5 * 3_600e9,
};

describe("an objective's status against its calls one by one", () => {
  const settings = fc.record({
    service: fc.constantFrom("serves", "asks"),
    operation: fc.constantFrom(undefined, "read"),
    sli: fc.constantFrom("availability", "latency" as const),
    share: fc.constantFrom(0.5, 0.9, 0.999),
    hours: fc.constantFrom(1, 3, 8),
    nowMinute: fc.integer({ min: 60, max: MINUTES }),
  });

  test("counts, share, budget and burn rates", async () => {
    await fc.assert(
      fc.asyncProperty(calls, settings, async (spans, { service, operation, sli, share, hours, nowMinute }) => {
        const nowNs = START + BigInt(nowMinute) * MINUTE;
        const given: Objective = {
          ...objective,
          service,
          sli,
          objective: share,
          windowNs: hours * 3_600e9,
          ...(operation === undefined ? {} : { operation }),
          ...(sli === "latency" ? { thresholdNs: 1_000e6 } : {}),
        };
        await using store = await storeOf(spans);
        const status = await readSloStatus(store, given, nowNs);
        const isBad = (one: Span): boolean => (sli === "latency" ? one.durationNs > 1_000e6 : one.status === "error");
        // What kind of calls count is asked of the window, not of all that was ever stored.
        const within = (seconds: number) => {
          const known = spans.filter(
            ({ startNs }) => startNs >= nowNs - BigInt(hours * 3_600) * 1_000_000_000n && startNs < nowNs,
          );
          const some = callsOf(known, service, operation).filter(
            ({ startNs }) => startNs >= nowNs - BigInt(seconds) * 1_000_000_000n,
          );
          return { total: some.length, bad: some.filter(isBad).length };
        };
        const all = within(hours * 3_600);
        expect(status).toMatchObject({ calls: all.total, bad: all.bad, uncertain: 0 });
        expect(status.value ?? -1).toBeCloseTo(all.total === 0 ? -1 : 1 - all.bad / all.total, 9);
        if (all.total > 0) expect(status.budgetLeft).toBeCloseTo(1 - all.bad / all.total / (1 - share), 6);
        for (const { longSeconds, shortSeconds, long, short } of status.burnRates) {
          for (const [seconds, rate] of [
            [longSeconds, long],
            [shortSeconds, short],
          ] as const) {
            const { total, bad } = within(seconds);
            expect(rate ?? -1).toBeCloseTo(total === 0 ? -1 : bad / total / (1 - share), 6);
          }
        }
        const isMissed = all.total > 0 && all.total - all.bad < share * all.total - 1e-9;
        if (isMissed) expect(status).toMatchObject({ verdict: "fail" });
        if (all.total === 0) expect(status).toMatchObject({ verdict: "inconclusive" });
      }),
      { numRuns: 200 },
    );
  });

  test("exactly as many bad calls as are allowed are not too many, for every objective with two decimals", () => {
    for (let hundredths = 5_000; hundredths < 10_000; hundredths += 1) {
      const given = { ...objective, objective: hundredths / 100 / 100 };
      const at = (bad: number) =>
        sloStatus(given, new Map([[START - 4n * 60n * MINUTE, { total: 10_000, bad, uncertain: 0 }]]), START);
      const allowed = 10_000 - hundredths;
      const { reasons, budgetLeft } = at(allowed);
      expect({ hundredths, missed: reasons.includes("slo_missed") }).toEqual({ hundredths, missed: false });
      expect(Math.abs(budgetLeft ?? 1)).toBeLessThan(1e-9);
      expect(at(allowed + 1).reasons).toContain("slo_missed");
    }
  });
});

describe("series and report against the spans one by one", () => {
  const steps = fc.constantFrom(7, 60);

  test("every step holds its calls, errors and time; the report adds them up", async () => {
    await fc.assert(
      fc.asyncProperty(calls, steps, fc.integer({ min: 1, max: MINUTES - 1 }), async (spans, step, middle) => {
        const [sinceNs, untilNs] = [START, START + BigInt(MINUTES) * MINUTE];
        const stepNs = BigInt(step) * MINUTE;
        const collector = collectSeries({ sinceNs, untilNs, stepNs });
        await using store = await storeOf(spans);
        for await (const rows of store.rollups({ sinceNs, untilNs })) for (const row of rows) collector.add(row);
        const series = collector.series();
        const seen = series.flatMap(({ service, operation, kind, points }) =>
          points.map(({ startNs, calls: count, errors, totalMs }) => {
            const own = spans.filter(
              (one) =>
                one.service === service &&
                one.name === operation &&
                one.kind === kind &&
                one.startNs >= startNs &&
                one.startNs < startNs + stepNs,
            );
            const total = own.reduce((sum, { durationNs }) => sum + durationNs / 1e6, 0);
            expect([count, errors]).toEqual([own.length, own.filter(({ status }) => status === "error").length]);
            expect(Math.abs(totalMs - total)).toBeLessThanOrEqual(0.0101 * total);
            return count;
          }),
        );
        expect(seen.reduce((sum, count) => sum + count, 0)).toBe(spans.length);
        const cut = START + BigInt(Math.floor(middle / step) * step) * MINUTE;
        const report = performanceReport({ series, sinceNs: cut, untilNs, top: 100 });
        const now = spans.filter(({ startNs }) => startNs >= cut);
        expect(report).toMatchObject({
          calls: now.length,
          errors: now.filter(({ status }) => status === "error").length,
        });
        expect(report.errorProne.every(({ errors }) => errors > 0)).toBe(true);
        for (const row of report.byTotalTime) {
          const same = (one: Span): boolean =>
            one.service === row.service && one.name === row.operation && one.kind === row.kind;
          expect([row.calls, row.callsBefore]).toEqual([
            now.filter(same).length,
            spans.filter((one) => same(one) && one.startNs < cut).length,
          ]);
          const peers = now.filter(({ kind }) => kind === row.kind).reduce((sum, one) => sum + one.durationNs, 0);
          const own = now.filter(same).reduce((sum, one) => sum + one.durationNs, 0);
          expect(Math.abs(row.timeShare - (peers === 0 ? 0 : own / peers))).toBeLessThan(0.011);
        }
      }),
      { numRuns: 20 },
    );
  });
});
