import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { z } from "zod";
import { PERMISSIONS } from "../../src/model/role.ts";
import { gauge, pointAt, T0 } from "../store/points.ts";
import { span, traceId } from "../store/spans.ts";
import { runningApi } from "./running.ts";

nock.restore();

const Described = z.looseObject({
  openapi: z.literal("3.1.0"),
  info: z.looseObject({ version: z.string() }),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        operationId: z.string(),
        description: z.string().optional(),
        security: z.array(z.unknown()),
        parameters: z.array(
          z.looseObject({ name: z.string(), in: z.string(), required: z.boolean(), schema: z.unknown() }),
        ),
        responses: z.record(
          z.string(),
          z.looseObject({ content: z.record(z.string(), z.looseObject({ schema: z.unknown() })) }),
        ),
      }),
    ),
  ),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});

/** The schema that a name refers to, with what it refers to in turn inside of it, as a validator. */
function validator(document: z.output<typeof Described>, name: string): z.ZodType {
  const text = JSON.stringify(document.components.schemas).replaceAll("#/components/schemas/", "#/$defs/");
  const $defs = JSON.parse(text) as Record<string, object>;
  return z.fromJSONSchema({ ...$defs[name], $defs } as Parameters<typeof z.fromJSONSchema>[0]);
}

async function described() {
  const running = await runningApi();
  const response = await running.get("/openapi.json");
  return { running, document: Described.parse(await response.json()) };
}

describe("the OpenAPI document", () => {
  test("is there without a key and has every route with its parameters, once", async () => {
    const { running, document } = await described();
    await using _ = running;
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((m) => `${m} ${path}`),
    );
    expect(listed.sort()).toEqual(
      running.api.routes.map(({ method, path }) => `${method.toLowerCase()} /api/v1${path}`).sort(),
    );
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((one) => one.operationId),
    );
    expect(new Set(ids).size).toBe(running.api.routes.length);
    for (const route of running.api.routes) {
      const one = document.paths[`/api/v1${route.path}`]?.[route.method.toLowerCase()];
      expect(one?.parameters.map(({ name }) => name)).toEqual([
        ...Object.keys(route.params.shape),
        ...Object.keys(route.query.shape),
      ]);
      expect(one?.security).toEqual(route.access === "public" ? [] : [{ bearer: [] }]);
      if (route.access === "traces") expect(one?.description).toContain(PERMISSIONS.traces.join(", "));
    }
    expect(document.info.version).toBe("1.2.3");
  });

  test("refers to nothing that is not in it", async () => {
    const { running, document } = await described();
    await using _ = running;
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(references.length).toBeGreaterThan(5);
    for (const reference of references) {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1];
      expect(document.components.schemas).toHaveProperty(name ?? reference);
    }
  });

  test("holds what is answered, refusals included, to its schemas", async () => {
    const { running, document } = await described();
    await using _ = running;
    await running.store.append([
      span({ startNs: running.clock.now() - 1_000_000_000n, attributes: { deep: { list: [1, "two", null] } } }),
    ]);
    const key = await running.key();
    const refOf = (path: string, status: string, method = "get"): string => {
      const content = document.paths[path]?.[method]?.responses[status]?.content ?? {};
      return /"#\/components\/schemas\/(\w+)"/.exec(JSON.stringify(Object.values(content)[0]))?.[1] ?? "";
    };
    const at = (running.clock.now() - 2_000_000_000n - T0) / 1_000_000n;
    await running.store.metrics.append([pointAt(gauge(), Number(at) / 60_000, 1)]);
    const ASKED = [
      ["/traces", "/api/v1/traces", "get"],
      [`/traces/${traceId(0)}`, "/api/v1/traces/{id}", "get"],
      ["/operations", "/api/v1/operations", "get"],
      ["/services", "/api/v1/services", "get"],
      ["/session", "/api/v1/session", "post"],
      ["/metrics", "/api/v1/metrics", "get"],
      ["/metrics/m?aggregation=avg", "/api/v1/metrics/{name}", "get"],
      ["/openapi.json", "/api/v1/openapi.json", "get"],
    ] as const;
    const whole = running.api.routes.filter(({ answer }) => answer.isStream !== true);
    expect(ASKED.map(([, path]) => path).sort()).toEqual(whole.map(({ path }) => `/api/v1${path}`).sort());
    for (const [asked, path, method] of ASKED) {
      const response = await running.get(asked, key, { method });
      const [name, answer] = [refOf(path, "200", method), (await response.json()) as object];
      expect({ asked, fits: validator(document, name).safeParse(answer).success }).toEqual({ asked, fits: true });
      expect({ asked, fits: validator(document, name).safeParse({}).success }).toEqual({ asked, fits: false });
    }
    for (const refused of [
      await running.get("/traces"),
      await running.get("/traces?limit=x", key),
      await running.get("/x"),
    ])
      expect(validator(document, "Problem").safeParse(await refused.json()).success).toBe(true);
  });
});
