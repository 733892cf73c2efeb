import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "@jest/globals";
import nock from "nock";
import { createClients } from "../../../src/app/clients.ts";
import type { RepositoryAccess } from "../../../src/app/repository.ts";
import { stopAll } from "../../../src/app/stop/stop.ts";
import { WhetstoneError } from "../../../src/model/error.ts";
import { startCounterpart } from "../counterpart.ts";
import { NOW } from "../work/works.ts";
import { LOOP } from "./app.ts";

nock.restore();

/** GitHub that answers a write below `/held` only when it is told to. */
async function holding() {
  const arrived: string[] = [];
  const held: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    response.writeHead(path.endsWith("/access_tokens") ? 201 : 200, { "content-type": "application/json" });
    if (path.endsWith("/access_tokens")) {
      return void response.end(JSON.stringify({ token: "t", expires_at: new Date(NOW + 3_600_000).toISOString() }));
    }
    arrived.push(path);
    if (path === "/held") held.push(response);
    else response.end("{}");
    server.emit("arrived");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived,
    next: () => once(server, "arrived"),
    release: () => held.forEach((response) => response.end("{}")),
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

test("what is urgent does not wait behind writes of the same installation; what is not does", async () => {
  await using github = await holding();
  const clients = createClients({
    appId: 4711,
    appToken: async () => "a.jwt.x",
    baseUrl: github.url,
    now: () => NOW,
    note: () => undefined,
    onCall: () => undefined,
  });
  const place = { installation: 99, id: 7, owner: "octo-org", repo: "notes" };
  const other = { ...place, id: 8, repo: "other" };
  const [flooded, next, urgent] = [
    await clients.repository(place),
    await clients.repository(other),
    await clients.repository(place, "urgent"),
  ];
  expect(urgent).not.toBe(flooded);
  expect(await clients.repository(place, "urgent")).toBe(urgent);
  const arrives = github.next();
  const first = flooded?.request("POST /held");
  await arrives;
  const second = next?.request("POST /second");
  await urgent?.request("POST /stop");
  expect(github.arrived).toEqual(["/held", "/stop"]);
  github.release();
  await Promise.all([first, second]);
  expect(github.arrived).toEqual(["/held", "/stop", "/second"]);
});

test.each(["taken", "refused", "gone"] as const)("a stop is done where the urgent way is %s", async (how) => {
  await using counterpart = await startCounterpart({ files: { ".github/workflows/whetstone.yml": LOOP } });
  let asked = 0;
  const urgent = async (): Promise<RepositoryAccess | undefined> => {
    asked += 1;
    if (how === "refused") throw new WhetstoneError("api_failed", "GitHub answered 502.");
    return how === "taken" ? counterpart.repository : undefined;
  };
  const context = counterpart.context({ name: "issue_comment.created", payload: {} });
  const repository = { ...counterpart.repository, urgent };
  const by = { type: "person", id: "grace" } as const;
  expect(await stopAll({ ...context, repository }, { by, why: null })).toMatchObject({ complete: true });
  expect([asked, [...counterpart.github.backend.actions.disabled]]).toEqual([1, ["whetstone.yml"]]);
});
