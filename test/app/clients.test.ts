import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { createClients } from "../../src/app/clients.ts";
import { NOW } from "./work/works.ts";

nock.restore();

const place = { installation: 99, id: 7, owner: "octo-org", repo: "notes" };
const open: (() => void)[] = [];
afterEach(() => open.splice(0).forEach((close) => close()));

type Answer = { readonly status: number; readonly body?: unknown };

/** GitHub that hands out tokens `t-1`, `t-2`, … for an hour, and answers everything else as `answer` says. */
async function github(
  answer: (request: string, token: string) => Answer = () => ({ status: 200, body: {} }),
  repositories?: unknown,
) {
  const requests: string[] = [];
  const bodies: unknown[] = [];
  let minted = 0;
  let time = NOW;
  const server = createServer((request, response) => {
    void (async () => {
      let text = "";
      for await (const chunk of request.setEncoding("utf8") as AsyncIterable<string>) text += chunk;
      const what = `${request.method ?? ""} ${request.url ?? ""}`;
      const token = (request.headers.authorization ?? "").split(" ")[1] ?? "";
      requests.push(`${what} as ${token}`);
      if (text !== "") bodies.push(JSON.parse(text));
      const given = answer(what, token);
      const isMint = what.endsWith("/access_tokens") && given.status === 200;
      const fresh = { repositories, token: `t-${minted + 1}`, expires_at: new Date(time + 3_600_000).toISOString() };
      if (isMint) minted += 1;
      response.writeHead(isMint ? 201 : given.status, { "content-type": "application/json" });
      response.end(JSON.stringify(isMint ? fresh : (given.body ?? { message: "said by GitHub" })));
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const statuses: number[] = [];
  const clients = createClients({
    appId: 4711,
    appToken: async () => "a.jwt.x",
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    now: () => time,
    note: () => undefined,
    onCall: (status) => statuses.push(status),
    pace: { paced: false, secondMs: 1 },
  });
  return { clients, requests, bodies, statuses, pass: (ms: number) => (time += ms) };
}

describe("tokens of installations", () => {
  test("reach one repository, by its id, and are kept until shortly before they expire", async () => {
    const { clients, requests, bodies, pass } = await github();
    const first = await clients.repository(place);
    await first?.request("GET /repos/octo-org/notes");
    expect(await clients.repository({ ...place, repo: "renamed" })).toBe(first);
    expect(bodies).toEqual([{ repository_ids: [7] }]);
    expect(requests).toEqual([
      "POST /app/installations/99/access_tokens as a.jwt.x",
      "GET /repos/octo-org/notes as t-1",
    ]);
    pass(50 * 60_000);
    await (await clients.repository(place))?.request("GET /repos/octo-org/notes");
    expect(requests.at(-1)).toBe("GET /repos/octo-org/notes as t-2");
  });

  test("of two repositories are two tokens; asked for at once, one is made for each", async () => {
    const { clients, bodies } = await github();
    const other = { ...place, id: 8, repo: "other" };
    const [a, b] = [await clients.repository(place), await clients.repository(other)];
    expect(a).not.toBe(b);
    await Promise.all([place, other].map((at) => clients.repository(at)));
    expect(bodies).toEqual([{ repository_ids: [7] }, { repository_ids: [8] }]);
  });

  test("one that GitHub refuses is not used again", async () => {
    const { clients, requests, statuses } = await github((_, token) => ({ status: token === "t-1" ? 401 : 200 }));
    await expect((await clients.repository(place))?.request("GET /x")).rejects.toMatchObject({ status: 401 });
    await (await clients.repository(place))?.request("GET /x");
    expect(requests.at(-1)).toBe("GET /x as t-2");
    expect(statuses).toEqual([200, 401, 200, 200]);
  });

  test.each([404, 422])("%i: the App is not installed there, until it is again", async (status) => {
    let isGone = true;
    const { clients } = await github(() => ({ status: isGone ? status : 200 }));
    expect(await clients.repository(place)).toBeUndefined();
    isGone = false;
    expect(await clients.repository(place)).toBeDefined();
  });

  test.each([403, 500, 502])("%i is a failure, and the next attempt asks again", async (status) => {
    let isDown = true;
    const { clients } = await github(() => ({ status: isDown ? status : 200 }));
    await expect(clients.repository(place)).rejects.toMatchObject({ code: "api_failed", data: { status } });
    isDown = false;
    expect(await clients.repository(place)).toBeDefined();
  });

  test("tell the name that a repository has today; before it was reached, the one that is known", async () => {
    const { clients } = await github(
      (what) => ({ status: 200, body: what }),
      [{ name: "notebook", owner: { login: "other-org" } }],
    );
    expect(await clients.placeNow(place)).toEqual(place);
    await clients.repository(place);
    expect(await clients.placeNow(place)).toEqual({ ...place, owner: "other-org", repo: "notebook" });
    expect(await clients.placeNow({ ...place, id: 8 })).toEqual({ ...place, id: 8 });
  });

  test.each([
    [undefined],
    ["all"],
    [["notebook"]],
    [
      [
        { name: "a", owner: { login: "o" } },
        { name: "b", owner: { login: "o" } },
      ],
    ],
  ])("repositories of a token in the form %j change nothing", async (repositories) => {
    const { clients } = await github(undefined, repositories);
    expect(await clients.repository(place)).toBeDefined();
    expect(await clients.placeNow(place)).toEqual(place);
  });

  test.each([
    [200, { suspended_at: "2026-11-20T10:00:00Z" }, true],
    [200, { suspended_at: null }, false],
    [404, { message: "Not Found" }, false],
  ])("an installation of which GitHub says %i %j is suspended: %s", async (status, body, expected) => {
    const { clients, requests } = await github(() => ({ status, body }));
    expect(await clients.isSuspended(99)).toBe(expected);
    expect(requests).toEqual(["GET /app/installations/99 as a.jwt.x"]);
  });

  test("nothing that they are asked for approves or merges", async () => {
    const { clients, requests } = await github();
    const client = await clients.repository(place);
    await expect(client?.request("POST /repos/octo-org/notes/pulls/1/reviews")).rejects.toMatchObject({
      code: "defect",
    });
    await expect(client?.request("PUT /repos/octo-org/notes/pulls/1/merge")).rejects.toMatchObject({ code: "defect" });
    expect(requests).toHaveLength(1);
  });
});

describe("the App itself", () => {
  test("is asked for once, and again after a failure", async () => {
    let isDown = true;
    const { clients, requests } = await github(() => ({
      status: isDown ? 403 : 200,
      body: isDown ? { message: "no" } : { slug: "whetstone" },
    }));
    await expect(clients.identity()).rejects.toMatchObject({ code: "api_failed" });
    isDown = false;
    for (const _ of [1, 2]) expect(await clients.identity()).toEqual({ appId: 4711, login: "whetstone[bot]" });
    expect(requests).toEqual(["GET /app as a.jwt.x", "GET /app as a.jwt.x"]);
  });
});
