import { once } from "node:events";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { type AppServerOptions, type Mount, startAppServer, WEBHOOK_PATH } from "../../src/app/server.ts";

// These tests speak over bare sockets of this machine, which nock would take part in.
nock.restore();

/** A server on a free port, and what went wrong in it. */
async function started(options: Partial<AppServerOptions> = {}) {
  const errors: unknown[] = [];
  const server = await startAppServer({
    host: "127.0.0.1",
    port: 0,
    patienceMs: 10_000,
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    server,
    errors,
    post: (body: string | Uint8Array<ArrayBuffer>) => fetch(server.url + WEBHOOK_PATH, { method: "POST", body }),
  };
}
const status = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init);
  return [response.status, (await response.text()).trim()];
};

describe("app server", () => {
  test("is alive at once, and ready once it takes deliveries", async () => {
    const { server, post } = await started();
    expect(await status(`${server.url}/healthz`)).toEqual([200, "ok"]);
    expect(await status(`${server.url}/readyz`)).toEqual([503, "starting"]);
    expect((await post("{}")).status).toBe(503);
    server.ready(async (_, response) => void response.end("taken"));
    expect(await status(`${server.url}/readyz?x=1`)).toEqual([200, "ok"]);
    expect(await (await post("{}")).text()).toBe("taken");
    expect(await server.stop()).toBe(0);
  });

  test("other pages are 404, other methods of a probe 405", async () => {
    const { server } = await started();
    server.ready(async () => undefined);
    expect((await status(`${server.url}/`))[0]).toBe(404);
    expect((await status(`${server.url}${WEBHOOK_PATH}/x`))[0]).toBe(404);
    expect((await status(`${server.url}/readyz`, { method: "DELETE" }))[0]).toBe(405);
    expect((await status(`${server.url}/healthz`, { method: "HEAD" }))[0]).toBe(200);
    expect(await server.stop()).toBe(0);
  });

  test("hands the body over as it was sent, and refuses one that is too large without handing it over", async () => {
    const { server, post } = await started();
    const bodies: unknown[] = [];
    server.ready(async (_, response, body) => {
      bodies.push(body);
      response.end();
    });
    await post('{"a":"ü"}');
    await post("");
    expect((await post(new Uint8Array(25 * 1024 * 1024 + 1))).status).toBe(413);
    expect((await post(new Uint8Array(25 * 1024 * 1024))).status).toBe(200);
    expect(bodies.slice(0, 2)).toEqual(['{"a":"ü"}', ""]);
    expect(bodies).toHaveLength(3);
    expect(await server.stop()).toBe(0);
  });

  test("is not ready while what it rests on cannot be reached", async () => {
    let reachable = false;
    const { server } = await started({ isReachable: async () => reachable });
    server.ready();
    expect(await status(`${server.url}/readyz`)).toEqual([503, "The store cannot be reached."]);
    expect((await status(`${server.url}/healthz`))[0]).toBe(200);
    reachable = true;
    expect((await status(`${server.url}/readyz`))[0]).toBe(200);
    await server.stop();
  });

  test("bodies that come in at the same time have a limit together; it is free again when they are gone", async () => {
    const { server, post } = await started();
    server.ready(async (_, response) => void response.end());
    const port = Number(new URL(server.url).port);
    const sockets = [1, 2, 3].map(() => connect(port, "127.0.0.1"));
    const length = 25 * 1024 * 1024;
    for (const socket of sockets) {
      socket.on("error", () => undefined); // cut off below
      socket.write(`POST ${WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`);
      socket.write(new Uint8Array(length - 1));
    }
    const megabyte = new Uint8Array(1024 * 1024);
    // Until the three have been read this far, there is room.
    let refused = await post(megabyte);
    while (refused.status === 200) refused = await post(megabyte);
    expect([refused.status, await refused.text()]).toEqual([503, "Too much is being delivered at the same time.\n"]);
    for (const socket of sockets) socket.destroy();
    let taken = await post(megabyte);
    while (taken.status === 503) taken = await post(megabyte);
    expect(taken.status).toBe(200);
    await server.stop();
  });

  test("a handler that fails is told and answered 500; the next delivery is handled", async () => {
    const { server, errors, post } = await started();
    server.ready(() => Promise.reject(new Error("handler")));
    expect((await post("{}")).status).toBe(500);
    server.ready(async (_, response) => void response.end());
    expect((await post("{}")).status).toBe(200);
    expect(errors).toEqual([new Error("handler")]);
    await server.stop();
  });

  test("a sender that hangs up in the middle is told, and leaves nothing behind", async () => {
    const { server, errors } = await started();
    server.ready(async () => undefined);
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    const head = `POST ${WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n`;
    socket.write(head);
    await once(socket, "data");
    socket.destroy();
    expect(await server.stop()).toBe(0);
    expect(errors).toHaveLength(1);
  });

  test("a stop waits for the request under way and the work it began, and takes no new connection", async () => {
    const { server, post } = await started();
    const arrived = Promise.withResolvers<void>();
    const [answer, work] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    server.ready(async (_, response) => {
      server.track(work.promise);
      arrived.resolve();
      await answer.promise;
      response.end("late");
    });
    const request = post("{}");
    await arrived.promise;
    let stopped = false;
    const stop = server.stop().then((left) => ((stopped = true), left));
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    answer.resolve();
    expect(await (await request).text()).toBe("late");
    expect(stopped).toBe(false);
    work.reject(new Error("its own caller's business"));
    expect(await stop).toBe(0);
  });

  test("while it stops, a kept connection reads that it is not ready", async () => {
    const { server } = await started();
    const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const go = Promise.withResolvers<void>();
    server.ready(async (_, response, body) => {
      arrived[body === "1" ? 0 : 1]?.resolve();
      await go.promise;
      response.end(body === "1" ? "answer 1" : "answer 2");
    });
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    let seen = "";
    socket.setEncoding("utf8").on("data", (text: string) => (seen += text));
    const delivery = (body: string) => `POST ${WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n${body}`;
    socket.write(delivery("1"));
    await arrived[0]?.promise;
    const stop = server.stop();
    const closed = once(socket, "close");
    // Requests of one connection are read in order: when the second delivery is there, the probe has its answer.
    socket.write(`GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n${delivery("2")}`);
    await arrived[1]?.promise;
    go.resolve();
    expect(await stop).toBe(0);
    await closed;
    expect(seen).toMatch(/200 OK[^]*answer 1[^]*503 Service Unavailable[^]*Connection: close[^]*stopping/);
  });

  test("what is mounted is asked in turn for paths that are neither probe nor webhook", async () => {
    const asked: string[] = [];
    const mount =
      (name: string, takes: string): Mount =>
      async (request, response) => {
        asked.push(name);
        if (request.url !== takes) return false;
        response.end(name);
        return true;
      };
    const { server } = await started({ mounts: [mount("a", "/a"), mount("b", "/b")] });
    server.ready();
    expect(await status(`${server.url}/a`)).toEqual([200, "a"]);
    expect(await status(`${server.url}/b`)).toEqual([200, "b"]);
    expect((await status(`${server.url}/c`))[0]).toBe(404);
    expect(asked).toEqual(["a", "a", "b", "a", "b"]);
    for (const path of ["/healthz", "/readyz"]) expect((await status(server.url + path))[0]).toBe(200);
    expect((await status(server.url + WEBHOOK_PATH, { method: "POST" }))[0]).toBe(404);
    expect(asked).toHaveLength(5);
    await server.stop();
  });

  test.each([
    ["a head that does not end", "GET / HTTP/1.1\r\nHost: x\r\n", 408],
    ["a body that does not end", `POST ${WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{`, 408],
    ["a head that is too large", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ])("%s is cut off", async (_, bytes, code) => {
    const headLimits = { headersTimeout: 40, requestTimeout: 60, connectionsCheckingInterval: 10 };
    const { server } = await started({ headLimits });
    server.ready(async () => undefined);
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    let seen = "";
    socket.setEncoding("utf8").on("data", (text: string) => (seen += text));
    socket.on("error", () => undefined); // closed while it was sent
    socket.write(bytes);
    await once(socket, "close");
    expect(seen).toContain(`HTTP/1.1 ${code} `);
    await server.stop();
  });

  test("a stop that runs out of patience says how much it left", async () => {
    const { server } = await started({ patienceMs: 1 });
    server.track(new Promise(() => undefined));
    server.track(new Promise(() => undefined));
    expect(await server.stop()).toBe(2);
  });

  test("a port that is taken is a usage error that names the way out", async () => {
    const { server } = await started();
    const port = Number(new URL(server.url).port);
    const second = startAppServer({ host: "127.0.0.1", port, patienceMs: 1, onError: () => undefined });
    await expect(second).rejects.toMatchObject({ code: "usage", remedy: expect.stringContaining("--port") });
    await server.stop();
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
  (hasIpv6 ? test : test.skip)("an address of IPv6 is written as one", async () => {
    const server = await startAppServer({ host: "::1", port: 0, patienceMs: 1, onError: () => undefined });
    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    const socket = connect(Number(new URL(server.url).port), "::1");
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(String(await once(socket, "data"))).toContain("200 OK");
    await server.stop();
  });
});
