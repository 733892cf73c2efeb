import { describe, expect, test } from "@jest/globals";
import { detectRetryStorms, type RetryOptions } from "../../../src/analyze/detect/retry.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import type { Span } from "../../../src/model/span.ts";
import { inSequence, repeat, toolCall, type Plan } from "../population.ts";

const detect = (spans: readonly Span[], options?: RetryOptions): Finding[] =>
  detectRetryStorms(groupTraces(spans), options);
/** `attempts` fetches of 2 ms, every one but the last failing. */
const sync = (attempts: number): Plan =>
  toolCall("sync", attempts * 2 + 1, {
    children: inSequence("fetch", attempts, { ms: 2 }).map((plan, i) => ({ ...plan, error: i < attempts - 1 })),
  });

describe("detectRetryStorms", () => {
  test("counts the attempts and the time after the first", () => {
    const [finding, ...rest] = detect(repeat(20, () => sync(6)));
    expect(rest).toEqual([]);
    expect(Finding.parse(finding)).toMatchObject({
      id: "retry_storm:notes:tools/call sync",
      child: "fetch",
      metric: "attempts",
      value: 6,
      baseline: 1,
      gainMs: 10,
      samples: 20,
      severity: "critical",
    });
    expect(finding?.suggestion).toContain("tries fetch 6 times in a row after errors");
  });

  test.each([
    [3, 0],
    [4, 1],
  ])("%d attempts make %d findings: 4 is the limit", (attempts, findings) => {
    expect(detect(repeat(20, () => sync(attempts)))).toHaveLength(findings);
  });

  test("calls that needed no retry do not hide those that did", () => {
    expect(detect([...repeat(10, () => sync(6)), ...repeat(30, () => sync(1), 10)])).toMatchObject([
      { value: 6, samples: 10 },
    ]);
  });

  test("repeats without errors are no retries", () => {
    expect(detect(repeat(20, () => toolCall("sync", 30, { children: inSequence("fetch", 20) })))).toEqual([]);
  });

  test("scattered errors among many different calls are no storm", () => {
    const children = inSequence("fetch", 40).map((plan, i) => ({ ...plan, error: i % 5 === 0 }));
    expect(detect(repeat(20, () => toolCall("sync", 50, { children })))).toEqual([]);
  });

  test("calls that fail side by side were not made because of each other", () => {
    const children = inSequence("fetch", 10).map((plan) => ({ ...plan, at: 1, error: true }));
    expect(detect(repeat(20, () => toolCall("sync", 5, { children })))).toEqual([]);
  });

  test("thresholds are options", () => {
    expect(
      detect(
        repeat(5, () => sync(2)),
        { minAttempts: 2 },
      ),
    ).toHaveLength(1);
  });
});
