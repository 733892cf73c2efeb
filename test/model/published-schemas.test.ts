import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import { SCHEMAS } from "../../scripts/schemas.ts";
import { type Path, placesOf, type Schema, sampleOf, withAt } from "./schema-samples.ts";

const ajv = new Ajv2020({ strict: false, validateFormats: false });

/** Members that a rule over several fields forbids beside the others. */
const UNLIKE: Readonly<Record<string, Path>> = { whetstone: ["targets", "abcd", "slos", 0, "threshold"] };

/** As others read it: from the file, not from the code that wrote the file. */
const published = Object.entries(SCHEMAS).map(([name, type]) => {
  const schema = JSON.parse(readFileSync(`schemas/${name}.schema.json`, "utf8")) as Schema;
  const whole = sampleOf(schema, schema);
  const unlike = UNLIKE[name];
  const sample = unlike === undefined ? whole : withAt(whole, unlike, undefined);
  return { name, type, schema, sample, validate: ajv.compile(schema) };
});

const dotted = ({ path }: { readonly path: Path }): string => path.join(".");

describe.each(published)("$name, with every optional member written out", ({ type, schema, sample, validate }) => {
  const isTaken = (value: unknown) => ({ code: type.safeParse(value).success, file: validate(value) });

  test("is a document for the code and for the file", () => {
    expect(type.safeParse(sample).error?.issues ?? []).toEqual([]);
    expect(validate(sample) ? [] : validate.errors).toEqual([]);
  });

  test("is none without any one member that the file requires, for both", () => {
    const broken = placesOf(schema, sample).flatMap(({ path, schema: at }) =>
      (at.required ?? []).map((key) => ({ path: [...path, key], value: withAt(sample, [...path, key], undefined) })),
    );
    expect(broken.length).toBeGreaterThan(0);
    expect(broken.filter(({ value }) => isTaken(value).code).map(dotted)).toEqual([]);
    expect(broken.filter(({ value }) => isTaken(value).file).map(dotted)).toEqual([]);
  });

  test("is none with a member more, wherever members are named, for both", () => {
    const named = placesOf(schema, sample).filter(({ schema: at }) => at.properties !== undefined);
    const broken = named.map(({ path }) => ({ path, value: withAt(sample, [...path, "surplus_field"], 1) }));
    expect(broken.length).toBeGreaterThan(0);
    expect(broken.filter(({ value }) => isTaken(value).code).map(dotted)).toEqual([]);
    expect(broken.filter(({ value }) => isTaken(value).file).map(dotted)).toEqual([]);
  });
});
