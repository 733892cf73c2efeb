import { describe, expect, test } from "@jest/globals";
import { countCall, emptyCount, shareOf } from "../../src/canary/arm-count.ts";
import { judgeCanary } from "../../src/canary/judge.ts";
import { latencyShift } from "../../src/canary/latency-shift.ts";
import { callSamples as parsedSamples } from "../../src/canary/samples.ts";
import { callSamples } from "../../src/capture/samples.ts";
import { CallSample } from "../../src/model/call.ts";
import type { CanaryVerdict } from "../../src/model/verdict.ts";
import { relayedCall } from "../capture/relayed.ts";
import { bothArms, durationsOf } from "./calls.ts";

const metric = (verdict: CanaryVerdict, name: string) => verdict.metrics.find((one) => one.name === name);
/** All errors are kept, and of the other calls every `every`th, which stands for as many. */
const tailSampled = (samples: readonly CallSample[], every: number): CallSample[] =>
  samples
    .filter(({ error }, n) => error || n % every === 0)
    .map((sample) => (sample.error ? sample : { ...sample, weight: every }));

describe("a canary of sampled calls", () => {
  const whole = bothArms([2_000, 20], [2_000, 20]);

  test("one weight for all changes nothing but what the calls stand for", () => {
    const weighted = whole.map((sample) => ({ ...sample, weight: 4 }));
    expect(judgeCanary(weighted, { weight: 0.5 })).toEqual(judgeCanary(whole, { weight: 0.5 }));
  });

  test("errors kept more often than the rest leave the rates as they are, not as they were kept", () => {
    const kept = tailSampled(whole, 10);
    const [seen, all] = [judgeCanary(kept, { weight: 0.5 }), judgeCanary(whole, { weight: 0.5 })];
    expect(metric(seen, "errors")?.control).toBeCloseTo(metric(all, "errors")?.control ?? Number.NaN, 3);
    expect(metric(seen, "errors")?.experiment).toBeCloseTo(0.01, 3);
    // Unweighted the share of errors would be 20 of 220.
    const unweighted = kept.map((sample) => ({ ...sample, weight: 1 }));
    expect(metric(judgeCanary(unweighted, { weight: 0.5 }), "errors")?.control).toBeGreaterThan(0.08);
  });

  test("a worse canary is seen, and never with more evidence than the whole gives", () => {
    const worse = bothArms([2_000, 120], [2_000, 20]);
    const kept = tailSampled(worse, 4);
    const [seen, all] = [judgeCanary(kept, { weight: 0.5 }), judgeCanary(worse, { weight: 0.5 })];
    expect([seen.verdict, all.verdict]).toEqual(["rollback", "rollback"]);
    expect(metric(seen, "errors")?.eValue).toBeLessThan(metric(all, "errors")?.eValue ?? 0);
  });

  test("latency is that of all traffic: the few slow calls that stand for one each do not decide", () => {
    const samples = whole.map((sample, n) =>
      n % 20 === 0 ? { ...sample, durationMs: 500 } : { ...sample, weight: 50 },
    );
    const shift = latencyShift(durationsOf(samples));
    expect(Math.exp(shift?.controlMean ?? 0)).toBeLessThan(12);
    expect(shift?.difference).toBeCloseTo(0, 6);
    expect(shift?.control).toBeLessThan(2_000);
  });
});

test("shareOf: two that stand for one and one that stands for eight", () => {
  const count = (calls: readonly { readonly error: boolean; readonly weight: number }[]) => {
    const into = emptyCount();
    const call = { timestamp: 0, operation: "search", durationMs: 1, arm: "canary", session: "s" } as const;
    for (const one of calls) countCall(into, { ...call, ...one }, false);
    return shareOf(into, "errors");
  };
  const [bad, good] = [
    { error: true, weight: 1 },
    { error: false, weight: 8 },
  ];
  const { bad: errors, calls } = count([bad, bad, good]);
  expect(calls).toBeCloseTo(100 / 66);
  expect(errors / calls).toBeCloseTo(0.2);
  expect(count([{ ...bad, weight: 8 }, good])).toEqual({ bad: 1, calls: 2 });
});

test("samples carry the weight that their span states", () => {
  const plain = relayedCall(1);
  const sampled = { ...plain, attributes: { ...plain.attributes, "whetstone.sample_weight": 5 } };
  const [first, second] = callSamples([plain, sampled]);
  expect(first).not.toHaveProperty("weight");
  expect(CallSample.parse(second)).toMatchObject({ weight: 5 });
});

test("rows may state a weight", () => {
  const row = { timestamp: 1, operation: "search", durationMs: 5, error: false };
  const parsed = parsedSamples([row, { ...row, weight: "2.5" }, { ...row, weight: "" }], { arm: "canary", name: "f" });
  expect(parsed.map(({ weight }) => weight)).toEqual([undefined, 2.5, undefined]);
  expect(() => parsedSamples([{ ...row, weight: 0.5 }], { arm: "canary", name: "f" })).toThrow(
    /row 1: column weight is no weight/,
  );
});
