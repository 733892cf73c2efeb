import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { diffSpecs } from "../../src/specs/diff.ts";
import type { ExpectedSpan, TraceSpecFile } from "../../src/specs/schema.ts";

const file = (...spans: readonly ExpectedSpan[]): TraceSpecFile => ({ name: "s", expected_spans: [...spans] });

describe("diffSpecs", () => {
  test("names what changed by what it is about", () => {
    const before = file(
      { operation_name: "a", service_name: "web", expected_duration_ms: { max: 10 } },
      { operation_name: "b" },
    );
    const after = file(
      { operation_name: "new" },
      { operation_name: "a", service_name: "web", expected_duration_ms: { max: 20, min: 1 } },
      { operation_name: "b", optional: true },
    );
    expect(diffSpecs(before, after)).toEqual([
      { path: "expected_spans[a of web].expected_duration_ms.max", before: 10, after: 20 },
      { path: "expected_spans[a of web].expected_duration_ms.min", before: null, after: 1 },
      { path: "expected_spans[b].optional", before: null, after: true },
      { path: "expected_spans[new].operation_name", before: null, after: "new" },
    ]);
  });

  test("entries about the same are paired in their order", () => {
    const [one, two] = [
      { operation_name: "a", count: 1 },
      { operation_name: "a", count: 2 },
    ];
    expect(diffSpecs(file(one, two), file(one, { ...two, count: 3 }))).toEqual([
      { path: "expected_spans[a#2].count", before: 2, after: 3 },
    ]);
  });

  test("names by id, by conditions on the name, by selector; lists of plain values as a whole", () => {
    const before: TraceSpecFile = {
      ...file({ id: "x", operation_name: { template: "GET /{id}" }, forbidden_tags: ["a"] }),
      assertions: [{ select: "{ }", count: 1 }],
      performance_constraints: { totals: [{ attribute: "tokens", max: 1 }] },
    };
    const after: TraceSpecFile = {
      ...file({ id: "x", operation_name: { template: "PUT /{id}" }, forbidden_tags: ["a", "b"] }),
      assertions: [{ select: "{ }", count: 2 }],
      performance_constraints: { totals: [{ attribute: "tokens", max: 2 }] },
    };
    expect(diffSpecs(before, after).map(({ path }) => path)).toEqual([
      "assertions[{ }].count",
      "expected_spans[x].forbidden_tags",
      "expected_spans[x].operation_name.template",
      "performance_constraints.totals[tokens].max",
    ]);
  });

  test("of a specification with itself is empty, and turned round it is turned round", () => {
    const spans = fc.array(
      fc.record({ operation_name: fc.constantFrom("a", "b", "c"), count: fc.nat(3), optional: fc.boolean() }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(spans, spans, (a, b) => {
        expect(diffSpecs(file(...a), file(...a))).toEqual([]);
        const turned = diffSpecs(file(...b), file(...a)).map(({ path, before, after }) => ({
          path,
          before: after,
          after: before,
        }));
        expect(diffSpecs(file(...a), file(...b))).toEqual(turned);
      }),
    );
  });
});
