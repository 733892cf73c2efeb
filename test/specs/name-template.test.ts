import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { templateOf } from "../../src/specs/name-template.ts";

describe("templateOf", () => {
  test.each([
    ["GET /users/123", "GET /users/{id}"],
    ["GET /users/123/orders/9", "GET /users/{id}/orders/{id}"],
    ["GET /users/me", "GET /users/me"],
    ["GET /v1/users", "GET /v1/users"],
    ["job 17", "job {id}"],
    ["item:42", "item:{id}"],
    ["page=3&size=10", "page={id}&size={id}"],
    ["read 0af7651916cd43dd8448eb211c80319c", "read {hex}"],
    ["DELETE /files/6f9619ff-8b86-d011-b42d-00cf4fc964ff", "DELETE /files/{uuid}"],
    ["sha256", "sha256"],
    ["http2.request", "http2.request"],
    ["step-3", "step-3"],
    ["deadbeefdeadbeefx", "deadbeefdeadbeefx"],
    ["abcdefabcdefabcdef", "abcdefabcdefabcdef"],
    ["tools/call search", "tools/call search"],
    ["", ""],
  ])("%j is %j", (name, template) => expect(templateOf(name)).toBe(template));

  test("is its own template", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab/0123456789 :=-{}".split("")) }), (name) => {
        expect(templateOf(templateOf(name))).toBe(templateOf(name));
      }),
    );
  });

  test("does not depend on the number", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (a, b) => expect(templateOf(`GET /x/${a}/y`)).toBe(templateOf(`GET /x/${b}/y`))),
    );
  });

  test("keeps very long names as they are", () => {
    const name = `/1`.repeat(2_000);
    expect(templateOf(name)).toBe(name);
  });
});
