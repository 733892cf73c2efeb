import { z } from "zod";
import { Json } from "../model/json.ts";
import { PERMISSIONS } from "../model/role.ts";
import { Problem } from "./problem.ts";
import type { Route } from "./route.ts";

/** Where the API is. */
export const BASE_PATH = "/api/v1";

/** An OpenAPI document, as far as it is said here. */
export const OpenApiJson = z.looseObject({
  openapi: z.literal("3.1.0"),
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
});

type Parameter = { readonly name: string; readonly place: "path" | "query"; readonly required: boolean };

/** The OpenAPI 3.1 document of the routes; schemas and parameters are those that requests and answers are held to. */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of routes) {
    const path = `${BASE_PATH}${one.path}`;
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: operation(one) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Whetstone",
      version,
      description: "Telemetry of MCP servers. Times are RFC 3339 in UTC, durations milliseconds.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: components(routes),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API key (`whk_…`) or a session token (`whs_…`)." },
      },
    },
  };
}

function operation(one: Route): object {
  return {
    operationId: one.id,
    summary: one.summary,
    ...(one.access in PERMISSIONS && {
      description: `For the roles ${PERMISSIONS[one.access as keyof typeof PERMISSIONS].join(", ")}.`,
    }),
    security: one.access === "public" ? [] : [{ bearer: [] }],
    parameters: [...parameters(one.params, "path"), ...parameters(one.query, "query")],
    responses: { "200": success(one), default: { description: "Refused.", content: PROBLEM_CONTENT } },
  };
}

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const PROBLEM_CONTENT = { "application/problem+json": { schema: ref("Problem") } };

const RATE_LIMIT_HEADERS = Object.fromEntries(
  ["RateLimit-Policy", "RateLimit", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"].map((name) => [
    name,
    { schema: { type: "string" } },
  ]),
);

function success({ answer, access, summary }: Route): object {
  const types = answer.isStream ? ["application/x-ndjson", "text/event-stream"] : ["application/json"];
  return {
    description: summary,
    ...(access !== "public" && { headers: RATE_LIMIT_HEADERS }),
    content: Object.fromEntries(types.map((type) => [type, { schema: ref(answer.name) }])),
  };
}

function parameters(schema: z.ZodObject, place: Parameter["place"]): object[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input" });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = typeof property === "object" ? property : {};
    return {
      name,
      in: place,
      required: place === "path" || required.includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}

/** The schemas by name; what they share refers to one another. */
function components(routes: readonly Route[]): object {
  const registry = z.registry<{ id: string }>();
  const named = new Map<string, z.ZodType>([
    ["Problem", Problem],
    ["Json", Json],
  ]);
  for (const { answer } of routes) named.set(answer.name, answer.schema);
  for (const [id, schema] of named) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}` });
  const isOwn = ([key]: readonly [string, unknown]): boolean => key !== "$id" && key !== "$schema";
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, Object.fromEntries(Object.entries(schema).filter(isOwn))]),
  );
}
