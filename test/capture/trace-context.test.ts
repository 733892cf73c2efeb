import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  childContext,
  formatTraceparent,
  parseTraceparent,
  pooledRandom,
  randomId,
} from "../../src/capture/trace-context.ts";
import { SpanId, TraceId } from "../../src/model/span.ts";
import { seededRandom } from "./fixtures/commands.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const anyContext = fc.tuple(fc.string(), fc.integer({ min: 0, max: 255 })).map(([seed, flags]) => ({
  ...childContext(undefined, seededRandom(seed)),
  flags: flags.toString(16).padStart(2, "0"),
}));

describe("traceparent", () => {
  test("what is formatted is parsed back", () => {
    fc.assert(
      fc.property(anyContext, (context) => {
        expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
      }),
    );
  });

  test("a later version is read by its known prefix", () => {
    const context = { traceId: TRACE, spanId: SPAN, flags: "01" };
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01`)).toEqual(context);
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`)).toEqual(context);
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01.what`)).toBeUndefined();
  });

  test.each([
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`],
    [` 00-${TRACE}-${SPAN}-01`],
    [`00-${TRACE}-${SPAN}-01\n`],
    [`00-${TRACE}-${SPAN}`],
    [`00-${TRACE.slice(1)}-${SPAN}-01`],
  ])("%j is none", (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  test("any text is read or refused, never a fault", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.jsonValue()), (value) => {
        const context = parseTraceparent(value);
        expect(context === undefined || TraceId.safeParse(context.traceId).success).toBe(true);
      }),
    );
  });
});

describe("childContext", () => {
  test("keeps the parent's trace and flags and has a span id of its own", () => {
    fc.assert(
      fc.property(anyContext, fc.string(), (parent, seed) => {
        const child = childContext(parent, seededRandom(`child ${seed}`));
        expect([child.traceId, child.flags]).toEqual([parent.traceId, parent.flags]);
        expect(child.spanId).not.toBe(parent.spanId);
      }),
    );
  });

  test("without a parent it is the root of a sampled trace", () => {
    const root = childContext(undefined, seededRandom("root"));
    expect([TraceId.safeParse(root.traceId).success, SpanId.safeParse(root.spanId).success, root.flags]).toEqual([
      true,
      true,
      "01",
    ]);
  });
});

describe("randomId", () => {
  test("is never all zero, whatever the source gives", () => {
    expect(randomId((bytes) => new Uint8Array(bytes), 8)).toBe("0000000000000001");
    expect(randomId((bytes) => new Uint8Array(bytes).fill(10), 16)).toBe("0a".repeat(16));
  });
});

describe("pooledRandom", () => {
  test("gives the source's bytes, each once, whatever is asked for", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 })), fc.integer({ min: 1, max: 32 }), (lengths, poolBytes) => {
        let next = 0;
        const given = new Set<number>();
        const random = pooledRandom((bytes) => Uint8Array.from({ length: bytes }, () => next++ % 256), poolBytes);
        for (const length of lengths) {
          const taken = [...random(length)];
          expect(taken).toHaveLength(length);
          if (next > 256) return;
          for (const byte of taken) expect(given.has(byte)).toBe(false);
          for (const byte of taken) given.add(byte);
        }
      }),
    );
  });

  test("asks the source seldom", () => {
    let asked = 0;
    const random = pooledRandom((bytes) => {
      asked += 1;
      return new Uint8Array(bytes);
    });
    for (let turn = 0; turn < 512; turn += 1) random(8);
    expect(asked).toBe(1);
  });
});
