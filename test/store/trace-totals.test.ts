import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { mergeTotals, summaryOf, totalsOf, totalsOfAll } from "../../src/store/trace-totals.ts";
import { naiveTraces } from "./naive.ts";
import { span, spanId, spanSet, traceId } from "./spans.ts";

const oneTrace = spanSet
  .map((spans) => spans.map((one, n) => ({ ...one, traceId: traceId(0), spanId: spanId(n) })))
  .filter((spans) => spans.length > 0);

describe("totals of a trace", () => {
  test("are what a naive summary says, however the spans are split", () => {
    fc.assert(
      fc.property(oneTrace, fc.nat(), (spans, cut) => {
        const at = cut % spans.length;
        const [left, right] = [spans.slice(0, at), spans.slice(at)];
        const merged = left.length === 0 ? totalsOfAll(right) : mergeTotals(totalsOfAll(left), totalsOfAll(right));
        const other = left.length === 0 ? totalsOfAll(right) : mergeTotals(totalsOfAll(right), totalsOfAll(left));
        expect(merged).toEqual(other);
        expect([summaryOf(traceId(0), merged)]).toEqual(naiveTraces(spans));
      }),
    );
  });

  test("in one pass are those of each span, merged in turn", () => {
    fc.assert(
      fc.property(oneTrace, (spans) => {
        expect(totalsOfAll(spans)).toEqual(spans.map(totalsOf).reduce(mergeTotals));
      }),
    );
  });

  test("a span without parent is the root even when it starts last", () => {
    const child = totalsOf(span({ spanId: spanId(1), parentSpanId: spanId(5), startNs: 1n }));
    const root = totalsOf(span({ spanId: spanId(2), startNs: 9n, name: "root" }));
    expect(mergeTotals(child, root).root.name).toBe("root");
    expect(mergeTotals(root, child)).toMatchObject({ startNs: 1n, root: { name: "root" } });
  });
});
