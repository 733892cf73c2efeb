import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { isKept, thresholdOf, weightOfThreshold } from "../../src/instrument/sampling-threshold.ts";
import type { Span } from "../../src/model/span.ts";
import { createRandom } from "../../src/stats/random.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { OperationSummary } from "../../src/store/port.ts";
import { span } from "./spans.ts";

const CALLS = 4_000;

/** A population with one call per trace: `share` of the calls fail, and those take ten times as long. */
function population(seed: string, share: number): readonly Span[] {
  const random = createRandom(seed);
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(random.uniform() * 16).toString(16)).join("");
  return Array.from({ length: CALLS }, () => {
    const failed = random.uniform() < share;
    return span({
      traceId: `1${hex(31)}`,
      spanId: `1${hex(15)}`,
      startNs: 10n ** 18n,
      durationNs: Math.round((failed ? 1e7 : 1e6) * (0.5 + random.uniform())),
      status: failed ? "error" : "ok",
    });
  });
}

async function summaryOf(spans: readonly Span[]): Promise<OperationSummary> {
  await using store = memoryStore();
  await store.append(spans);
  const { operations } = await store.operations({ sinceNs: 0n, untilNs: 2n ** 62n });
  return operations[0] as OperationSummary;
}

/** What a rule kept of a population, with its weights. */
type Sampling = (spans: readonly Span[], probability: number) => readonly Span[];

const head: Sampling = (spans, probability) => {
  const threshold = thresholdOf(probability) ?? "";
  const attributes = { "whetstone.sample_weight": weightOfThreshold(threshold) };
  return spans.filter(({ traceId }) => isKept(traceId, threshold)).map((one) => ({ ...one, attributes }));
};

/** All errors, and a share of the others. */
const tail: Sampling = (spans, probability) => [
  ...spans.filter(({ status }) => status === "error"),
  ...head(
    spans.filter(({ status }) => status !== "error"),
    probability,
  ),
];

test.each([
  ["head sampling", head],
  ["tail sampling, which keeps all errors,", tail],
] as const)("what %s left gives the counts and the rate of the whole", async (_name, sampling) => {
  const share = (least: number): fc.Arbitrary<number> => fc.double({ min: least, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(fc.string(), share(0.05), share(0.1), async (seed, failing, probability) => {
      const whole = population(seed, failing);
      const [full, kept] = [await summaryOf(whole), await summaryOf(sampling(whole, probability))];
      // Five standard deviations: sampling gives (1 − p) / p per call, rounding at most 1/4 per kept one.
      const deviation = (calls: number): number => 5 * Math.sqrt(calls * ((1 - probability) / probability + 0.25)) + 1;
      expect(Math.abs(kept.calls - full.calls)).toBeLessThan(deviation(full.calls));
      expect(Math.abs(kept.errors - full.errors)).toBeLessThan(deviation(full.errors));
      const rate = full.errors / full.calls;
      expect(Math.abs(kept.errors / kept.calls - rate)).toBeLessThan((2 * deviation(full.calls)) / full.calls);
    }),
    { numRuns: 40 },
  );
});

test("quantiles follow the weights: the few that stand for many decide", async () => {
  const fast = Array.from({ length: 10 }, (_, n) =>
    span({
      spanId: `1${String(n).padStart(15, "0")}`,
      durationNs: 1_000,
      attributes: { "whetstone.sample_weight": 100 },
    }),
  );
  const slow = Array.from({ length: 40 }, (_, n) =>
    span({ spanId: `2${String(n).padStart(15, "0")}`, durationNs: 1_000_000 }),
  );
  const { calls, p50Ns, p95Ns, p99Ns } = await summaryOf([...fast, ...slow]);
  expect(calls).toBe(1_040);
  expect([p50Ns, p95Ns].map((ns) => Math.round(ns / 100))).toEqual([10, 10]);
  expect(p99Ns).toBeGreaterThan(980_000);
});
