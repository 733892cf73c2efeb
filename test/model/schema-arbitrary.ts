import fc from "fast-check";

/** A JSON Schema as zod writes it, as far as it is read here. */
export type JsonSchema = {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
};

/** Values that a schema takes. `root` holds what references lead to; below `depth` 0 only what has to be there is made. */
export function arbitraryOf(schema: JsonSchema, root: JsonSchema = schema, depth = 6): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return arbitraryOf(referenced(schema.$ref, root), root, depth - 1);
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) {
    const plain = choices.filter(({ type, $ref }) => $ref === undefined && type !== "array" && type !== "object");
    const taken = depth <= 0 && plain.length > 0 ? plain : choices;
    return fc.oneof(...taken.map((each) => arbitraryOf(each, root, depth)));
  }
  const { type } = schema;
  if (typeof type !== "object") return ofType(schema, root, depth);
  return fc.oneof(...type.map((one) => ofType({ ...schema, type: one }, root, depth)));
}

function referenced(ref: string, root: JsonSchema): JsonSchema {
  const found = ref === "#" ? root : root.$defs?.[ref.replace("#/$defs/", "")];
  if (found === undefined) throw new Error(`There is no ${ref}.`);
  return found;
}

function ofType(schema: JsonSchema, root: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  switch (String(schema.type)) {
    case "string":
      return textOf(schema);
    case "integer":
      return fc.integer({ min: ceil(schema.minimum, schema.exclusiveMinimum), max: schema.maximum ?? 1_000_000 });
    case "number":
      return numberOf(schema);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return listOf(schema, root, depth);
    case "object":
      return objectOf(schema, root, depth);
    default:
      return fc.constantFrom<unknown>("any", 1, true, null);
  }
}

const ceil = (least: number | undefined, beyond: number | undefined): number =>
  Math.max(least ?? -1_000, beyond === undefined ? -1_000 : beyond + 1, -1_000);

function numberOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): fc.Arbitrary<number> {
  const [min, max] = [exclusiveMinimum ?? minimum ?? -1e6, exclusiveMaximum ?? maximum ?? 1e6];
  const excluded = { minExcluded: exclusiveMinimum !== undefined, maxExcluded: exclusiveMaximum !== undefined };
  return fc.double({ min, max, noNaN: true, ...excluded }).map((value) => (Object.is(value, -0) ? 0 : value));
}

function textOf({ pattern, minLength = 0, maxLength }: JsonSchema): fc.Arbitrary<string> {
  const fits = (text: string): boolean => text.length >= minLength && text.length <= (maxLength ?? 1e9);
  if (pattern !== undefined) {
    // What a look-ahead forbids is not made by construction but filtered.
    const whole = new RegExp(pattern, "u");
    const plain = new RegExp(pattern.replaceAll(/\(\?[!=](?:[^()]|\([^()]*\))*\)/g, ""), "u");
    return fc.stringMatching(plain).filter((text) => whole.test(text) && fits(text));
  }
  return fc.string({ minLength, maxLength: Math.min(maxLength ?? minLength + 8, minLength + 8) });
}

function listOf({ items, prefixItems, minItems = 0, maxItems }: JsonSchema, root: JsonSchema, depth: number) {
  if (prefixItems !== undefined) return fc.tuple(...prefixItems.map((each) => arbitraryOf(each, root, depth - 1)));
  const most = depth <= 0 ? minItems : Math.min(maxItems ?? minItems + 2, minItems + 2);
  return fc.array(arbitraryOf(items ?? {}, root, depth - 1), { minLength: minItems, maxLength: most });
}

function objectOf(schema: JsonSchema, root: JsonSchema, depth: number): fc.Arbitrary<object> {
  const { properties, required = [], additionalProperties, propertyNames } = schema;
  if (properties === undefined) {
    const values = typeof additionalProperties === "object" ? additionalProperties : {};
    const keys =
      propertyNames === undefined ? fc.string({ minLength: 1, maxLength: 5 }) : arbitraryOf(propertyNames, root);
    const pairs = fc.array(fc.tuple(keys.map(String), arbitraryOf(values, root, depth - 1)), {
      maxLength: depth <= 0 ? 0 : 2,
    });
    return pairs.map((list) => Object.fromEntries(list.filter(([key]) => key !== "__proto__")));
  }
  const kept = Object.entries(properties).filter(([name]) => depth > 0 || required.includes(name));
  const model = Object.fromEntries(kept.map(([name, each]) => [name, arbitraryOf(each, root, depth - 1)]));
  return fc.record(model, { requiredKeys: kept.map(([name]) => name).filter((name) => required.includes(name)) });
}

/** A place in a document: the keys that lead there. */
export type Place = readonly (string | number)[];

/** Every place of a document, itself included. */
export function placesOf(value: unknown, at: Place = []): Place[] {
  if (typeof value !== "object" || value === null) return [at];
  const inner = Array.isArray(value) ? value.map((each, i) => [i, each] as const) : Object.entries(value);
  return [at, ...inner.flatMap(([key, each]) => placesOf(each, [...at, key]))];
}

/** What stands at a place. */
export const valueAt = (value: unknown, place: Place): unknown =>
  place.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], value);

/** A copy with something else at a place; without it where `put` gives nothing. */
export function changedAt(value: unknown, place: Place, put?: () => unknown): unknown {
  const [key, ...rest] = place;
  if (key === undefined) return put?.();
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >;
  if (rest.length === 0 && put === undefined) {
    if (Array.isArray(copy)) copy.splice(Number(key), 1);
    else delete copy[key];
  } else copy[key] = changedAt(copy[key], rest, put);
  return copy;
}
