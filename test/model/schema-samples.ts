/** The part of JSON Schema that the published schemas use. */
export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly minItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
};

/** Where a value stands in a document: names of members and indexes. */
export type Path = readonly (string | number)[];

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Texts of which one meets every pattern of the schemas. */
const TEXTS = [
  "abcd",
  "a",
  "2026-01-02T03:04:05.000Z",
  "2026-01-02T03:04:05.000000Z",
  "10s",
  "1MB",
  "1..2",
  "/a",
  "a-20260102T030405Z-0123456789ab",
  ...[12, 16, 32, 40, 43, 64, 86].map((length) => "a".repeat(length)),
  "2026-01-02",
  "octo-org/notes",
  "ci.yml",
];

/** Members that stand in the place of another one: no document holds both. */
const INSTEAD: Readonly<Record<string, string>> = { expose: "adminUrl" };

/** How deep optional members are written out: schemas may hold themselves. */
const DEEPEST = 7;

/** A document that a schema accepts, optional members included. */
export function sampleOf(schema: Schema, root: Schema, depth = 0): unknown {
  const at = resolved(schema, root);
  if (at.const !== undefined) return at.const;
  if (at.enum !== undefined) return at.enum[0];
  const [first] = at.anyOf ?? at.oneOf ?? [];
  if (first !== undefined) return sampleOf(first, root, depth + 1);
  switch (Array.isArray(at.type) ? at.type[0] : at.type) {
    case "object":
      return objectOf(at, root, depth);
    case "array":
      return arrayOf(at, root, depth);
    case "string":
      return textOf(at);
    case "integer":
    case "number":
      return numberOf(at);
    case "boolean":
      return true;
    default:
      return at.type === "null" ? null : "any";
  }
}

function objectOf(at: Schema, root: Schema, depth: number): Record<string, unknown> {
  const own = Object.entries(at.properties ?? {}).filter(
    ([key]) =>
      (depth < DEEPEST || (at.required ?? []).includes(key)) && at.properties?.[INSTEAD[key] ?? ""] === undefined,
  );
  const named = Object.fromEntries(own.map(([key, member]) => [key, sampleOf(member, root, depth + 1)]));
  if (!isObject(at.additionalProperties) || depth >= DEEPEST || at.properties !== undefined) return named;
  const names = at.propertyNames === undefined ? undefined : resolved(at.propertyNames, root);
  const keys = names?.enum === undefined ? [names === undefined ? "key" : textOf(names)] : names.enum.map(String);
  return Object.fromEntries(keys.map((key) => [key, sampleOf(at.additionalProperties as Schema, root, depth + 1)]));
}

function arrayOf({ items, prefixItems, minItems = 0 }: Schema, root: Schema, depth: number): unknown[] {
  if (prefixItems !== undefined) return prefixItems.map((item) => sampleOf(item, root, depth + 1));
  const count = depth < DEEPEST ? Math.max(1, minItems) : minItems;
  return Array.from({ length: items === undefined ? 0 : count }, () => sampleOf(items ?? {}, root, depth + 1));
}

function textOf({ pattern, format, minLength = 0, maxLength = Infinity }: Schema): string {
  if (format === "uri") return "https://example.test/";
  const found = TEXTS.find(
    (text) =>
      text.length >= minLength &&
      text.length <= maxLength &&
      (pattern === undefined || new RegExp(pattern, "u").test(text)),
  );
  if (found === undefined) throw new Error(`No text meets ${pattern}.`);
  return found;
}

function numberOf({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): number {
  const low =
    minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + (type === "integer" ? 1 : 1e-3));
  const high =
    maximum ?? (exclusiveMaximum === undefined ? undefined : exclusiveMaximum - (type === "integer" ? 1 : 1e-3));
  if (low !== undefined) return low === Number.MIN_SAFE_INTEGER ? 1 : low;
  return high === undefined ? 1 : Math.min(1, high);
}

function resolved(schema: Schema, root: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const found = schema.$ref
    .split("/")
    .slice(1)
    .reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), root);
  if (!isObject(found)) throw new Error(`${schema.$ref} leads nowhere.`);
  return resolved(found as Schema, root);
}

type Place = { readonly path: Path; readonly schema: Schema; readonly value: unknown };

/** Every object of a document that a schema describes in one way only, with that schema. */
export function placesOf(root: Schema, sample: unknown): Place[] {
  return walk({ path: [], schema: root, value: sample }, root).filter(({ value }) => isObject(value));
}

/** Every value below a place; alternatives are not entered, since a break of one may be another one's document. */
function walk(place: Place, root: Schema): Place[] {
  const at = resolved(place.schema, root);
  const { path, value } = place;
  const own = { path, schema: at, value };
  if (isObject(value)) {
    const below = Object.entries(value).flatMap(([key, member]) => {
      const extra = isObject(at.additionalProperties) ? at.additionalProperties : undefined;
      const schema = at.properties?.[key] ?? extra;
      return schema === undefined ? [] : walk({ path: [...path, key], schema: schema as Schema, value: member }, root);
    });
    return [own, ...below];
  }
  if (!Array.isArray(value)) return [own];
  const items = (value as unknown[]).flatMap((item, index) => {
    const schema = at.prefixItems?.[index] ?? at.items;
    return schema === undefined ? [] : walk({ path: [...path, index], schema, value: item }, root);
  });
  return [own, ...items];
}

/** A copy of a document with another value at a place; `undefined` takes the member away. */
export function withAt(document: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(document))
    return document.map((item, at) => (at === key ? withAt(item, rest, value) : (item as unknown)));
  const copy = { ...(document as Record<string, unknown>) };
  if (rest.length === 0 && value === undefined) delete copy[key];
  else copy[key] = withAt(copy[key], rest, value);
  return copy;
}
