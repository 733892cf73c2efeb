import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Json } from "../../src/model/json.ts";
import { redactor } from "../../src/protect/redact.ts";
import { HARMLESS, password, plantedForm, SECRET_NAMES } from "./planted.ts";

const built = redactor({ maxBytes: 1_000_000 });
const shown = (value: unknown): string => JSON.stringify(built.content(value).value);

/** Ways in which a value is put into another, some of them as text. */
const wrappers: readonly ((inner: Json) => Json)[] = [
  (inner) => ({ inner }),
  (inner) => ({ a: 1, list: [0, inner, "z"] }),
  (inner) => [inner],
  (inner) => JSON.stringify(inner),
  (inner) => ({ content: [{ type: "text", text: JSON.stringify(inner, undefined, 2) }] }),
  (inner) => `Result: ${JSON.stringify(inner)} and more`,
  (inner) => `https://example.org/?q=${encodeURIComponent(JSON.stringify(inner))}&page=2`,
  (inner) => ({ escaped: JSON.stringify(inner).replaceAll(/[A-Za-z]/g, unicodeEscape) }),
];
const unicodeEscape = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
const wrapped = (value: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  fc
    .tuple(value, fc.array(fc.constantFrom(...wrappers), { maxLength: 4 }))
    .map(([inner, around]) => around.reduce((all, wrap) => wrap(all), inner));

describe("a planted secret is gone", () => {
  test("told by its form, wherever it is nested and however it is escaped", () => {
    const cases = fc
      .tuple(
        plantedForm,
        fc.constantFrom<(text: string) => Json>(
          (text) => text,
          (text) => `see ${text} there`,
          (text) => ({ [text]: 1 }),
          (text) => ({ note: `${text}\n` }),
        ),
      )
      .chain(([{ secret, written }, put]) => fc.tuple(fc.constant(secret), wrapped(fc.constant(put(written)))));
    fc.assert(
      fc.property(cases, ([secret, value]) => {
        expect(shown(value)).not.toContain(secret);
      }),
      { numRuns: 1_000 },
    );
  });

  test("told by its name, in JSON of any nesting", () => {
    const cases = fc
      .tuple(fc.constantFrom(...SECRET_NAMES), password)
      .chain(([name, secret]) =>
        fc.tuple(fc.constant(secret), wrapped(fc.constant<Json>({ user: "ada", [name]: secret, z: 1 }))),
      );
    fc.assert(
      fc.property(cases, ([secret, value]) => {
        expect(shown(value)).not.toContain(secret);
      }),
      { numRuns: 1_000 },
    );
  });

  test("told by its name, in texts of all kinds", () => {
    const forms: readonly ((name: string, secret: string) => Json)[] = [
      (name, secret) => `${name}=${secret}`,
      (name, secret) => `before\n${name}: ${secret}\nafter`,
      (name, secret) => `export ${name}="${secret} with spaces"`,
      (name, secret) => `{${name}: '${secret}'`,
      (name, secret) => `run --${name} ${secret} --verbose`,
      (name, secret) => `curl -H "${name}: ${secret}" https://example.org`,
      (name, secret) => `<config><${name}>${secret}</${name}></config>`,
      (name, secret) => `https://example.org/?a=1&${name}=${encodeURIComponent(secret)}&b=2`,
      (name, secret) => ["tool", `--${name}`, secret],
      (name, secret) => [[name, secret]],
      (name, secret) => ({ headers: [{ name, value: secret }] }),
      (name, secret) => ({ [name]: { deep: [secret] } }),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...SECRET_NAMES), password, fc.constantFrom(...forms), (name, secret, write) => {
        const { value } = built.content(write(name, secret));
        expect(JSON.stringify(value)).not.toContain(secret);
        expect(JSON.stringify(value)).toContain("[redacted: ");
      }),
      { numRuns: 1_000 },
    );
  });

  test("at a cut, too: no half of it stays", () => {
    const cases = fc.tuple(plantedForm, fc.integer({ min: 0, max: 400 }), fc.integer({ min: 128, max: 400 }));
    fc.assert(
      fc.property(cases, ([{ secret, written }, before, maxBytes]) => {
        const text = `${"x ".repeat(before)}${written}${" y".repeat(2_000)}`;
        const { value } = redactor({ maxBytes }).content({ text });
        for (let at = 0; at + 8 <= secret.length; at += 1) expect(value).not.toContain(secret.slice(at, at + 8));
      }),
    );
  });
});

describe("what is no secret", () => {
  test.each(HARMLESS)("stays as it is: %j", (value) => {
    expect(built.content(value)).toEqual({ value, truncatedBytes: 0, redacted: false });
    expect(built.value(value)).toBe(value);
    const text = typeof value === "string" ? value : JSON.stringify(value);
    expect(built.text(text)).toBe(text);
  });

  test("stays, of any JSON without a name or form of a secret", () => {
    const plain = fc
      .jsonValue()
      .filter(
        (value) => !/pass|pw|secret|key|auth|credential|cookie|token|jwt|bearer|otp|sig/i.test(JSON.stringify(value)),
      );
    fc.assert(
      fc.property(plain, (value) => {
        const { value: kept, ...rest } = built.content(value);
        expect(JSON.stringify(kept)).toBe(JSON.stringify(value));
        expect(rest).toEqual({ truncatedBytes: 0, redacted: false });
      }),
      { numRuns: 1_000 },
    );
  });
});

/** JSON with secrets, escapes, names and markers all over. */
const anything: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.string(),
      fc.string({
        unit: fc.constantFrom(
          ...Array.from("[]{}\"'\\:=,&%25 7ax\n<>"),
          "password",
          "token",
          "[redacted: key token]",
          "\\u0041",
          "%3D",
          "AKIA",
          "bearer ",
        ),
      }),
      plantedForm.map(({ written }) => written),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom(...SECRET_NAMES, "__proto__", "value", "name")), tie("value"), {
      maxKeys: 4,
    }),
    tie("value").map((inner) => JSON.stringify(inner)),
  ),
})).value;

describe("for any JSON", () => {
  test("redacting twice is redacting once", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const once = built.content(value).value;
        expect(built.content(once)).toEqual({ value: once, truncatedBytes: 0, redacted: false });
        expect(built.value(built.value(value))).toEqual(built.value(value));
      }),
      { numRuns: 2_000 },
    );
  });

  test("JSON stays JSON of the same shape, unless it is cut", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const redacted = built.content(value).value;
        expect(JSON.parse(JSON.stringify(redacted))).toEqual(redacted);
        if (Array.isArray(value)) expect(redacted).toHaveLength(value.length);
      }),
    );
  });

  test("what is kept is never more than the limit, is whole UTF-8 and says what is missing", () => {
    const limits = fc.integer({ min: 128, max: 600 });
    const large = fc.oneof(
      anything,
      fc.string({ unit: "binary", minLength: 100, maxLength: 3_000 }),
      fc.array(anything, { maxLength: 60 }),
    );
    fc.assert(
      fc.property(large, limits, (value, maxBytes) => {
        const { value: kept, truncatedBytes } = redactor({ maxBytes }).content(value);
        const text = typeof kept === "string" ? kept : JSON.stringify(kept);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxBytes);
        if (truncatedBytes === 0) return;
        const [, bytes, whole] = / \[cut: (\d+) of (\d+) bytes\]$/.exec(text) ?? [];
        expect(Number(whole) - Number(bytes)).toBe(truncatedBytes);
        const body = text.slice(0, text.lastIndexOf(" [cut: "));
        expect(Buffer.byteLength(body)).toBe(Number(bytes));
        // A character is whole or not there at all.
        expect(body.isWellFormed()).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("examples", () => {
  test("a replacement says which rule it was", () => {
    const rules = redactor({ keys: ["customer_id"], patterns: ["CUST-\\d{1,10}"], paths: ["/people/*/iban", "/a~1b"] });
    const value = {
      password: "p",
      customerId: 7,
      people: [{ iban: "DE02", city: "Bonn" }],
      "a/b": { x: 1 },
      note: "customer-id: 55 is CUST-123",
      key: "AKIAABCDEFGHIJKLMNOP",
    };
    expect(rules.content(value).value).toEqual({
      password: "[redacted: key password]",
      customerId: "[redacted: key customer-id]",
      people: [{ iban: "[redacted: path]", city: "Bonn" }],
      "a/b": "[redacted: path]",
      note: "customer-id: [redacted: key customer-id] is [redacted: pattern 1]",
      key: "[redacted: AWS access key id]",
    });
  });

  test("a pattern of the user does not touch what was put in before", () => {
    const rules = redactor({ patterns: ["[a-z]{1,20}"] });
    const { value } = rules.content("password=hunter2");
    expect(value).toBe("[redacted: pattern 1]=[redacted: key password]");
    expect(rules.content(value).value).toBe(value);
  });

  test("a name that stands twice in a text of JSON hides nothing", () => {
    expect(shown('{"password":"hunter2","password":null}')).not.toContain("hunter2");
  });

  test("names that become the same keep their values apart", () => {
    const [a, b] = ["AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOQ"];
    expect(built.content({ [a]: 1, [b]: 2 }).value).toEqual({
      "[redacted: AWS access key id]": 1,
      "[redacted: AWS access key id] (2)": 2,
    });
  });

  test("values of a prompt are known by their names", () => {
    expect(built.content("hunter2", "db_password").value).toBe("[redacted: key password]");
    expect(redactor({ paths: ["/city"] }).content("Bonn", "city").value).toBe("[redacted: path]");
  });

  test("depth without end and 50 MB end soon and are cut", () => {
    let deep: Json = "bottom";
    for (let level = 0; level < 5_000; level += 1) deep = [deep];
    expect(shown(deep)).toContain("nested too deeply");
    const { value, truncatedBytes } = redactor().content({ blob: "x".repeat(50_000_000), password: "hunter2" });
    expect(Buffer.byteLength(value as string)).toBeLessThanOrEqual(8_192);
    expect(truncatedBytes).toBeGreaterThan(49_990_000);
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    expect(JSON.stringify(built.value(loop))).toContain("nested too deeply");
  });

  test("objects of a program are written as JSON writes them", () => {
    const given = { at: new Date(0), big: 1n, none: undefined, call: (): void => undefined, items: [undefined] };
    expect(redactor().content(given).value).toEqual({ at: "1970-01-01T00:00:00.000Z", big: "1", items: [null] });
  });
});

test.each([
  ["eyJ-", "starts of a JSON Web Token"],
  ["password", "names"],
  ['password="', "opened quotes"],
  ["token:[", "opened brackets"],
  ["-----BEGIN PRIVATE KEY-----", "opened keys"],
  ["%25", "escaped escapes"],
  ["a://b:", "URLs"],
  ["--password ", "options"],
  ["[redacted: ", "opened markers"],
])("hostile repetition of %j is read in linear time (%s)", (piece) => {
  const text = piece.repeat(Math.ceil(2_000_000 / piece.length));
  // Quadratic work on two million characters would outlast the suite's time limit many times over.
  expect(typeof built.text(text)).toBe("string");
});
