import { describe, expect, test } from "@jest/globals";
import { detectRetryAmplification } from "../../../src/analyze/detect/amplification.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import { repeat, type Plan } from "../population.ts";

/** `outer` attempts of `middle`, each of which tries `leaf` `inner` times, all in vain. */
function cascade(outer: number, inner: number, error = true): Plan {
  const leaf = (at: number): Plan => ({ name: "leaf", service: "db", at, ms: 1, error });
  const middle = (at: number): Plan => ({
    name: "middle",
    service: "api",
    at,
    ms: inner + 0.5,
    error,
    children: Array.from({ length: inner }, (_, i) => leaf(at + 0.2 + i)),
  });
  const children = Array.from({ length: outer }, (_, i) => middle(0.1 + i * (inner + 1)));
  return { name: "request", service: "web", at: 0, ms: outer * (inner + 1) + 1, error, children };
}
const detect = (plan: Plan): Finding[] => detectRetryAmplification(groupTraces(repeat(12, () => plan)));

describe("detectRetryAmplification", () => {
  test("three attempts of three attempts are nine", () => {
    const [finding, ...rest] = detect(cascade(3, 3));
    expect(rest).toEqual([]);
    expect(Finding.parse(finding)).toMatchObject({
      id: "retry_amplification:web:request",
      child: "leaf",
      value: 9,
      metric: "attempts",
      severity: "critical",
    });
    expect(finding?.suggestion).toContain("because 2 levels retry on top of each other");
  });

  test.each([
    ["retries at one level only", cascade(1, 6)],
    ["retries of an operation that has no retries below", cascade(6, 1)],
    ["repeats without failures", cascade(3, 3, false)],
  ])("nothing: %s", (_name, plan) => {
    expect(detect(plan)).toEqual([]);
  });
});
