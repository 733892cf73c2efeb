import { describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { z } from "zod";
import { SCHEMAS } from "../../scripts/schemas.ts";
import { arbitraryOf, changedAt, type JsonSchema, type Place, placesOf, valueAt } from "./schema-arbitrary.ts";

/** Documents of which the program asks more than a JSON Schema can say: it may refuse what the schema takes. */
const ASKS_MORE = ["whetstone", "workload", "spec"];
/** Numbers of documents per schema and property. */
const RUNS = 15;

const WRONG: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  1e300,
  "",
  "x",
  "0".repeat(64),
  "2026-02-30T25:61:61Z",
  [],
  [[]],
  {},
  { extra: 1 },
];

const ajv = new Ajv2020({ strict: false, validateFormats: false });

function judges(name: string) {
  const schema = SCHEMAS[name] ?? z.never();
  const json = z.toJSONSchema(schema, { io: "input", target: "draft-2020-12" }) as JsonSchema;
  const validate = ajv.compile(json as object);
  return {
    documents: arbitraryOf(json),
    /** What the program says, and what the published schema says. */
    verdict: (value: unknown) => ({ program: schema.safeParse(value).success, published: validate(value) }),
  };
}

/** The program takes nothing that the published schema refuses; where it asks no more, they say the same. */
function expectAgreement(name: string, value: unknown, verdict: { program: boolean; published: boolean }): void {
  const agrees = ASKS_MORE.includes(name)
    ? !verdict.program || verdict.published
    : verdict.program === verdict.published;
  if (!agrees) expect({ name, ...verdict, value: JSON.stringify(value) }).toBe("agreement");
}

describe.each(Object.keys(SCHEMAS))("%s.schema.json", (name) => {
  const { documents, verdict } = judges(name);
  const some = fc.sample(documents, { numRuns: RUNS, seed: 11 });

  test("takes what is made after it, and so does the program", () => {
    const verdicts = some.map(verdict);
    expect(verdicts.filter(({ published }) => !published)).toEqual([]);
    if (!ASKS_MORE.includes(name)) expect(verdicts.filter(({ program }) => !program)).toEqual([]);
  });

  test("a field more is refused at the top, and wherever one is refused both refuse it", () => {
    for (const value of some.slice(0, 6)) {
      for (const extra of ["extra", "__proto__", "constructor", ""]) {
        const more = changedAt(value, [], () =>
          Object.defineProperty({ ...(value as object) }, extra, { value: 1, enumerable: true }),
        );
        expect({ extra, ...verdict(more) }).toEqual({ extra, program: false, published: false });
      }
      for (const place of objectsIn(value)) {
        const more = changedAt(value, [...place, "unheard_of"], () => ({ x: 1 }));
        expectAgreement(name, more, verdict(more));
      }
    }
  });

  test("a field less is refused by both or by neither, and some field cannot be left out", () => {
    let refused = 0;
    for (const value of some.slice(0, 6)) {
      for (const place of placesOf(value).slice(1)) {
        const less = changedAt(value, place);
        const said = verdict(less);
        expectAgreement(name, less, said);
        if (!said.program) refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  test("a value of another type or out of bounds is judged alike at every place", () => {
    let refused = 0;
    for (const value of some.slice(0, 3)) {
      for (const place of placesOf(value)) {
        for (const wrong of WRONG) {
          const changed = changedAt(value, place, () => wrong);
          const said = verdict(changed);
          expectAgreement(name, changed, said);
          if (!said.program) refused += 1;
        }
      }
    }
    expect(refused).toBeGreaterThan(WRONG.length);
  });

  test("texts of which one character is changed, lost or doubled are judged alike", () => {
    fc.assert(
      fc.property(documents, fc.nat(), fc.nat(), (value, which, where) => {
        const texts = placesOf(value).filter((place) => typeof valueAt(value, place) === "string");
        const place = texts[which % Math.max(1, texts.length)];
        if (place === undefined) return;
        const text = valueAt(value, place) as string;
        const at = where % (text.length + 1);
        for (const put of ["", "Z", "\n", " ", "\u0000", text.slice(at, at + 1)]) {
          const changed = changedAt(value, place, () => text.slice(0, at) + put + text.slice(at + 1));
          expectAgreement(name, changed, verdict(changed));
        }
      }),
      { numRuns: RUNS },
    );
  });
});

/** Places of objects in a document, but the top. */
function objectsIn(value: unknown): Place[] {
  return placesOf(value)
    .slice(1)
    .filter((place) => {
      const inner = valueAt(value, place);
      return typeof inner === "object" && inner !== null && !Array.isArray(inner);
    });
}
