import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { createService, LEASE_MS } from "../../src/app/service.ts";
import { drainQueue } from "../../src/app/worker.ts";
import { memoryQueue } from "../../src/app/work/memory.ts";
import { manualClock } from "../../src/model/time.ts";
import { workOf } from "./work/works.ts";

nock.restore();

const SECRET = "s";

type Saying = { readonly installed?: readonly string[]; readonly isSuspended?: boolean };

/** GitHub as far as it says where the App is installed: `owner/repo`, or `owner` alone for an account. */
async function githubOf({ installed = [], isSuspended = false }: Saying) {
  const server = createServer((request, response) => {
    const repo = /^\/repos\/([^/]+\/[^/]+)\/installation$/.exec(request.url ?? "")?.[1];
    const accounts = installed.map((place) => ({ id: 1, account: { login: place.split("/")[0] } }));
    const isThere = repo === undefined || installed.includes(repo);
    const json = { "content-type": "application/json" };
    if (isSuspended && request.url === "/app") return response.writeHead(200, json).end('{"slug":"whetstone"}');
    if (request.url?.endsWith("/access_tokens")) return response.writeHead(403, json).end('{"message":"suspended"}');
    if (isSuspended && request.url === "/app/installations/1") {
      return response.writeHead(200, json).end('{"suspended_at":"2026-11-20T10:00:00Z"}');
    }
    response.writeHead(isThere ? 200 : 404, json);
    return response.end(JSON.stringify(repo === undefined ? accounts : { id: 1, account: null }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const open: (() => void)[] = [];
afterEach(() => open.splice(0).forEach((close) => close()));

/** The App where GitHub says no more than where it is installed: a handler would fail. */
async function service(saying: Saying = {}) {
  const baseUrl = await githubOf(saying);
  const queue = memoryQueue();
  const [forgotten, lines]: [string[], string[]] = [[], []];
  let woken = 0;
  const made = createService({
    appId: 4711,
    appToken: async () => "a.jwt.x",
    baseUrl,
    pace: { paced: false, secondMs: 1 },
    verify: async (body, signature) => signature === sign(body),
    handlers: [{ events: ["issue_comment.created"], handle: async () => ({ kind: "done" }) }],
    queue,
    open: () => {
      throw new Error("not reached");
    },
    forget: async (place) => void forgotten.push(place),
    clock: manualClock(),
    random: () => 0.5,
    pause: (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
    log: { info: (line) => lines.push(line), error: (line) => lines.push(line) },
    onWork: () => (woken += 1),
  });
  return { made, queue, forgotten, lines, woken: () => woken };
}

const sign = (body: string): string => `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;

function delivery(event: string, payload: object, id = "d-1") {
  const body = JSON.stringify(payload);
  const headers: Readonly<Record<string, string>> = {
    "x-github-event": event,
    "x-github-delivery": id,
    "x-hub-signature-256": sign(body),
  };
  return { header: (name: string) => headers[name], body };
}

const removed = {
  action: "removed",
  installation: { id: 99, account: { login: "Octo-Org" } },
  repositories_removed: [{ full_name: "Octo-Org/Notes" }],
};

describe("createService", () => {
  test("a repository that is taken out takes its work and its folder with it; others stay", async () => {
    const { made, queue, forgotten, lines, woken } = await service();
    await queue.add(workOf("a", { key: "octo-org/notes#1" }));
    await queue.add(workOf("b", { key: "octo-org/other#1", notBefore: Number.MAX_SAFE_INTEGER }));
    await queue.add(workOf("c", { key: "octo-org/notes:gate", notBefore: Number.MAX_SAFE_INTEGER }));
    await queue.claim(Number(manualClock().now() / 1_000_000n), LEASE_MS);
    expect(await made.receive(delivery("installation_repositories", removed))).toMatchObject({ status: 202 });
    expect(woken()).toBe(1);
    expect(await drainQueue(made.worker, Infinity)).toBe(1);
    expect(forgotten).toEqual(["octo-org/notes"]);
    expect(await queue.counts(made.worker.now())).toMatchObject({ waiting: 1, running: 0 });
    expect(await queue.known(["a", "c"])).toEqual(new Set(["a", "c"]));
    expect(lines).toEqual(["octo-org/notes: removed, 2 pieces of work and the folder of it were deleted"]);
  });

  test.each([
    ["installation_repositories", removed, "octo-org/notes"],
    ["installation", { ...removed, action: "deleted" }, "octo-org/other"],
  ])(
    "an old delivery of %s that is sent again deletes nothing where the App is installed now",
    async (event, payload, there) => {
      const { made, queue, forgotten, lines } = await service({ installed: [there, "another/notes"] });
      await queue.add(workOf("a", { key: "octo-org/notes#1", notBefore: Number.MAX_SAFE_INTEGER }));
      await made.receive(delivery(event, payload));
      expect(await drainQueue(made.worker, Infinity)).toBe(1);
      expect(forgotten).toEqual([]);
      expect(await queue.counts(made.worker.now())).toMatchObject({ waiting: 1 });
      expect(lines).toEqual([expect.stringContaining("GitHub says that the App is there; nothing is deleted")]);
    },
  );

  test("an installation that is deleted takes everything of its account", async () => {
    const { made, queue, forgotten } = await service();
    for (const key of ["octo-org/notes#1", "octo-org/other"]) {
      await queue.add(workOf(key, { key, notBefore: Number.MAX_SAFE_INTEGER }));
    }
    const { repositories_removed: _, ...rest } = removed;
    await made.receive(delivery("installation", { ...rest, action: "deleted" }));
    await drainQueue(made.worker, Infinity);
    expect(forgotten).toEqual(["octo-org"]);
    expect(await queue.counts(made.worker.now())).toEqual({ waiting: 0, running: 0, dead: 0 });
  });

  test("an account with a name like a word of ours takes nothing of others with it", async () => {
    const { made, queue } = await service();
    const { repositories_removed: _, ...rest } = removed;
    const gone = { ...rest, action: "deleted", installation: { id: 5, account: { login: "installation" } } };
    await made.receive(delivery("installation", gone, "first"));
    await made.receive(delivery("installation", { ...gone, installation: { id: 6, account: null } }, "second"));
    expect(await drainQueue(made.worker, Infinity)).toBe(2);
    expect(await queue.counts(made.worker.now())).toEqual({ waiting: 0, running: 0, dead: 0 });
    const text = made.metrics.text(await queue.counts(made.worker.now()), made.worker.now());
    expect(text).toContain('attempts_total{event="installation",result="done"} 2\n');
  });

  test("work of an installation that is suspended waits and is no failure", async () => {
    const { made, queue, lines } = await service({ isSuspended: true });
    const repository = { id: 7, name: "n", owner: { login: "o" } };
    await made.receive(delivery("issue_comment", { action: "created", installation: { id: 1 }, repository }));
    expect(await drainQueue(made.worker, Infinity)).toBe(1);
    expect(await queue.counts(made.worker.now())).toEqual({ waiting: 1, running: 0, dead: 0 });
    expect(lines.at(-1)).toBe("the installation in o/n is suspended; it waits");
  });

  test("counts what it does", async () => {
    const { made, queue } = await service();
    const payload = {
      action: "created",
      installation: { id: 1 },
      repository: { id: 7, name: "n", owner: { login: "o" } },
    };
    for (const id of ["x", "x", "z"]) await made.receive(delivery("issue_comment", payload, id));
    await made.receive(delivery("issue_comment", { ...payload, sender: {} }, "y"));
    await made.receive({ ...delivery("issue_comment", payload), body: "{}" });
    await made.receive(delivery("star", payload));
    await drainQueue(made.worker, Infinity);
    const text = made.metrics.text(await queue.counts(made.worker.now()), made.worker.now());
    expect(text).toContain('deliveries_total{event="issue_comment.created",result="added"} 2\n');
    expect(text).toContain('deliveries_total{event="issue_comment.created",result="known"} 1\n');
    expect(text).toContain('deliveries_total{event="issue_comment.created",result="repeated"} 1\n');
    expect(text).toContain('deliveries_total{event="none",result="unsigned"} 1\n');
    expect(text).toContain('deliveries_total{event="other",result="ignored"} 1\n');
    // The second one is about the same repository and waits for the first.
    expect(text).toContain('attempts_total{event="issue_comment",result="failed"} 1\n');
    expect(text).toContain('queue_works{state="waiting"} 2\n');
  });
});
