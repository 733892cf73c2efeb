import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildTree } from "../../../src/analyze/tree.ts";
import type { Span } from "../../../src/model/span.ts";
import { parseSelector } from "../../../src/specs/selector/parse.ts";
import { selectSpans } from "../../../src/specs/selector/select.ts";
import { indexTrace } from "../../../src/specs/trace-index.ts";
import { span, spanIdOf } from "../../analyze/population.ts";

/** A question as text, with its answer computed from the span without any of the selectors' code. */
type Asked = { readonly text: string; readonly answer: (one: Span) => boolean };

type Plain = string | number | boolean;

const KEYS = ["a", "b", "http.status_code", "a key", "é", "constructor"];
const values = fc.constantFrom<Plain>("x", "y", "X", "5", "5.0", 5, 6, -1, 0, true, false, "true", "", "x\ny", 'q"q');
const scopes = ["span", "resource", ""] as const;

function own(object: Span["attributes"], key: string): Plain | undefined {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return typeof value === "object" ? undefined : value;
}

function lookUp({ attributes, resource }: Span, scope: (typeof scopes)[number], key: string): Plain | undefined {
  if (scope === "span") return own(attributes, key);
  if (scope === "resource") return own(resource, key);
  return own(attributes, key) ?? own(resource, key);
}

const isNumberText = (value: Plain): boolean => typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value);
const asNumber = (value: Plain): number | undefined =>
  typeof value === "number" ? value : isNumberText(value) ? Number(value) : undefined;

/** Equality as the documentation states it: numbers and booleans equal their text. */
function same(value: Plain, wanted: Plain): boolean {
  return typeof wanted === "number" ? asNumber(value) === wanted : String(value) === String(wanted);
}

function inOrder(value: Plain, wanted: Plain, holds: (a: number | string, b: number | string) => boolean): boolean {
  if (typeof wanted === "number") {
    const number = asNumber(value);
    return number !== undefined && holds(number, wanted);
  }
  return typeof value === "string" && typeof wanted === "string" && holds(value, wanted);
}

const comparisons: Readonly<Record<string, (value: Plain, wanted: Plain) => boolean>> = {
  "=": same,
  "!=": (value, wanted) => !same(value, wanted),
  "<": (value, wanted) => inOrder(value, wanted, (a, b) => a < b),
  "<=": (value, wanted) => inOrder(value, wanted, (a, b) => a <= b),
  ">": (value, wanted) => inOrder(value, wanted, (a, b) => a > b),
  ">=": (value, wanted) => inOrder(value, wanted, (a, b) => a >= b),
};

const written = (value: Plain): string => JSON.stringify(value);
const field = fc
  .record({ scope: fc.constantFrom(...scopes), key: fc.constantFrom(...KEYS) })
  .map(({ scope, key }) => ({ scope, key, text: `${scope}.${key.includes(" ") ? `"${key}"` : key}` }));

const compared: fc.Arbitrary<Asked> = fc
  .record({ field, op: fc.constantFrom(...Object.keys(comparisons)), wanted: values })
  // Booleans have no order.
  .filter(({ op, wanted }) => typeof wanted !== "boolean" || op === "=" || op === "!=")
  .map(({ field: { scope, key, text }, op, wanted }) => ({
    text: `${text} ${op} ${written(wanted)}`,
    answer: (one) => {
      const value = lookUp(one, scope, key);
      return value !== undefined && (comparisons[op]?.(value, wanted) ?? false);
    },
  }));

const listed: fc.Arbitrary<Asked> = fc
  .record({ field, list: fc.array(values, { minLength: 1, maxLength: 3 }), negated: fc.boolean() })
  .map(({ field: { scope, key, text }, list, negated }) => ({
    text: `${text} ${negated ? "not in" : "in"} [${list.map(written).join(", ")}]`,
    answer: (one) => {
      const value = lookUp(one, scope, key);
      return value !== undefined && list.some((wanted) => same(value, wanted)) !== negated;
    },
  }));

const existing: fc.Arbitrary<Asked> = field.chain(({ scope, key, text }) =>
  fc.constantFrom(
    { text: `${text} exists`, answer: (one: Span) => lookUp(one, scope, key) !== undefined },
    { text: `${text} != nil`, answer: (one: Span) => lookUp(one, scope, key) !== undefined },
    { text: `${text} = nil`, answer: (one: Span) => lookUp(one, scope, key) === undefined },
    { text: `${text} is string`, answer: (one: Span) => typeof lookUp(one, scope, key) === "string" },
    { text: `${text} contains "x"`, answer: (one: Span) => String(lookUp(one, scope, key) ?? "").includes("x") },
    {
      text: `${text} =~ "[xy]|5.*"`,
      answer: (one: Span) => /^(?:[xy]|5.*)$/.test(String(lookUp(one, scope, key) ?? "")),
    },
  ),
);

const intrinsic: fc.Arbitrary<Asked> = fc.constantFrom<Asked>(
  { text: "span:name = `a b`", answer: ({ name }) => name === "a b" },
  { text: 'name =~ "a.*"', answer: ({ name }) => name.startsWith("a") },
  { text: "status = error", answer: ({ status }) => status === "error" },
  { text: "span:status != ok", answer: ({ status }) => status !== "ok" },
  { text: "kind = server", answer: ({ kind }) => kind === "server" },
  { text: "span:duration >= 1.5ms", answer: ({ durationNs }) => durationNs >= 1_500_000 },
  { text: "duration < 2000us", answer: ({ durationNs }) => durationNs < 2_000_000 },
  { text: "span:parentID = nil", answer: ({ parentSpanId }) => parentSpanId === undefined },
  { text: "true", answer: () => true },
  { text: "false", answer: () => false },
);

const question: fc.Arbitrary<Asked> = fc.letrec<{ any: Asked }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(compared, compared, listed, existing, intrinsic),
    tie("any").map(({ text, answer }) => ({ text: `!(${text})`, answer: (one: Span) => !answer(one) })),
    fc.tuple(tie("any"), tie("any")).map(([a, b]) => ({
      text: `(${a.text}) && (${b.text})`,
      answer: (one: Span) => a.answer(one) && b.answer(one),
    })),
    fc.tuple(tie("any"), tie("any")).map(([a, b]) => ({
      text: `(${a.text} || ${b.text})`,
      answer: (one: Span) => a.answer(one) || b.answer(one),
    })),
  ),
})).any;

const attributes = fc.dictionary(fc.constantFrom(...KEYS), values, { maxKeys: 4 });
const spans: fc.Arbitrary<Span[]> = fc
  .array(
    fc.record({
      name: fc.constantFrom("a", "a b", "b"),
      kind: fc.constantFrom("server", "client" as const),
      status: fc.constantFrom("unset", "ok", "error" as const),
      durationNs: fc.constantFrom(0, 1_499_999, 1_500_000, 2_000_000),
      attributes,
      resource: attributes,
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) =>
    parts.map((part, i) => span({ ...part, spanId: spanIdOf(i), ...(i > 0 && { parentSpanId: spanIdOf(0) }) })),
  );

/** Ids of the spans that a selector selects. */
function selected(selector: string, given: readonly Span[]): string[] {
  const index = indexTrace(buildTree(given));
  return selectSpans(parseSelector(selector), index).map((at) => index.nodes[at]?.span.spanId ?? "");
}

const idsOf = (given: readonly Span[]): string[] => given.map(({ spanId }) => spanId).sort();

describe("questions about a span against their meaning", () => {
  test("select exactly the spans whose answer is yes", () => {
    fc.assert(
      fc.property(question, spans, ({ text, answer }, given) => {
        expect({ text, ids: selected(`{ ${text} }`, given).sort() }).toEqual({
          text,
          ids: idsOf(given.filter(answer)),
        });
      }),
      { numRuns: 1_000 },
    );
  });

  test("join as sets do: || unites, && needs both and then unites, a bound on the count keeps all or none", () => {
    fc.assert(
      fc.property(fc.tuple(question, question), spans, fc.nat(5), ([a, b], given, bound) => {
        const [left, right] = [given.filter(a.answer), given.filter(b.answer)];
        const union = given.filter((one) => a.answer(one) || b.answer(one));
        const [one, two] = [`{ ${a.text} }`, `{ ${b.text} }`];
        expect(selected(`${one} || ${two}`, given).sort()).toEqual(idsOf(union));
        expect(selected(`${one} && ${two}`, given).sort()).toEqual(left.length && right.length ? idsOf(union) : []);
        expect(selected(`${one} | count() > ${bound}`, given).sort()).toEqual(left.length > bound ? idsOf(left) : []);
        const sum = left.reduce((total, { durationNs }) => total + durationNs, 0);
        const kept = left.length > 0 && sum >= 1_500_000 ? idsOf(left) : [];
        expect(selected(`${one} | sum(span:duration) >= 1500us`, given).sort()).toEqual(kept);
      }),
      { numRuns: 300 },
    );
  });

  test("mean the same without superfluous space, with more of it, and twice negated", () => {
    fc.assert(
      fc.property(question, spans, ({ text, answer }, given) => {
        const wanted = idsOf(given.filter(answer));
        expect(selected(`{${text}}`, given).sort()).toEqual(wanted);
        expect(selected(`\n\t{  ${text}\r\n }  `, given).sort()).toEqual(wanted);
        expect(selected(`{ !(!(${text})) }`, given).sort()).toEqual(wanted);
        expect(selected(`({ not (not (${text})) })`, given).sort()).toEqual(wanted);
      }),
      { numRuns: 200 },
    );
  });
});
