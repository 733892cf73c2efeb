import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { approvalOf } from "../../../src/app/approval/approval.ts";
import { type Counterpart, startCounterpart } from "../counterpart.ts";

nock.restore();

let place: Counterpart;
let made = 0;
beforeAll(async () => {
  place = await startCounterpart();
});
afterAll(async () => {
  expect(place.github.violations).toEqual([]);
  await place[Symbol.asyncDispose]();
});

type Login = "ada" | "grace" | "mallory";

/** A pull request of the App, from a branch of its own; `push` moves its head, `review` is somebody's. */
async function openPull() {
  made += 1;
  const { backend } = place.github;
  const branch = `whetstone/proposal/notes/${made}`;
  await backend.ask("POST", "git/refs", { ref: `refs/heads/${branch}`, sha: place.github.base });
  await backend.commit(branch, { "a.ts": `${made}` });
  const { data } = await backend.ask("POST", "pulls", { title: "T", head: branch, base: "main" });
  const number = Number(Reflect.get(Object(data), "number"));
  const people = backend.people;
  const head = async () => (await place.repository.host.pulls.find(number))?.headSha ?? "";
  const review = async (login: Login, event: string, commit?: string) => {
    const body = { event, body: "x", commit_id: commit ?? (await head()) };
    return Number((await people.as(login)("POST", `pulls/${number}/reviews`, body))["id"]);
  };
  return { number, branch, review, head, approval: () => approvalOf(place.repository, number) };
}

describe("an approval", () => {
  test("of a person with write permission who is not the author counts, and says whose, when and of what", async () => {
    const pull = await openPull();
    expect(await pull.approval()).toEqual({ kind: "missing", why: "nobody", head: await pull.head() });
    await pull.review("ada", "APPROVE");
    expect(await pull.approval()).toEqual({
      kind: "approved",
      by: "ada",
      at: expect.stringMatching(/^\d{4}-/),
      sha: await pull.head(),
    });
  });

  test("is of one commit: a push makes it stale", async () => {
    const pull = await openPull();
    const before = await pull.head();
    await pull.review("ada", "APPROVE");
    await place.github.backend.commit(pull.branch, { "a.ts": "pushed" });
    const after = await pull.head();
    expect(after).not.toBe(before);
    expect(await pull.approval()).toMatchObject({ kind: "stale", by: "ada", sha: before, head: after });
  });

  test("of what stood there before a force push is stale, also when it was given to the newer of two", async () => {
    const pull = await openPull();
    await pull.review("ada", "APPROVE");
    await place.github.backend.begin(pull.branch, { "a.ts": `forced ${made}` });
    expect(await pull.approval()).toMatchObject({ kind: "stale", head: await pull.head() });
    await pull.review("grace", "APPROVE");
    expect(await pull.approval()).toMatchObject({ kind: "approved", by: "grace" });
  });

  test("of a later commit than the head's is none of the head", async () => {
    const pull = await openPull();
    await pull.review("ada", "APPROVE", "e".repeat(40));
    expect(await pull.approval()).toMatchObject({ kind: "stale", sha: "e".repeat(40) });
  });

  test.each(["read", "triage", "gone", "none"])(
    "of somebody with permission %s counts for nothing",
    async (permission) => {
      const pull = await openPull();
      await pull.review("ada", "APPROVE");
      place.github.backend.people.permissions.set("ada", permission);
      const found = await pull.approval();
      place.github.backend.people.permissions.delete("ada");
      expect(found).toMatchObject({ kind: "missing", why: "not_permitted" });
    },
  );

  test("of who opened it counts for nothing", async () => {
    const { backend } = place.github;
    const branch = "mallorys";
    await backend.ask("POST", "git/refs", { ref: `refs/heads/${branch}`, sha: place.github.base });
    await backend.commit(branch, { "a.ts": "m" });
    const opened = await backend.people.as("mallory")("POST", "pulls", { title: "T", head: branch, base: "main" });
    const number = Number(opened["number"]);
    await backend.people.as("mallory")("POST", `pulls/${number}/reviews`, { event: "APPROVE", body: "mine" });
    expect(await approvalOf(place.repository, number)).toMatchObject({ kind: "missing", why: "not_independent" });
  });

  test("of who pushed to its branch counts for nothing, whatever name the commits state", async () => {
    const pull = await openPull();
    const asked: string[] = [];
    await pull.review("ada", "APPROVE");
    const pushes = [{ actor: { login: "ghost-writer" } }, { actor: null }, { actor: { login: "Ada" } }];
    place.github.bend((request) => {
      if (!request.startsWith("GET activity")) return undefined;
      asked.push(request);
      return { when: "before", reply: { status: 200, body: pushes } };
    });
    const found = await pull.approval().finally(() => place.github.bend(undefined));
    expect([found, asked.length]).toMatchObject([{ kind: "missing", why: "not_independent" }, 1]);
    // Somebody else's approval of the same commit still counts.
    await pull.review("grace", "APPROVE");
    place.github.bend((request) =>
      request.startsWith("GET activity") ? { when: "before", reply: { status: 200, body: pushes } } : undefined,
    );
    const second = await pull.approval().finally(() => place.github.bend(undefined));
    expect(second).toMatchObject({ kind: "approved", by: "grace" });
  });

  test("cannot be told while GitHub does not say who pushed; a server without such a list has none", async () => {
    const pull = await openPull();
    await pull.review("ada", "APPROVE");
    place.github.bend((request) =>
      request.startsWith("GET activity") ? { when: "before", reply: { status: 403, body: {} } } : undefined,
    );
    await expect(pull.approval().finally(() => place.github.bend(undefined))).rejects.toMatchObject({
      code: "api_failed",
    });
    place.github.bend((request) =>
      request.startsWith("GET activity") ? { when: "before", reply: { status: 404, body: {} } } : undefined,
    );
    const found = await pull.approval().finally(() => place.github.bend(undefined));
    expect(found).toMatchObject({ kind: "approved", by: "ada" });
  });

  test("of who wrote one of its commits counts for nothing, however the name is written", async () => {
    const pull = await openPull();
    await pull.review("ada", "APPROVE");
    const commits = [{ author: { login: "ADA" }, committer: { login: "web-flow" } }];
    place.github.bend((request) =>
      request.startsWith(`GET pulls/${pull.number}/commits`)
        ? { when: "before", reply: { status: 200, body: commits } }
        : undefined,
    );
    const found = await pull.approval().finally(() => place.github.bend(undefined));
    expect(found).toMatchObject({ kind: "missing", why: "not_independent" });
  });

  test("falls by the objection of anybody who may write, until that person agrees", async () => {
    const pull = await openPull();
    await pull.review("ada", "APPROVE");
    await pull.review("grace", "REQUEST_CHANGES");
    expect(await pull.approval()).toMatchObject({ kind: "missing", why: "objected" });
    await pull.review("grace", "COMMENT");
    expect(await pull.approval()).toMatchObject({ kind: "missing", why: "objected" });
    place.github.backend.people.permissions.set("grace", "read");
    expect(await pull.approval()).toMatchObject({ kind: "approved", by: "ada" });
    place.github.backend.people.permissions.delete("grace");
    await pull.review("grace", "APPROVE");
    expect(await pull.approval()).toMatchObject({ kind: "approved" });
  });

  test("that was dismissed is none", async () => {
    const pull = await openPull();
    const id = await pull.review("ada", "APPROVE");
    await place.github.backend.ask("PUT", `pulls/${pull.number}/reviews/${id}/dismissals`, { message: "no" });
    expect(await pull.approval()).toMatchObject({ kind: "missing", why: "nobody" });
  });

  test("is none of what is closed or no pull request, and none of a fork's", async () => {
    const pull = await openPull();
    await pull.review("ada", "APPROVE");
    const found = await place.repository.host.pulls.find(pull.number);
    const host = { ...place.repository.host };
    const pulls = { ...host.pulls, find: async () => (found === undefined ? undefined : { ...found, fork: true }) };
    expect(await approvalOf({ ...place.repository, host: { ...host, pulls } }, pull.number)).toMatchObject({
      why: "fork",
    });
    await place.repository.host.pulls.close(pull.number);
    expect(await pull.approval()).toMatchObject({ kind: "missing", why: "closed" });
    expect(await approvalOf(place.repository, 9999)).toEqual({ kind: "missing", why: "no_pull", head: undefined });
  });

  test.each([500, 401, 403, 429])("is not taken for given when GitHub answers %i to any question", async (status) => {
    const pull = await openPull();
    await pull.review("ada", "APPROVE");
    const from = place.github.requests.length;
    await pull.approval();
    const asked = place.github.requests.slice(from).map((request) => request.split("?")[0]);
    expect(asked.length).toBeGreaterThanOrEqual(5);
    for (const one of asked) {
      place.github.bend((request) =>
        request === one ? { when: "before", reply: { status, body: { message: "no" } } } : undefined,
      );
      await expect(pull.approval().finally(() => place.github.bend(undefined))).rejects.toMatchObject({
        code: "api_failed",
      });
    }
  });
});
