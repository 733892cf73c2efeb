import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { spanJson } from "../../src/model/span-json.ts";
import { span, spanId, spanSet } from "../store/spans.ts";

describe("a span as JSON", () => {
  test("has times in RFC 3339 to the nanosecond and its duration in ms", () => {
    const json = spanJson(
      span({
        parentSpanId: spanId(7),
        startNs: 1_700_000_000_123_456_789n,
        durationNs: 1_234_567,
        events: [{ name: "e", timeNs: 1_700_000_000_200_000_000n, attributes: { a: 1 } }],
      }),
    );
    expect(json).toMatchObject({
      parentSpanId: spanId(7),
      start: "2023-11-14T22:13:20.123456789Z",
      durationMs: 1.234567,
      events: [{ name: "e", time: "2023-11-14T22:13:20.200Z", attributes: { a: 1 } }],
    });
    expect(json).not.toHaveProperty("statusMessage");
    expect(spanJson(span()).parentSpanId).toBeNull();
  });

  test("is JSON for any span, with every attribute", () => {
    fc.assert(
      fc.property(spanSet, (spans) => {
        for (const one of spans) {
          const read = JSON.parse(JSON.stringify(spanJson(one))) as { attributes: unknown; operation: unknown };
          expect(read).toMatchObject({ operation: one.name, kind: one.kind, status: one.status });
          expect(read.attributes).toEqual(one.attributes);
        }
      }),
    );
  });
});
