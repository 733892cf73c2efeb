import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { countProtobuf } from "../../../src/capture/otlp/count.ts";
import { decodeOtlpProtobuf } from "../../../src/capture/otlp/decode-protobuf.ts";
import { encodeOtlp } from "../../../src/capture/otlp/encode.ts";
import type { Decoded } from "../../../src/capture/otlp/rejection.ts";
import { SIGNALS } from "../../../src/capture/otlp/signal.ts";
import { Span } from "../../../src/model/span.ts";
import { plainSpan } from "../fixtures/spans.ts";
import { encodeRequest } from "./descriptors.ts";
import { requestOf } from "./wire-writer.ts";

const { traceId, spanId } = plainSpan;
const attributes = { text: "é€", int: -5, big: "x".repeat(130), list: [1, [true, null]], map: { a: { b: 0.5 } } };
const EVERYTHING: Span = {
  ...plainSpan,
  parentSpanId: spanId,
  status: "error",
  statusMessage: "broke",
  attributes,
  events: [{ name: "e", timeNs: 5n, attributes }],
  links: [{ traceId, spanId, attributes: { a: 1 } }],
};
/** Two resources with two spans each. */
const SPANS = [plainSpan, EVERYTHING].flatMap((one) => [
  one,
  { ...one, service: "b", resource: { "service.name": "b" } },
]);
const MESSAGE = encodeRequest(encodeOtlp(SPANS));

/** What the decoder makes of bytes; undefined when it refuses them with its code. Anything else fails the test. */
function decode(bytes: Uint8Array): Decoded | undefined {
  try {
    return decodeOtlpProtobuf(bytes);
  } catch (error) {
    expect(error).toMatchObject({ name: "WhetstoneError", code: "input_unreadable" });
    return undefined;
  }
}

describe("hostile bytes", () => {
  test("a message cut at any byte is refused, or is the groups before the cut", () => {
    let refused = 0;
    for (let end = 0; end < MESSAGE.length; end += 1) {
      const decoded = decode(MESSAGE.subarray(0, end));
      if (decoded === undefined) refused += 1;
      else expect(decoded).toEqual({ spans: SPANS.slice(0, decoded.spans.length), rejected: [] });
    }
    // Whole after none, one, two and three of its four groups.
    expect(refused).toBe(MESSAGE.length - 4);
    expect(decode(MESSAGE)).toEqual({ spans: SPANS, rejected: [] });
  });

  test("a span cut at any byte costs no neighbour", () => {
    const span = Buffer.from(encodeRequest(encodeOtlp([EVERYTHING])));
    const whole = spanBytes(span);
    for (let end = 0; end < whole.length; end += 1) {
      const decoded = decodeOtlpProtobuf(groupOf([whole, whole.subarray(0, end), whole]));
      const rejected = decoded.rejected.reduce((sum, { count }) => sum + count, 0);
      expect([decoded.spans.length + rejected, decoded.spans.length >= 2]).toEqual([3, true]);
    }
  });

  test("100,000 mutated messages end in spans that are valid, or in the one error", () => {
    const place = fc.nat(MESSAGE.length - 1);
    const mutation = fc.oneof(
      fc.tuple(fc.constant("set" as const), place, fc.nat(255)),
      fc.tuple(fc.constant("flip" as const), place, fc.nat(7)),
      fc.tuple(fc.constant("cut" as const), place, fc.nat(20)),
      fc.tuple(fc.constant("double" as const), place, fc.nat(60)),
      fc.tuple(fc.constant("long" as const), place, fc.nat(12)),
    );
    let survivors = 0;
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const mutated = mutations.reduce(mutate, MESSAGE);
        const decoded = decode(mutated);
        survivors += decoded === undefined ? 0 : 1;
        for (const span of decoded?.spans ?? []) if (!isValid(span)) expect(Span.parse(span)).toEqual(span);
      }),
      { numRuns: 100_000 },
    );
    // Neither were all refused nor did all pass.
    expect(survivors).toBeGreaterThan(1_000);
    expect(survivors).toBeLessThan(99_000);
  });

  test("counting never ends in anything but the one error either", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...SIGNALS), (bytes, signal) => {
        try {
          expect(countProtobuf(signal, bytes)).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toMatchObject({ code: "input_unreadable" });
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

type Mutation = readonly ["set" | "flip" | "cut" | "double" | "long", number, number];

function mutate(bytes: Uint8Array, [kind, place, amount]: Mutation): Uint8Array {
  const at = bytes.length === 0 ? 0 : place % bytes.length;
  const before = bytes.subarray(0, at);
  switch (kind) {
    case "set":
      return Buffer.concat([before, Buffer.from([amount]), bytes.subarray(at + 1)]);
    case "flip":
      return Buffer.concat([before, Buffer.from([(bytes[at] ?? 0) ^ (1 << amount)]), bytes.subarray(at + 1)]);
    case "cut":
      return Buffer.concat([before, bytes.subarray(at + amount)]);
    case "double":
      return Buffer.concat([before, bytes.subarray(at, at + amount), bytes.subarray(at)]);
    case "long":
      return Buffer.concat([before, Buffer.alloc(amount, 0xff), bytes.subarray(at)]);
  }
}

const ID = /^[0-9a-f]+$/;

/** The parts of the schema that a decoder can get wrong, checked fast; the schema itself names what is wrong. */
function isValid(span: Span): boolean {
  return (
    ID.test(span.traceId) &&
    span.traceId.length === 32 &&
    ID.test(span.spanId) &&
    span.spanId.length === 16 &&
    span.startNs > 0n &&
    Number.isSafeInteger(span.durationNs) &&
    span.durationNs >= 0 &&
    typeof span.kind === "string" &&
    typeof span.status === "string" &&
    span.name.isWellFormed() &&
    span.events.every(({ timeNs }) => timeNs > 0n)
  );
}

/** The bytes of the only span of a request: inside `ResourceSpans` 1, `ScopeSpans` 2, `Span` 2. */
function spanBytes(request: Buffer): Buffer {
  const inside = (message: Buffer, tag: number): Buffer => {
    for (let pos = 0; pos < message.length;) {
      const found = message[pos] === tag;
      let length = 0;
      let shift = 0;
      do {
        pos += 1;
        length |= ((message[pos] ?? 0) & 0x7f) << shift;
        shift += 7;
      } while ((message[pos] ?? 0) >= 0x80);
      pos += 1;
      if (found) return message.subarray(pos, pos + length);
      pos += length;
    }
    throw new Error(`no field of tag ${tag}`);
  };
  return inside(inside(inside(request, 0x0a), 0x12), 0x12);
}

/** A request of one group around spans given as bytes. */
const groupOf = (spans: readonly Buffer[]): Uint8Array => requestOf(spans.map((span) => [span]));
