import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SPAN_KINDS } from "../../src/model/span.ts";
import { groupByTrace } from "../../src/store/batch.ts";
import { fromRows, idBytes, idHex, memberAt, toRow, toSharedRow, type SelectedSpan } from "../../src/store/row.ts";
import type { Span } from "../../src/model/span.ts";
import { span, spanId, spanSet, traceId } from "./spans.ts";

/** A span as a driver returns it: integers as text (PostgreSQL) or as bigint (SQLite). */
function selected(one: Span, integer: (value: bigint | number) => bigint | string): SelectedSpan {
  const { spanId: id, parentSpanId, startNs, durationNs, statusMessage, kind, status, ...rest } = toRow(one);
  return {
    ...rest,
    ...toSharedRow(one),
    trace_id: idBytes(one.traceId, 16),
    span_id: id,
    parent_span_id: parentSpanId,
    kind: BigInt(kind),
    status,
    start_ns: integer(startNs),
    duration_ns: integer(durationNs),
    status_message: statusMessage,
  };
}

describe("rows", () => {
  test("give back the spans they were made from, whatever form integers take", () => {
    fc.assert(
      fc.property(spanSet, (spans) => {
        expect(fromRows(spans.map((one) => selected(one, BigInt)))).toEqual(spans);
        expect(fromRows(spans.map((one) => selected(one, String)))).toEqual(spans);
      }),
    );
  });

  test("that share a resource share one object", () => {
    const rows = [span(), span({ spanId: spanId(1) })].map((one) => selected(one, BigInt));
    const [a, b] = fromRows(rows);
    expect(a?.resource).toBe(b?.resource);
    expect(a?.attributes).not.toBe(b?.attributes);
  });

  test("leave out what a span does not have", () => {
    expect(toRow(span())).toMatchObject({ parentSpanId: null, statusMessage: null, events: null, links: null });
    const [read] = fromRows([selected(span(), BigInt)]);
    expect(Object.keys(read ?? {})).not.toContain("parentSpanId");
    expect(Object.keys(read ?? {})).not.toContain("statusMessage");
  });

  test("with a code that no version wrote are a defect", () => {
    expect(memberAt(SPAN_KINDS, 1n)).toBe("server");
    expect(() => memberAt(SPAN_KINDS, 99)).toThrow(expect.objectContaining({ code: "defect" }));
  });
});

describe("ids", () => {
  test("come back from their bytes", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f]{16}$/), (hex) => {
        expect(idHex(idBytes(hex, 8))).toBe(hex);
      }),
    );
  });

  test.each(["", "ab", "0".repeat(15), "0".repeat(17), "g".repeat(16), `${"0".repeat(16)}g`])(
    "%j is refused",
    (hex) => {
      expect(() => idBytes(hex, 8)).toThrow(expect.objectContaining({ code: "store_write_failed" }));
    },
  );
});

describe("a batch by trace", () => {
  test("holds every key once, the first span of each, in the order of arrival", () => {
    fc.assert(
      fc.property(spanSet, spanSet, (first, second) => {
        const { traces, duplicates } = groupByTrace([...first, ...second]);
        const kept = traces.flatMap((trace) => trace.spans);
        const key = (one: Span) => `${one.traceId}/${one.spanId}/${one.kind}`;
        const known = new Set(first.map(key));
        const expected = [...first, ...second.filter((one) => !known.has(key(one)))];
        expect(new Set(kept)).toEqual(new Set(expected));
        expect(kept.length + duplicates).toBe(first.length + second.length);
        expect(traces.every((trace) => trace.spans.every((one) => one.traceId === trace.traceId))).toBe(true);
        expect(new Set(traces.map((trace) => trace.traceId)).size).toBe(traces.length);
      }),
    );
  });

  test("of two spans with one key the first is kept", () => {
    const { traces, duplicates } = groupByTrace([span({ name: "first" }), span({ name: "second" })]);
    expect(traces).toEqual([{ traceId: traceId(0), spans: [span({ name: "first" })] }]);
    expect(duplicates).toBe(1);
  });
});
