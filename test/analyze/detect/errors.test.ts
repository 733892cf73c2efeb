import { describe, expect, test } from "@jest/globals";
import { detectErrors, type ErrorOptions } from "../../../src/analyze/detect/errors.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import type { Span } from "../../../src/model/span.ts";
import { wilsonInterval } from "../../../src/stats/proportion.ts";
import { inSequence, repeat, toolCall, traceIdOf, type Plan } from "../population.ts";

const detect = (spans: readonly Span[], options?: ErrorOptions): Finding[] => detectErrors(groupTraces(spans), options);
const get = (fails: boolean, type = "TypeError"): Plan =>
  toolCall("get_note", 5, {
    error: fails ? "tool_error" : false,
    children: [{ name: "notes.render", at: 1, ms: 2, error: fails ? type : false }],
  });

describe("detectErrors", () => {
  test("reports where the error began, once, with Wilson's interval", () => {
    const [finding, ...rest] = detect(repeat(50, (i) => get(i < 10)));
    expect(rest).toEqual([]);
    expect(Finding.parse(finding)).toMatchObject({
      id: "errors:notes:notes.render",
      metric: "error_rate",
      value: 0.2,
      baseline: 0,
      samples: 50,
      gainMs: 0,
      errorType: "TypeError",
      severity: "major",
      interval: wilsonInterval({ successes: 10, trials: 50 }, 0.95),
      traceIds: [0, 1, 2, 3, 4].map(traceIdOf),
    });
    expect(finding?.suggestion).toContain("The error begins there and shows in tools/call get_note.");
  });

  test("an error without a span inside is the tool's, and the proxy's two spans are one call", () => {
    const found = detect(repeat(50, (i) => toolCall("get_note", 5, { error: i < 10 ? "tool_error" : false })));
    expect(found).toMatchObject([
      { operation: "tools/call get_note", samples: 50, value: 0.2, errorType: "tool_error" },
    ]);
    expect(found[0]?.suggestion).not.toContain("shows in");
  });

  test("a thousand good calls within one tool do not hide that another tool's calls fail", () => {
    const read = (error: boolean): Plan => ({ name: "read", at: 1, ms: 1, error });
    const good = repeat(10, () => toolCall("search", 120, { children: inSequence("read", 100) }));
    const bad = repeat(20, (i) => toolCall("get", 5, { error: i < 8, children: [read(i < 8)] }), 10);
    const [finding] = detect([...good, ...bad]);
    expect(finding).toMatchObject({ operation: "read", samples: 20, value: 0.4, severity: "major" });
    expect(finding?.suggestion).toContain("8 of 20 calls (40 %) within tools/call get");
    expect(finding?.suggestion).toContain("Everywhere together it fails in 8 of 1020 calls (0.784 %)");
  });

  test("an error that was handled shows in nobody", () => {
    const handled = (i: number): Plan => ({
      ...get(false),
      children: [{ name: "cache.get", at: 1, ms: 1, error: i < 5 ? "timeout" : false }],
    });
    const [finding] = detect(repeat(20, handled));
    expect(finding).toMatchObject({ operation: "cache.get", value: 0.25 });
    expect(finding?.suggestion).not.toContain("shows in");
  });

  test("of several error types the most frequent is named first; exception events count where error.type is missing", () => {
    const spans = repeat(30, (i) => get(i < 9, i < 3 ? "RangeError" : "TypeError")).map((span): Span => {
      if (span.attributes["error.type"] !== "TypeError") return span;
      const thrown = { name: "exception", timeNs: span.startNs, attributes: { "exception.type": "SyntaxError" } };
      return { ...span, attributes: {}, events: [thrown] };
    });
    const [finding] = detect(spans);
    expect(finding).toMatchObject({ errorType: "SyntaxError" });
    expect(finding?.suggestion).toContain("error types: SyntaxError 6, RangeError 3.");
  });

  test("without any type it is _OTHER", () => {
    expect(detect(repeat(10, () => ({ name: "op", at: 0, ms: 1, error: true })))).toMatchObject([
      { errorType: "_OTHER" },
    ]);
  });

  test("hostile text reaches the suggestion as question marks, and types are bounded", () => {
    const [finding] = detect(repeat(5, () => get(true, `<b>\n${"x".repeat(9_999)}`)));
    expect(finding?.suggestion).toContain("error types: ?b??xxx");
    expect(finding?.suggestion.length).toBeLessThan(600);
    expect(finding?.errorType?.length).toBeLessThanOrEqual(160);
  });

  test("one failed call within a tool that made but one does not stand for the operation", () => {
    const read = (tool: string, error: boolean): Plan =>
      toolCall(tool, 5, { error, children: [{ name: "read", at: 1, ms: 1, error }] });
    const found = detect([...repeat(1, () => read("once", true)), ...repeat(20, (i) => read("often", i < 1), 1)]);
    expect(found).toMatchObject([{ operation: "read", samples: 21, value: 2 / 21 }]);
  });

  test("a single error is no pattern", () => {
    expect(detect(repeat(50, (i) => get(i < 1)))).toEqual([]);
    expect(
      detect(
        repeat(50, (i) => get(i < 1)),
        { minErrors: 1 },
      ),
    ).toHaveLength(1);
  });

  test.each([
    [2, 2, "critical"],
    [2, 20, "minor"],
    [20, 200, "major"],
    [2, 2000, "info"],
  ])("%d of %d is %s: few calls never look worse than they can be shown to be", (errors, calls, severity) => {
    expect(detect(repeat(calls, (i) => get(i < errors)))).toMatchObject([{ severity }]);
  });
});

test.each([
  ["-32602", "The requests are at fault"],
  ["tool_error", "The tool ran and gave up"],
  ["timeout", "Nobody answered in time"],
  ["TypeError", "Look at the inputs"],
])("errors of the type %s are advised on by their class", (type, advice) => {
  const spans = repeat(10, (i) => toolCall("read", 5, { error: i < 5 && type }));
  expect(detectErrors(groupTraces(spans))[0]?.suggestion).toContain(advice);
});
