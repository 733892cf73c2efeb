import { describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import { z } from "zod";
import { SCHEMAS } from "../../scripts/schemas.ts";
import { isObject, mutationsOf, type Path, placesOf, type Schema, sampleOf, withAt } from "./schema-samples.ts";

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false });

/** Members that a rule over several fields forbids beside the others. */
const UNLIKE: Readonly<Record<string, Path>> = { whetstone: ["targets", "abcd", "slos", 0, "threshold"] };

const documents = Object.entries(SCHEMAS).map(([name, type]) => {
  const schema = z.toJSONSchema(type, { io: "input", target: "draft-2020-12" }) as Schema;
  const unlike = UNLIKE[name];
  const sample = sampleOf(schema, schema);
  const repaired = unlike === undefined ? sample : withAt(sample, unlike, undefined);
  return { name, type, schema, sample: repaired, validate: ajv.compile(schema) };
});

/** Rules over several fields, which JSON Schema cannot say: documents where zod alone refuses a mutation. */
const STRICTER_IN_ZOD: ReadonlySet<string> = new Set(["whetstone", "workload", "spec", "rule"]);

describe.each(documents)("$name", ({ name, type, schema, sample, validate }) => {
  const accepts = (value: unknown): boolean => type.safeParse(value).success;

  test("a document made from its JSON Schema is one for both", () => {
    expect(type.safeParse(sample).error?.issues ?? []).toEqual([]);
    expect(validate(sample) ? [] : validate.errors).toEqual([]);
  });

  test("the document is refused where a field is missing that is required", () => {
    const missing = placesOf(schema, sample).flatMap(({ path, schema: at }) =>
      (at.required ?? []).map((key) => ({ path: [...path, key], broken: withAt(sample, [...path, key], undefined) })),
    );
    expect(missing.length).toBeGreaterThan(0);
    expect(missing.filter(({ broken }) => accepts(broken)).map(({ path }) => path.join("."))).toEqual([]);
    expect(missing.filter(({ broken }) => validate(broken)).map(({ path }) => path.join("."))).toEqual([]);
  });

  test("a field that it does not know is refused wherever fields are named, but never swallowed", () => {
    const closed = placesOf(schema, sample).filter(({ schema: at }) => at.properties !== undefined);
    const extra = closed.map(({ path }) => ({ path, broken: withAt(sample, [...path, "surplus_field"], 1) }));
    expect(extra.length).toBeGreaterThan(0);
    expect(extra.filter(({ broken }) => accepts(broken)).map(({ path }) => path.join("."))).toEqual([]);
    expect(extra.filter(({ broken }) => validate(broken)).map(({ path }) => path.join("."))).toEqual([]);
  });

  test("zod and the JSON Schema agree on every mutation of every value", () => {
    const mutations = mutationsOf(schema, sample);
    expect(mutations.length).toBeGreaterThan(20);
    const apart = mutations.filter(({ value }) => {
      const [own, published] = [accepts(value), validate(value)];
      return STRICTER_IN_ZOD.has(name) ? own && !published : own !== published;
    });
    expect(apart.map(({ what }) => what)).toEqual([]);
    // Else nothing would have been tried: most mutations break a document.
    expect(mutations.filter(({ value }) => !accepts(value)).length).toBeGreaterThan(mutations.length / 3);
  });

  test("what zod returns is the document itself: nothing is renamed or dropped", () => {
    const parsed: unknown = type.parse(sample);
    if (!isObject(sample) || !isObject(parsed)) throw new Error("A document is an object.");
    expect(Object.keys(parsed)).toEqual(expect.arrayContaining(Object.keys(sample)));
  });
});
