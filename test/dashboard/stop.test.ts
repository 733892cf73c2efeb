import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import type { KeyStop, Pressed } from "../../src/app/stop/press.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { ROLES } from "../../src/model/role.ts";
import { type RunningApi, runningApi } from "./running.ts";

nock.restore();

let api: RunningApi;
let asked: KeyStop[];
let answer: () => Promise<Pressed | undefined>;
const PRESSED: Pressed = { press: "0".repeat(32), repositories: ["octo-org/notes"], unread: [] };

beforeEach(async () => {
  asked = [];
  answer = async () => PRESSED;
  api = await runningApi({
    stop: async (wish) => {
      asked.push(wish);
      return await answer();
    },
  });
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

const post = async (query: string, credential: string | undefined, init = {}) => {
  const response = await api.get(`/stop${query}`, credential, { method: "POST", ...init });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

describe("POST /api/v1/stop", () => {
  test.each(ROLES)("a key of the role %s", async (role) => {
    const may = role === "operations" || role === "security";
    const { status, body } = await post("?repository=octo-org/notes&why=drill", await api.key(role));
    expect([status, body]).toEqual([
      may ? 200 : 403,
      may ? PRESSED : expect.objectContaining({ code: "forbidden", detail: `The role ${role} may not stop.` }),
    ]);
    const [keyId] = (await api.keys.list()).map(({ id }) => id);
    const scope = { all: false, repository: "octo-org/notes" };
    expect(asked).toEqual(may ? [{ scope, keyId, why: "drill" }] : []);
  });

  test("all of them; without a reason", async () => {
    expect((await post("?all=yes", await api.key("security"))).status).toBe(200);
    expect(asked).toMatchObject([{ scope: { all: true }, why: null }]);
  });

  test.each([
    ["", 400],
    ["?all=yes&repository=octo-org/notes", 400],
    ["?all=no", 400],
    ["?repository=a/b&repository=a/c", 400],
    ["?repositroy=a/b", 400],
    [`?all=yes&why=${"x".repeat(501)}`, 400],
    ["?all=yes&why=", 400],
  ])("%j is refused, and nothing is stopped", async (query, status) => {
    expect((await post(query, await api.key("operations"))).status).toBe(status);
    expect(asked).toEqual([]);
  });

  test("nobody without a key; no form of another site, since it has a body; nothing by GET", async () => {
    const key = await api.key("operations");
    expect((await post("?all=yes", undefined)).status).toBe(401);
    expect((await post("?all=yes", `${key}x`)).status).toBe(401);
    expect((await post("", key, { body: new URLSearchParams({ all: "yes" }) })).status).toBe(413);
    expect((await api.get("/stop?all=yes", key)).status).toBe(405);
    expect(asked).toEqual([]);
  });

  test("a repository that is not the App's, GitHub that does not answer, a queue that cannot be written", async () => {
    const key = await api.key("operations");
    answer = async () => undefined;
    expect(await post("?repository=a/b", key)).toMatchObject({ status: 404, body: { code: "not_found" } });
    answer = () => Promise.reject(new WhetstoneError("api_failed", "GitHub answered 502."));
    expect(await post("?all=yes", key)).toMatchObject({ status: 502, body: { code: "api_failed" } });
    answer = () => Promise.reject(new WhetstoneError("store_write_failed", "The disk is full."));
    expect(await post("?all=yes", key)).toMatchObject({ status: 503, body: { code: "store_write_failed" } });
  });

  test("is in the document with who may, and is not there where no App is served", async () => {
    const document = await (await api.get("/openapi.json")).text();
    expect(document).toContain("For the roles operations, security.");
    await using without = await runningApi();
    const key = await without.key("operations");
    expect((await without.get("/stop?all=yes", key, { method: "POST" })).status).toBe(404);
  });
});
