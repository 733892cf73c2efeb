import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { z } from "zod";
import { openGitHubClient, type ClientOptions } from "../../src/github/client.ts";
import { callGraphQL } from "../../src/github/graphql.ts";
import { callGitHub } from "../../src/github/rest-api.ts";
import { listOnGitHub } from "../../src/github/rest-list.ts";

nock.restore();

type Reply =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | "cut"
  | "silent";

/** A server that gives these answers one after the other, the last one for good. */
async function answering(replies: readonly Reply[] | ((request: IncomingMessage) => Reply)) {
  const seen: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    request.resume();
    const reply = typeof replies === "function" ? replies(request) : (replies[seen.length] ?? replies.at(-1) ?? "cut");
    seen.push(request);
    if (reply === "silent") return undefined;
    if (reply === "cut") return void response.destroy();
    response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
    return void response.end(reply.status === 304 ? undefined : JSON.stringify(reply.body ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const notes: string[] = [];
  const client = (more: ClientOptions = {}) =>
    openGitHubClient({ baseUrl: `${address}/api/v3`, secondMs: 1, note: (line) => notes.push(line), ...more });
  const close = async () => {
    server.close();
    server.closeAllConnections();
  };
  return { address, client, seen, notes, [Symbol.asyncDispose]: close };
}

const get = (client: ReturnType<typeof openGitHubClient>) =>
  callGitHub(client, {
    route: "GET /repos/{owner}/{repo}",
    parameters: { owner: "a", repo: "b" },
    answer: z.object({ id: z.number() }),
  });
const post = (client: ReturnType<typeof openGitHubClient>) =>
  callGitHub(client, {
    route: "POST /repos/{owner}/{repo}/issues",
    parameters: { owner: "a", repo: "b", title: "x" },
    answer: z.object({}),
  });

const OK: Reply = { status: 200, body: { id: 1 } };
const secondary = (seconds: number): Reply => ({
  status: 403,
  body: { message: "You have exceeded a secondary rate limit." },
  headers: { "retry-after": String(seconds) },
});

describe("rate limits", () => {
  test("that end soon are waited for, and told", async () => {
    await using server = await answering([secondary(30), OK]);
    expect(await get(server.client())).toEqual({ id: 1 });
    expect(server.seen).toHaveLength(2);
    expect(server.notes).toEqual([expect.stringMatching(/secondary rate limit: GET .* sent again in 30 s/)]);
  });

  test("a write that met one was not carried out, and is sent again", async () => {
    await using server = await answering([secondary(30), { status: 201 }]);
    await post(server.client());
    expect(server.seen.map(({ method }) => method)).toEqual(["POST", "POST"]);
  });

  test("the primary one likewise, by the time at which it ends", async () => {
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(Math.floor(Date.now() / 1000) + 20) };
    await using server = await answering([{ status: 403, body: { message: "API rate limit exceeded" }, headers }, OK]);
    expect(await get(server.client())).toEqual({ id: 1 });
    expect(server.notes[0]).toMatch(/^GitHub's rate limit: .* sent again in \d+ s/);
  });

  test("that last too long, or come again and again, are told as what they are", async () => {
    await using long = await answering([secondary(3_600)]);
    await expect(get(long.client())).rejects.toMatchObject({
      code: "api_failed",
      remedy: "GitHub's rate limit: run it again in 3600 s.",
      data: { status: 403, retryAfterSeconds: 3_600 },
    });
    expect(long.seen).toHaveLength(1);
    await using stubborn = await answering([secondary(1)]);
    await expect(get(stubborn.client())).rejects.toMatchObject({ data: { status: 403 } });
    expect(stubborn.seen).toHaveLength(3);
  });

  test("a refusal that is no rate limit is not repeated", async () => {
    await using server = await answering([
      { status: 403, body: { message: "Resource not accessible by integration" } },
    ]);
    await expect(get(server.client())).rejects.toMatchObject({ data: { status: 403 } });
    expect(server.seen).toHaveLength(1);
  });
});

describe("failures on GitHub's side and of the network", () => {
  test.each([["cut" as const], [{ status: 502 }], [{ status: 500 }]])(
    "reading is tried again after %j",
    async (failure) => {
      await using server = await answering([failure, failure, OK]);
      expect(await get(server.client())).toEqual({ id: 1 });
      expect(server.seen).toHaveLength(3);
    },
  );

  test.each([["cut" as const], [{ status: 502 }]])("a write is never sent twice after %j", async (failure) => {
    await using server = await answering([failure, { status: 201 }]);
    await expect(post(server.client())).rejects.toMatchObject({ code: "api_failed" });
    expect(server.seen).toHaveLength(1);
  });

  test("a server that does not answer in time is no answer, and is asked again", async () => {
    let asked = 0;
    await using server = await answering(() => {
      asked += 1;
      return asked === 1 ? "silent" : OK;
    });
    expect(await get(server.client({ timeoutMs: 1_500 }))).toEqual({ id: 1 });
    expect(asked).toBeGreaterThan(1);
  });

  test("reading is given up after three more tries", async () => {
    await using server = await answering([{ status: 503 }]);
    await expect(get(server.client())).rejects.toMatchObject({ data: { status: 503 } });
    expect(server.seen).toHaveLength(4);
  });

  test.each([400, 401, 404, 410, 422])("%i is an answer, not a failure", async (status) => {
    await using server = await answering([{ status }]);
    await expect(get(server.client())).rejects.toMatchObject({ data: { status } });
    expect(server.seen.length).toBe(1);
  });
});

describe("conditional requests", () => {
  test("ask whether what is known still holds, per address and token", async () => {
    await using server = await answering((request) =>
      request.headers["if-none-match"] === '"v1"'
        ? { status: 304 }
        : { status: 200, body: { id: 1 }, headers: { etag: '"v1"' } },
    );
    const client = server.client({ paced: false });
    expect([await get(client), await get(client)]).toEqual([{ id: 1 }, { id: 1 }]);
    expect(server.seen.map(({ headers }) => headers["if-none-match"])).toEqual([undefined, '"v1"']);
    await get(server.client({ paced: false }));
    expect(server.seen.at(-1)?.headers["if-none-match"]).toBeUndefined();
  });

  test("get what is new when it no longer holds", async () => {
    let version = 0;
    await using server = await answering(() => {
      version += 1;
      return { status: 200, body: { id: version }, headers: { etag: `"v${version}"` } };
    });
    const client = server.client({ paced: false });
    expect([await get(client), await get(client)]).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test("are not made for objects of git, which never change and may be large", async () => {
    await using server = await answering([{ status: 200, body: {}, headers: { etag: '"v1"' } }]);
    const client = server.client({ paced: false });
    for (const kind of ["blobs", "trees", "commits", "blobs"]) {
      await client.request(`GET /repos/{owner}/{repo}/git/${kind}/{sha}`, { owner: "a", repo: "b", sha: "c" });
    }
    expect(server.seen.some(({ headers }) => headers["if-none-match"] !== undefined)).toBe(false);
  });

  test("are told apart by their parameters", async () => {
    await using server = await answering((request) => ({
      status: 200,
      body: [{ id: Number(request.url?.at(-1)) }],
      headers: { etag: '"same"' },
    }));
    const client = server.client({ paced: false });
    const list = (page: number) => client.request("GET /x", { page });
    expect([(await list(1)).data, (await list(2)).data]).toEqual([[{ id: 1 }], [{ id: 2 }]]);
    expect(server.seen.map(({ headers }) => headers["if-none-match"])).toEqual([undefined, undefined]);
  });
});

describe("GraphQL", () => {
  const call = { name: "move", query: "mutation { x }", variables: {}, answer: z.object({ x: z.number() }) };

  test("goes to the server's own address, GitHub Enterprise Server's too", async () => {
    await using server = await answering([{ status: 200, body: { data: { x: 1 } } }]);
    expect(await callGraphQL(server.client({ paced: false }), call)).toEqual({ kind: "done", value: { x: 1 } });
    expect(server.seen[0]?.url).toBe("/api/graphql");
  });

  test.each([
    ["stale", { errors: [{ type: "STALE_DATA", message: "Expected branch to point to x" }] }],
    ["stale", { errors: [{ message: "Reference refs/heads/a already exists" }] }],
    ["missing", { errors: [{ message: "Field 'createCommitOnBranch' doesn't exist on type 'Mutation'" }] }],
  ])("answers %s to %j", async (kind, body) => {
    await using server = await answering([{ status: 200, body: { data: null, ...body } }]);
    expect(await callGraphQL(server.client({ paced: false }), call)).toEqual({ kind });
  });

  test("a server without GraphQL is told apart from one that fails", async () => {
    await using none = await answering([{ status: 404 }]);
    expect(await callGraphQL(none.client({ paced: false }), call)).toEqual({ kind: "missing" });
    for (const failure of [{ status: 502 }, "cut"] as const) {
      await using server = await answering([failure]);
      await expect(callGraphQL(server.client({ paced: false }), call)).rejects.toMatchObject({ code: "api_failed" });
      expect(server.seen).toHaveLength(1);
    }
  });

  test.each([
    [{ data: null, errors: [{ type: "FORBIDDEN", message: "Resource not accessible" }] }, "FORBIDDEN"],
    [{ data: { x: "text" } }, "another form"],
  ])("%j is api_failed", async (body, said) => {
    await using server = await answering([{ status: 200, body }]);
    const failing = callGraphQL(server.client({ paced: false }), call);
    await expect(failing).rejects.toMatchObject({ code: "api_failed", message: expect.stringContaining(said) });
  });
});

describe("lists", () => {
  const entry = { route: "GET /x", parameters: {}, answer: z.object({ id: z.number() }) };

  test("without an end are refused, not read in part", async () => {
    await using server = await answering((request) => ({
      status: 200,
      body: [{ id: 1 }],
      headers: { link: `<http://x.invalid${request.url ?? ""}>; rel="next"` },
    }));
    await expect(listOnGitHub(server.client({ paced: false }), entry)).rejects.toMatchObject({
      code: "api_failed",
      data: { listed: 100 },
    });
  });

  test("of another form are refused", async () => {
    await using server = await answering([{ status: 200, body: { items: [{ id: 1 }] } }]);
    await expect(listOnGitHub(server.client({ paced: false }), entry)).rejects.toMatchObject({ code: "api_failed" });
    await expect(listOnGitHub(server.client({ paced: false }), entry, "items")).resolves.toEqual([{ id: 1 }]);
  });

  test("of a client that hides headers end with a page that is not full", async () => {
    const pages = [Array.from({ length: 100 }, (_, id) => ({ id })), [{ id: 100 }]];
    const client = {
      request: async (_route: string, { page }: Record<string, unknown> = {}) => ({ data: pages[Number(page) - 1] }),
    };
    expect(await listOnGitHub(client, entry)).toHaveLength(101);
  });
});

test("the token is in no message, note or inspection", async () => {
  await using server = await answering([{ status: 401, body: { message: "Bad credentials" } }]);
  const client = server.client({ token: { reveal: () => "ghs_verysecret" } });
  const error: unknown = await get(client).catch((thrown: unknown) => thrown);
  expect(server.seen[0]?.headers.authorization).toBe("token ghs_verysecret");
  const { message, remedy, data } = error as { message: string; remedy: string; data: unknown };
  expect(JSON.stringify([message, remedy, data, server.notes])).not.toContain("verysecret");
  expect(JSON.stringify(client)).not.toContain("verysecret");
});
