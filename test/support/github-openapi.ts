import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv, type ValidateFunction } from "ajv";

/** A request as it left the client: path below the API's address, encoded. */
export type SentRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
};

type Parameter = { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: object };
type Operation = {
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, { readonly schema: object }>>;
  };
};
type Description = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly "x-webhooks": Readonly<Record<string, object>>;
  readonly components: { readonly parameters: Readonly<Record<string, Parameter>>; readonly schemas: object };
};

type Route = { readonly pattern: RegExp; readonly template: string };
type Loaded = { readonly description: Description; readonly routes: readonly Route[]; readonly ajv: Ajv };

const ID = "github";
let loaded: Loaded | undefined;

/** GitHub's own OpenAPI description; one file of the package, since all of them together are hundreds of megabytes. */
function load(): Loaded {
  if (loaded !== undefined) return loaded;
  const file = createRequire(import.meta.url).resolve("@octokit/openapi/generated/api.github.com.json");
  const description = JSON.parse(readFileSync(file, "utf8")) as Description;
  for (const operations of Object.values(description.paths)) {
    for (const { requestBody } of Object.values(operations)) readable(requestBody);
  }
  readable(description.components.schemas);
  const ajv = new Ajv({
    strict: false,
    validateSchema: false,
    validateFormats: false,
    coerceTypes: false,
    allErrors: true,
  });
  ajv.addSchema(description, ID);
  const routes = Object.keys(description.paths)
    .map(routeOf)
    // What is spelled out goes before what is a parameter.
    .sort((a, b) => spelled(b) - spelled(a));
  loaded = { description, routes, ajv };
  return loaded;
}

/** OpenAPI says `nullable` beside `oneOf` and the like, which no validator of JSON Schema takes without a `type`. */
function readable(node: unknown): void {
  if (typeof node !== "object" || node === null) return;
  for (const member of Object.values(node)) readable(member);
  if (Reflect.get(node, "nullable") !== true || Reflect.get(node, "type") !== undefined) return;
  const { nullable: _nullable, ...rest } = node as Record<string, unknown>;
  for (const key of Object.keys(node)) Reflect.deleteProperty(node, key);
  Reflect.set(node, "anyOf", [rest, { type: "null" }]);
}

/** Characters of a route that are no parameter. */
function spelled({ template }: Route): number {
  return template.replaceAll(/\{\w+\}/g, "").length;
}

/** `{ref}`, `{branch}` and `{path}` may hold slashes. */
function routeOf(template: string): Route {
  const source = template.replaceAll(/\{(\w+)\}/g, (_, name) =>
    /^(?:ref|branch|path|basehead)$/.test(String(name)) ? "(.+)" : "([^/]+)",
  );
  return { pattern: new RegExp(`^${source}$`), template };
}

const compiled = new Map<string, ValidateFunction>();

function validator({ ajv }: Loaded, pointer: readonly string[]): ValidateFunction {
  const path = pointer.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/");
  const known = compiled.get(path) ?? ajv.compile({ $ref: `${ID}#/${path}` });
  compiled.set(path, known);
  return known;
}

/**
 * What speaks against a request by GitHub's own description: no such path or method, a query parameter that does not
 * exist, a body that does not fit or has members that GitHub does not know. Empty when all is well.
 */
export function faultsOf(request: SentRequest): readonly string[] {
  const all = load();
  const name = `${request.method} ${request.path}`;
  const method = request.method.toLowerCase();
  const route = all.routes.find(
    ({ pattern, template }) => pattern.test(request.path) && method in (all.description.paths[template] ?? {}),
  );
  if (route === undefined) return [`${name}: no such operation`];
  const operation = all.description.paths[route.template]?.[method] ?? {};
  return [...queryFaults(all, operation, request), ...bodyFaults(all, { route, method, operation }, request)].map(
    (fault) => `${name}: ${fault}`,
  );
}

function queryFaults(all: Loaded, operation: Operation, { query }: SentRequest): readonly string[] {
  const parameters = (operation.parameters ?? []).map((one) =>
    "$ref" in one ? all.description.components.parameters[one.$ref.split("/").at(-1) ?? ""] : one,
  );
  const known = new Set(parameters.filter((one) => one?.in === "query").map((one) => one?.name));
  return [...query.keys()].filter((key) => !known.has(key)).map((key) => `no query parameter ${key}`);
}

function bodyFaults(
  all: Loaded,
  { route, method, operation }: { readonly route: Route; readonly method: string; readonly operation: Operation },
  { body }: SentRequest,
): readonly string[] {
  const schema = operation.requestBody?.content["application/json"]?.schema;
  if (schema === undefined) return body === undefined || isEmpty(body) ? [] : ["a body where none is taken"];
  if (body === undefined) return operation.requestBody?.required === true ? ["no body"] : [];
  const validate = validator(all, [
    "paths",
    route.template,
    method,
    "requestBody",
    "content",
    "application/json",
    "schema",
  ]);
  const faults = validate(body)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ""}`);
  const properties: unknown = Reflect.get(schema, "properties");
  const surplus =
    typeof properties === "object" && properties !== null && typeof body === "object" && body !== null
      ? Object.keys(body).filter((key) => !Object.hasOwn(properties, key))
      : [];
  return [...faults, ...surplus.map((key) => `no member ${key}`)];
}

function isEmpty(body: unknown): boolean {
  return typeof body === "object" && body !== null && Object.keys(body).length === 0;
}

/**
 * What speaks against a payload of `event.action` by GitHub's own description of its webhooks; undefined for an event that it
 * does not describe.
 */
export function payloadFaults(name: string, payload: unknown): readonly string[] | undefined {
  const all = load();
  const described = name.replaceAll(/[._]/g, "-");
  if (!(described in all.description["x-webhooks"])) return undefined;
  const validate = validator(all, [
    "x-webhooks",
    described,
    "post",
    "requestBody",
    "content",
    "application/json",
    "schema",
  ]);
  if (validate(payload)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ""}`);
}
