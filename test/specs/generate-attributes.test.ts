import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildTree } from "../../src/analyze/tree.ts";
import type { Json } from "../../src/model/json.ts";
import type { Span } from "../../src/model/span.ts";
import { checkPopulation, checkTrace } from "../../src/specs/check.ts";
import { generateSpec, QUANTILES, type QuantileText } from "../../src/specs/generate/generate.ts";
import { parseSpec, requireSpec } from "../../src/specs/parse.ts";
import { anySpans } from "../analyze/arbitrary.ts";
import { span, spanIdOf, traceIdOf } from "../analyze/population.ts";
import { told } from "./traces.ts";

/** Texts that YAML, JSON, templates, captured values or objects could take for something else. */
const awkward = fc.constantFrom(
  ..."~,null,true,no,0x1F,1e3,1e400,-0,007,.nan,2026-01-01,12:30,<<,*a,&a,!!str x,- a,a: b,a #b,%a,@a,`a`".split(","),
  "",
  " ",
  " a ",
  "\n",
  "a\n",
  "\t",
  "\r\n",
  "'",
  '"',
  "${x}",
  "$",
  "{id}",
  "{ .a = 1 }",
  "|",
  ">",
  "---",
  "...",
  "\u0000",
  "\u0007",
  "\u0085",
  "\u2028",
  "\uFEFF",
  "\uD800",
  "😀",
  "\u202E",
  "é",
  "e\u0301",
  "constructor",
  '"'.repeat(120),
  `${'"'.repeat(119)}x`,
  "\u0001".repeat(60),
  `${"\u0001".repeat(59)}x`,
  "x".repeat(199),
  "x".repeat(201),
  "x".repeat(5_000),
  `${"x".repeat(4_999)}y`,
  "GET /users/17",
  "GET /users/18",
  "7",
  "8",
);
const text = fc.oneof(awkward, fc.string({ unit: "binary", maxLength: 12 }));
const number = fc.oneof(
  fc.constantFrom(0, -0, 0.1, 1e21, 1e-7, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.MIN_VALUE, -1.5),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const plain: fc.Arbitrary<Json> = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const value: fc.Arbitrary<Json> = fc.oneof(plain, fc.array(plain, { maxLength: 3 }), fc.dictionary(text, plain));
const key = fc.oneof(
  fc.constantFrom("a", "b", "tenant", "constructor", "toString", "__proto__", "error.type", "http.status_code"),
  text,
);

/** Spans of a trace of which few differ much, so that attributes are alike in some traces and not in others. */
const aTrace: fc.Arbitrary<Span[]> = fc
  .array(
    fc.record({
      parent: fc.nat(),
      name: fc.oneof(fc.constantFrom("a", "b", "GET /users/17", "GET /users/18"), text),
      service: fc.oneof(fc.constantFrom("web", "db"), text),
      at: fc.nat(50),
      length: fc.oneof(fc.constant(0), fc.nat(50), fc.maxSafeNat()),
      status: fc.constantFrom("unset", "ok", "error" as const),
      attributes: fc.array(fc.tuple(key, value), { maxLength: 4 }),
      message: fc.option(text, { nil: undefined }),
      thrown: fc.option(text, { nil: undefined }),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((parts) =>
    parts.map(({ parent, name, service, at, length, status, attributes, message, thrown }, i) => {
      const startNs = 1_763_000_000_000_000_000n + BigInt(at);
      const own = Object.fromEntries(attributes);
      const events = [{ name: "exception", timeNs: startNs, attributes: { "exception.type": thrown ?? "" } }];
      return span({
        spanId: spanIdOf(i),
        ...(i > 0 && { parentSpanId: spanIdOf(parent % i) }),
        name,
        service,
        startNs,
        durationNs: length,
        status,
        attributes: own,
        ...(message !== undefined && { statusMessage: message }),
        ...(thrown !== undefined && { events }),
      });
    }),
  );

const numbered = (traces: readonly Span[][]): Span[][] =>
  traces.map((spans, n) => spans.map((one) => ({ ...one, traceId: traceIdOf(n) })));

describe("a specification from traces that have little in common", () => {
  const quantile = fc.option(fc.constantFrom(...(Object.keys(QUANTILES) as QuantileText[])), { nil: undefined });

  test.each([
    { what: "with attributes, names and errors of any kind", traces: fc.array(aTrace, { minLength: 1, maxLength: 4 }) },
    { what: "broken in any way", traces: fc.array(anySpans, { minLength: 2, maxLength: 4 }) },
  ])("$what accepts each of them and all together", ({ traces }) => {
    fc.assert(
      fc.property(traces, quantile, fc.boolean(), (given, wanted, open) => {
        const all = numbered(given);
        const trees = all.map(buildTree);
        const generated = generateSpec(trees, { open, ...(wanted === undefined ? {} : { quantile: wanted }) });
        const { spec } = requireSpec(generated.text, "generated.yaml");
        for (const spans of wanted === undefined ? all : []) expect(told(checkTrace(spec, spans))).toEqual([]);
        expect(told(checkPopulation(spec, trees))).toEqual([]);
        expect(checkPopulation(spec, trees).verdict).toBe("pass");
      }),
      { numRuns: 80 },
    );
  });

  test("is read back as it was written, and neither order nor ids of the traces matter", () => {
    fc.assert(
      fc.property(fc.array(aTrace, { minLength: 2, maxLength: 4 }), (given) => {
        const all = numbered(given);
        const generated = generateSpec(all.map(buildTree), { name: "x" });
        const read = parseSpec(generated.text);
        expect(read).toMatchObject({ ok: true });
        const renamed = all.map((spans, n) => spans.map((one) => ({ ...one, traceId: traceIdOf(900 - n) })));
        const again = generateSpec(renamed.map(buildTree), { name: "x" });
        expect(again.text).toBe(generated.text);
        const turned = requireSpec(generateSpec(all.toReversed().map(buildTree), { name: "x" }).text, "turned").spec;
        for (const spans of all) expect(told(checkTrace(turned, spans))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});

describe("values that only their end tells apart", () => {
  test.each([
    ["quotes, which JSON escapes", '"'.repeat(150)],
    ["control characters, which take six characters each in JSON", "\u0001".repeat(150)],
    ["plain text as long as is compared", "x".repeat(198)],
    ["plain text that is longer", "x".repeat(300)],
  ])("%s are two values", (_, same) => {
    const traceOf = (n: number, end: string) => [
      span({ spanId: spanIdOf(0), traceId: traceIdOf(n), attributes: { key: same + end } }),
    ];
    const [one, two] = [traceOf(0, "a"), traceOf(1, "b")];
    const { spec } = requireSpec(generateSpec([one, two].map(buildTree)).text, "generated.yaml");
    expect([one, two].flatMap((spans) => told(checkTrace(spec, spans)))).toEqual([]);
  });
});
