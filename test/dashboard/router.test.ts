import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { json, route } from "../../src/dashboard/route.ts";
import { findRoute } from "../../src/dashboard/router.ts";
import { z } from "zod";

const made = (method: "GET" | "POST", path: string) =>
  route({
    method,
    path,
    id: `${method} ${path}`,
    summary: "",
    access: "public",
    params: z.strictObject({ id: z.string().optional() }),
    answer: { name: "A", schema: z.unknown() },
    handle: async () => json({}),
  });
const ROUTES = [made("GET", "/things"), made("GET", "/things/{id}"), made("POST", "/things/{id}")];
const found = (method: string, path: string) => findRoute(ROUTES, method, path);

describe("finding a route", () => {
  test("a parameter is one segment, decoded once, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (id) => {
        fc.pre(id.isWellFormed());
        const result = found("GET", `/things/${encodeURIComponent(id)}`);
        expect(result).toMatchObject({ kind: "route", params: { id }, route: { id: "GET /things/{id}" } });
      }),
    );
    expect(found("GET", "/things/%252e")).toMatchObject({ params: { id: "%2e" } });
  });

  test("HEAD is answered where GET is; a known path with another method names those it has", () => {
    expect(found("HEAD", "/things")).toMatchObject({ kind: "route" });
    expect(found("DELETE", "/things/1")).toEqual({ kind: "methods", allowed: ["GET", "HEAD", "POST", "OPTIONS"] });
    expect(found("POST", "/things")).toEqual({ kind: "methods", allowed: ["GET", "HEAD", "OPTIONS"] });
  });

  test("no other text is a path", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (text) => {
        fc.pre(!/^\/things(\/[^/]+)?$/.test(text));
        expect(found("GET", text).kind).toBe("none");
      }),
    );
    for (const path of ["/things/", "/things/%", "/things/a/b", "/%74hings/../things", "/THINGS"])
      expect(found("GET", path)).toEqual({ kind: "none" });
    expect(found("GET", "/%74hings").kind).toBe("route");
  });
});
