import { describe, expect, test } from "@jest/globals";
import { compareSets } from "../../../src/analyze/regressions/compare.ts";
import { operationTemplate } from "../../../src/analyze/regressions/operation-template.ts";
import { buildTree } from "../../../src/analyze/tree.ts";
import { trace, type Plan } from "../population.ts";

const step = (name: string, at: number, children: readonly Plan[] = []): Plan => ({ name, at, ms: 2, children });
const entry = (...children: readonly Plan[]): Plan => ({ name: "order", kind: "server", at: 0, ms: 20, children });
const traces = (count: number, plan: (i: number) => Plan) =>
  Array.from({ length: count }, (_, i) => buildTree(trace(i, plan(i))));
const usual = () => entry(step("check", 0), step("charge", 3), step("ship", 6));
const changes = (plan: (i: number) => Plan, count = 100) => compareSets(traces(count, usual), traces(count, plan));

describe("structural changes", () => {
  test("none between equal sets, and they are counted", () => {
    const report = changes(usual);
    expect(report).toMatchObject({ verdict: "pass", structural: [] });
    expect(report.relations).toBeGreaterThan(5);
  });

  test("a call that vanished", () => {
    const report = changes(() => entry(step("check", 0), step("ship", 6)));
    expect(report).toMatchObject({ verdict: "fail", reasons: ["structure_changed"] });
    expect(report.structural).toMatchObject([
      { change: "vanished", operation: "charge", parent: { operation: "order" }, before: 1, after: 0 },
    ]);
  });

  test("a call that appeared", () => {
    const report = changes(() => entry(step("check", 0), step("charge", 3), step("ship", 6), step("audit", 9)));
    expect(report.structural).toMatchObject([{ change: "appeared", operation: "audit", before: 0, after: 1 }]);
  });

  test("a call that a third of the calls leave out", () => {
    const report = changes((i) => (i % 3 === 0 ? entry(step("check", 0), step("ship", 6)) : usual()));
    expect(report.structural).toMatchObject([{ change: "less_frequent", operation: "charge", after: 0.66 }]);
  });

  test("a call that moved below another is one change", () => {
    const report = changes(() => entry(step("check", 0, [{ name: "charge", at: 0.5, ms: 1 }]), step("ship", 6)));
    expect(report.structural).toMatchObject([
      { change: "parent_changed", operation: "charge", parent: { operation: "check" }, other: { operation: "order" } },
    ]);
  });

  test("a layer that came between is named as the new parent", () => {
    const report = changes(() => entry(step("check", 0), step("gateway", 3, [step("charge", 3)]), step("ship", 6)));
    expect(report.structural).toMatchObject([
      { change: "parent_changed", operation: "charge", parent: { operation: "gateway" } },
      { change: "appeared", operation: "gateway", parent: { operation: "order" } },
    ]);
  });

  test("a layer that makes the call only now and then says how often it does", () => {
    const report = changes((i) =>
      entry(step("check", 0), step("gateway", 3, i % 4 === 0 ? [step("charge", 3)] : []), step("ship", 6)),
    );
    expect(report.structural).toMatchObject([
      { change: "parent_changed", operation: "charge", parent: { operation: "gateway" }, before: 1, after: 0.25 },
      { change: "appeared", operation: "gateway", parent: { operation: "order" } },
    ]);
  });

  test("two calls that changed places are one change", () => {
    const report = changes(() => entry(step("charge", 0), step("check", 3), step("ship", 6)));
    expect(report.structural).toMatchObject([
      { change: "order_reversed", operation: "check", other: { operation: "charge" }, before: 0, after: 1 },
    ]);
  });

  test("calls that became concurrent are told but do not fail; the other way round does", () => {
    const concurrent = () => entry(step("check", 0), step("charge", 1), step("ship", 6));
    const better = changes(concurrent);
    expect(better).toMatchObject({ verdict: "pass", structural: [{ change: "now_concurrent", verdict: "pass" }] });
    const worse = compareSets(traces(100, concurrent), traces(100, usual));
    expect(worse).toMatchObject({ verdict: "fail", structural: [{ change: "now_sequential", verdict: "fail" }] });
  });

  test("may be reported without failing", () => {
    const before = traces(100, usual);
    const after = traces(100, () => entry(step("check", 0), step("ship", 6)));
    const report = compareSets(before, after, { structure: "report" });
    expect(report).toMatchObject({ verdict: "pass", structural: [{ change: "vanished", verdict: "pass" }] });
  });

  test("few traces leave them undecided", () => {
    const report = changes((i) => (i === 0 ? entry(step("check", 0), step("ship", 6)) : usual()), 6);
    expect(report.structural).toMatchObject([{ change: "less_frequent", verdict: "inconclusive" }]);
    expect(report.verdict).toBe("inconclusive");
  });

  test("the order within very wide calls is left out and said", () => {
    const wide = () => entry(...Array.from({ length: 13 }, (_, i) => step(String.fromCharCode(97 + i), i)));
    const report = compareSets(traces(20, wide), traces(20, wide));
    expect(report.notes).toEqual([expect.stringMatching(/within 40 calls that make more than 12 kinds/)]);
  });

  test("ids in names do not make operations of their own", () => {
    const numbered = (i: number) => entry(step(`GET /orders/${i}`, 0));
    const report = compareSets(
      traces(50, numbered),
      traces(50, (i) => numbered(i + 1_000)),
    );
    expect(report.structural).toEqual([]);
    expect(report.operations.map(({ operation }) => operation)).toContain("GET /orders/{id}");
  });
});

describe("operationTemplate", () => {
  test.each([
    ["GET /orders/17/lines/3", "GET /orders/{id}/lines/{id}"],
    ["load 0af7651916cd43dd8448eb211c80319c", "load {id}"],
    ["user 3f2504e0-4f89-11d3-9a0c-0305e82c3301 read", "user {id} read"],
    ["job #12", "job #{id}"],
    ["tools/call read_file", "tools/call read_file"],
    ["HTTP/1.1 GET", "HTTP/1.1 GET"],
    ["sha256", "sha256"],
    ["deadbeef cafe2", "deadbeef cafe2"],
    ["v2/items", "v2/items"],
  ])("%s → %s", (name, expected) => {
    expect(operationTemplate(name)).toBe(expected);
    expect(operationTemplate(expected)).toBe(expected);
  });
});
