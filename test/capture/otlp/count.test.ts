import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { countJson, countProtobuf } from "../../../src/capture/otlp/count.ts";
import { encodeOtlp } from "../../../src/capture/otlp/encode.ts";
import { OTLP_LIMITS } from "../../../src/capture/otlp/limits.ts";
import { anySpan } from "../fixtures/spans.ts";
import { encodeRequest } from "./descriptors.ts";
import { bytesField, UNKNOWN, varintField } from "./wire-writer.ts";

const message = (field: number, ...inner: readonly Uint8Array[]) => bytesField(field, Buffer.concat(inner));
const EMPTY = new Uint8Array();
const point = message(1, varintField(3, 7));

describe("counting", () => {
  test("spans, in both encodings", () => {
    fc.assert(
      fc.property(fc.array(anySpan, { maxLength: 5 }), (spans) => {
        const document = encodeOtlp(spans);
        expect(countJson("traces", document)).toBe(spans.length);
        expect(countProtobuf("traces", encodeRequest(document))).toBe(spans.length);
      }),
    );
  });

  test("data points of every kind of metric", () => {
    // gauge 5, sum 7, histogram 9, exponential histogram 10, summary 11
    const metrics = [5, 7, 9, 10, 11].map((kind, at) =>
      message(2, UNKNOWN, message(kind, ...Array(at + 1).fill(point))),
    );
    const body = message(1, message(1, UNKNOWN), message(2, message(1, UNKNOWN), ...metrics));
    expect(countProtobuf("metrics", body)).toBe(15);
    const kinds = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"];
    const inJson = kinds.map((kind, at) => ({ name: kind, [kind]: { dataPoints: Array(at + 1).fill({}) } }));
    expect(countJson("metrics", { resourceMetrics: [{ scopeMetrics: [{ metrics: inJson }] }] })).toBe(15);
  });

  test("log records", () => {
    const body = message(1, message(2, message(2, EMPTY), message(2, UNKNOWN)), message(2, message(2, EMPTY)));
    expect(countProtobuf("logs", body)).toBe(3);
    expect(countJson("logs", { resourceLogs: [{ scopeLogs: [{ logRecords: [{}, {}] }, { logRecords: [{}] }] }] })).toBe(
      3,
    );
  });

  test("nothing, and what is nothing of the signal", () => {
    expect([countProtobuf("logs", EMPTY), countJson("logs", {}), countJson("metrics", null)]).toEqual([0, 0, 0]);
    expect(countJson("traces", { resourceSpans: [null, 1, { scopeSpans: "x" }] })).toBe(0);
  });

  test("cut bytes and more than the limit are refused", () => {
    const code = "input_unreadable";
    expect(() => countProtobuf("logs", Buffer.from([0x0a, 5]))).toThrow(expect.objectContaining({ code }));
    const groups = Array<number>(OTLP_LIMITS.parts + 1).fill(1);
    for (const document of [{ resourceSpans: groups }, { resourceSpans: [{ instrumentationLibrarySpans: groups }] }]) {
      expect(() => countJson("traces", document)).toThrow(expect.objectContaining({ code }));
    }
    expect(countJson("traces", { resourceSpans: groups.slice(1) })).toBe(0);
  });
});
