import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { columnsOf } from "../../src/analyze/terminal-text.ts";
import { buildTree } from "../../src/analyze/tree.ts";
import { renderWaterfall } from "../../src/analyze/waterfall.ts";
import type { Span } from "../../src/model/span.ts";
import { anySpans } from "./arbitrary.ts";
import { inSequence, span, spanIdOf, toolCall, trace, type Plan } from "./population.ts";

const draw = (plan: Plan, width = 80, colour = false): string[] =>
  renderWaterfall(buildTree(trace(0, plan)), { width, colour });
/** Columns before the bars at a width of 80 with the service `notes`. */
const barsFrom = (line: string): string => line.slice(line.search(/ {2}[█▒ ]*[█▒]+$/) + 2);

describe("renderWaterfall", () => {
  test("draws name, service, duration, bar and error mark, and places bars on the axis", () => {
    const lines = draw({
      name: "root",
      at: 0,
      ms: 10,
      children: [
        { name: "first", at: 0, ms: 5 },
        { name: "second", at: 5, ms: 5, error: true },
      ],
    });
    expect(lines[0]).toBe("trace 00000000000000000000000000000001 · 3 spans · 10 ms · 1 with errors");
    expect(lines[1]).toMatch(/ 0 +10 ms$/);
    const [root, first, second] = lines.slice(2);
    expect(root).toMatch(/^ {2}root +notes +10 ms +█+$/);
    expect(first).toMatch(/^ {4}first +notes +5 ms +█+$/);
    expect(second).toMatch(/^✗ {3}second +notes +5 ms +█+$/);
    const [whole, left, right] = [root, first, second].map((line) => (line ?? "").match(/█+$/)?.[0].length ?? 0);
    expect(whole).toBeGreaterThan(20);
    expect((left ?? 0) + (right ?? 0)).toBeLessThanOrEqual((whole ?? 0) + 1);
    expect(first?.length).toBeLessThan(second?.length ?? 0);
    expect(root?.length).toBe(second?.length);
  });

  test("colour adds escape sequences and nothing else", () => {
    const plan = toolCall("search_notes", 10, { error: "boom", children: inSequence("notes.read_file", 3) });
    const coloured = draw(plan, 100, true).join("\n");
    expect(coloured).toContain("\u001B[31m");
    // eslint-disable-next-line no-control-regex -- the sequences are what is looked for
    const stripped = coloured.replace(/\u001B\[\d+m/g, "");
    expect(stripped.split("\n").map((line) => line.trimEnd())).toEqual(draw(plan, 100));
  });

  test("hostile names: no control, bidi or zero-width character reaches the terminal; long names are cut", () => {
    const hostile = `\u001B]0;owned\u0007\u001B[2J\u202Eevil\u200B\n\r\t\u009B31m${"x".repeat(500)}`;
    const lines = draw({ name: hostile, service: hostile, at: 0, ms: 1 });
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/\?]0;owned\?\?\[2J\?evil/);
    expect(lines[2]).toContain("…");
    // eslint-disable-next-line no-control-regex -- these are what must not be there
    expect(lines.join("")).not.toMatch(/[\u0000-\u001F\u007F-\u009F\u200B\u202E]/);
  });

  test("above 200 spans repeated siblings share a row, with their range, and the rest is said", () => {
    const reads = Array.from({ length: 240 }, (_, i) => ({ name: "notes.read_file", at: i, ms: 0.1 + (i % 9) / 10 }));
    const parsed = reads.map((read) => ({ ...read, children: [{ name: "parse", at: read.at, ms: 0.05 }] }));
    const lines = draw(toolCall("search_notes", 250, { children: parsed }), 120);
    expect(lines).toHaveLength(2 + 3 + 2);
    expect(lines[4]).toContain(
      "notes.read_file ×240, 100 µs–900 µs (+240 inside)".replace("100 µs–900 µs", "100–900 µs"),
    );
    expect(lines.slice(5)).toEqual(["240 spans stand in 1 shared row (▒).", "240 spans below them are not shown."]);
  });

  test("siblings that failed have a row of their own", () => {
    const reads = Array.from({ length: 240 }, (_, i) => ({ name: "read", at: i, ms: 0.5, error: i % 10 === 0 }));
    const lines = draw({ name: "root", at: 0, ms: 250, children: reads });
    expect(lines.filter((line) => line.startsWith("✗"))).toEqual([expect.stringContaining("read ×24, 500 µs")]);
    expect(lines.some((line) => line.includes("read ×216, 500 µs"))).toBe(true);
  });

  test("more than 200 rows: the rest is counted", () => {
    const children = Array.from({ length: 500 }, (_, i) => ({ name: `op${i}`, at: i, ms: 1 }));
    const lines = draw({ name: "root", at: 0, ms: 500, children });
    expect(lines.at(-1)).toBe("301 further spans are not shown; the JSON form of the trace has them all.");
    expect(lines).toHaveLength(2 + 200 + 1);
  });

  test("200 spans are shown one by one", () => {
    expect(draw({ name: "root", at: 0, ms: 300, children: inSequence("read", 199) })).toHaveLength(2 + 200);
  });

  test("says what was repaired in the trace", () => {
    const spans: Span[] = [
      span({ spanId: spanIdOf(0), parentSpanId: spanIdOf(9) }),
      span({ spanId: spanIdOf(1), parentSpanId: spanIdOf(1) }),
      span({ spanId: spanIdOf(2) }),
      span({ spanId: spanIdOf(2) }),
    ];
    expect(renderWaterfall(buildTree(spans), { width: 80, colour: false }).slice(-3)).toEqual([
      "1 spans name a parent that the trace does not hold.",
      "1 parent links led in a circle and were cut.",
      "1 copies of spans were left out.",
    ]);
  });

  test("says whose clock was repaired", () => {
    const callee: Plan = { name: "serve", service: "api", kind: "server", at: 5001.25, ms: 4.5 };
    const lines = draw({ name: "call", service: "web", kind: "client", at: 0.25, ms: 6.5, children: [callee] });
    expect(lines.at(-1)).toBe("1 spans of api were moved by −5 s: its clock disagrees with its callers'.");
  });

  test("a chain of 150 spans keeps its names in view", () => {
    let plan: Plan = { name: "deep149", at: 0, ms: 1 };
    for (let i = 148; i >= 0; i--) plan = { name: `deep${i}`, at: 0, ms: 1, children: [plan] };
    const lines = draw(plan, 60);
    expect(lines[2 + 149]).toMatch(/\(149\) deep149/);
  });

  test("wide characters count two columns, so the bars stay in line", () => {
    const [, , wide, plain] = draw({
      name: "日本語",
      at: 0,
      ms: 2,
      children: [{ name: "abc", at: 0, ms: 2 }],
    });
    expect(columnsOf(wide ?? "")).toBe(columnsOf(plain ?? ""));
    expect(barsFrom(wide ?? "")).toBe(barsFrom(plain ?? ""));
  });

  test("property: whatever the trace, lines are single, within the width, and a row or a count stands for every span", () => {
    fc.assert(
      fc.property(anySpans, fc.integer({ min: 0, max: 200 }), (spans, width) => {
        const tree = buildTree(spans);
        const lines = renderWaterfall(tree, { width, colour: false });
        expect(lines.length).toBeGreaterThanOrEqual(2 + tree.nodes.length);
        for (const line of lines) {
          expect(columnsOf(line)).toBeLessThanOrEqual(Math.max(60, width));
          expect(line).not.toMatch(/[\n\r]/);
        }
      }),
    );
  });
});
