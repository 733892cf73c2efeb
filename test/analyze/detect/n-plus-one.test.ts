import { describe, expect, test } from "@jest/globals";
import { detectNPlusOne, type NPlusOneOptions } from "../../../src/analyze/detect/n-plus-one.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import type { Span } from "../../../src/model/span.ts";
import { inSequence, repeat, toolCall, traceIdOf, type Plan } from "../population.ts";

const detect = (spans: readonly Span[], options?: NPlusOneOptions): Finding[] =>
  detectNPlusOne(groupTraces(spans), options);
const search = (reads: number, ms = 1): Plan =>
  toolCall("search_notes", 10 + reads * ms, { children: inSequence("notes.read_file", reads, { ms }) });

describe("detectNPlusOne", () => {
  test("names the operation that the client sees, the repeated child, its count and what one batch would save", () => {
    const [finding, ...rest] = detect(repeat(25, (i) => search(40 + i)));
    expect(rest).toEqual([]);
    expect(Finding.parse(finding)).toMatchObject({
      id: "n_plus_one:notes:tools/call search_notes",
      operation: "tools/call search_notes",
      service: "notes",
      child: "notes.read_file",
      metric: "child_calls",
      value: 52,
      baseline: 1,
      samples: 25,
      gainMs: 51,
      severity: "critical",
      interval: { low: 47, high: 57, level: 0.95 },
      traceIds: [24, 23, 22, 21, 20].map(traceIdOf),
    });
    expect(finding?.suggestion).toContain("tools/call search_notes runs notes.read_file 52 times per call");
    expect(finding?.suggestion).toContain(
      "if one batch took as long as the longest of them, a call would save about 51 ms",
    );
  });

  test.each([
    [7, 0],
    [8, 1],
  ])("%d repeats make %d findings: 8 is the limit", (reads, findings) => {
    expect(detect(repeat(10, () => search(reads)))).toHaveLength(findings);
  });

  test("the median over the calls counts, not a single bad one", () => {
    const spans = [...repeat(9, () => search(2)), ...repeat(1, () => search(200), 9)];
    expect(detect(spans)).toEqual([]);
  });

  test("calls without the child do not hide it, and lower the severity", () => {
    const quick = repeat(90, () => toolCall("search_notes", 100), 10);
    const [finding] = detect([...repeat(10, () => search(50)), ...quick]);
    expect(finding).toMatchObject({ samples: 10, value: 50, severity: "info" });
  });

  test("repeats side by side are a batch already", () => {
    const parallel = { children: Array.from({ length: 30 }, () => ({ name: "read", at: 1, ms: 5 })) };
    expect(detect(repeat(10, () => toolCall("search", 10, parallel)))).toEqual([]);
  });

  test("repeats of which most fail are left to the retry detector", () => {
    const failing = inSequence("fetch", 20).map((plan) => ({ ...plan, error: true }));
    expect(detect(repeat(10, () => toolCall("sync", 30, { children: failing })))).toEqual([]);
  });

  test("several repeated children of one operation are one finding that names the others", () => {
    const children = inSequence("read", 20, { ms: 2 }).flatMap((read) => [
      { ...read, ms: 1.5 },
      { name: "parse<script>", at: read.at + 1.5, ms: 0.5 },
    ]);
    const [finding, ...rest] = detect(repeat(10, () => toolCall("search", 50, { children })));
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({ child: "read", gainMs: 28.5 });
    expect(finding?.suggestion).toContain("The same holds for parse?script?.");
  });

  test("it is found at the level where it repeats", () => {
    const notes = inSequence("load_note", 10, { ms: 3 }).map((plan) => ({
      ...plan,
      children: [{ name: "read", at: plan.at, ms: 2 }],
    }));
    const found = detect(repeat(6, () => toolCall("search", 40, { children: notes })));
    expect(found.map(({ child }) => child)).toEqual(["load_note"]);
  });

  test("no call can save more than it takes: repeats that outlive it do not count beyond it", () => {
    const children = inSequence("flush", 20);
    expect(detect(repeat(10, () => ({ name: "tick", at: 0, ms: 5, children })))).toMatchObject([{ gainMs: 3.9 }]);
  });

  test("a trace that shows it twice is one exemplar", () => {
    const turn: Plan = { name: "turn", service: "agent", at: 0, ms: 100, children: [search(20), search(30)] };
    const [finding] = detect(repeat(3, () => turn));
    expect(finding?.samples).toBe(6);
    expect(finding?.traceIds).toEqual([0, 1, 2].map(traceIdOf));
  });

  test("confidence grows with the calls", () => {
    const of = (count: number): number => detect(repeat(count, () => search(30)))[0]?.confidence ?? 0;
    expect([of(1), of(10), of(200)]).toEqual([of(1), of(10), of(200)].toSorted((a, b) => a - b));
    expect(of(1)).toBeLessThan(0.2);
    expect(of(200)).toBeGreaterThan(0.85);
  });

  test("thresholds are options", () => {
    expect(
      detect(
        repeat(5, () => search(4)),
        { minRepeats: 4 },
      ),
    ).toHaveLength(1);
    expect(
      detect(
        repeat(5, () => search(40)),
        { maxConcurrency: 0.5 },
      ),
    ).toEqual([]);
  });
});

test("repeats that nobody waits for gain nothing", () => {
  const background = { name: "prefetch", at: 0.1, ms: 20.5, children: inSequence("read", 20, { from: 0.2 }) };
  const render = { name: "render", at: 0.1, ms: 39 };
  const spans = repeat(20, () => toolCall("page", 40, { children: [background, render] }));
  expect(detectNPlusOne(groupTraces(spans))).toMatchObject([{ operation: "prefetch", gainMs: 0, severity: "info" }]);
});
