import { describe, expect, test } from "@jest/globals";
import type { EventHandler, Handled, HandlerContext } from "../../src/app/handler.ts";
import type { InstallationChange } from "../../src/app/installation.ts";
import { performWork, type PerformParts } from "../../src/app/perform.ts";
import { type Place, sealed } from "../../src/app/place.ts";
import type { RepositoryAccess } from "../../src/app/repository.ts";
import { memoryQueue } from "../../src/app/work/memory.ts";
import type { ClaimedWork } from "../../src/app/work/port.ts";
import { manualClock } from "../../src/model/time.ts";
import { claimed, LEASE, NOW, workOf } from "./work/works.ts";

const place = { installation: 99, id: 7, owner: "Octo-Org", repo: "Notes" };
const about = {
  action: "created",
  issue: { number: 12 },
  repository: { id: 7, name: "Notes", owner: { login: "Octo-Org" } },
  installation: { id: 99 },
};

function work(payload: unknown, change: Partial<ClaimedWork> = {}): ClaimedWork {
  return { ...workOf("d-1", { payload: JSON.stringify(payload) }), attempt: 2, claim: "c", ...change };
}

function stage(handle: EventHandler["handle"], ...others: readonly EventHandler[]) {
  const queue = memoryQueue();
  const [places, lines, contexts]: [Place[], string[], HandlerContext[]] = [[], [], []];
  const changes: InstallationChange[] = [];
  let scheduled = 0;
  const handler: EventHandler = {
    events: ["issue_comment.created", "task.gate"],
    handle: (context) => {
      contexts.push(context);
      return handle(context);
    },
  };
  const parts: PerformParts = {
    handlers: [handler, ...others],
    queue,
    open: async (at) => {
      places.push(at);
      if (at.installation === 403) return "suspended";
      if (at.id === 8) return { owner: "Octo-Org", repo: "Notebook" } as RepositoryAccess;
      return at.installation === 404 ? undefined : ({ owner: at.owner, repo: at.repo } as RepositoryAccess);
    },
    onInstallation: async (change) => void changes.push(change),
    clock: manualClock(),
    log: (_, line) => void lines.push(line),
    onScheduled: () => (scheduled += 1),
  };
  return { parts, queue, places, lines, contexts, changes, scheduled: () => scheduled };
}

const done = async (): Promise<Handled> => ({ kind: "done" });

describe("performWork", () => {
  test("opens the repository of a delivery and hands the event over", async () => {
    const { parts, places, contexts } = stage(done);
    expect(await performWork(parts, work(about))).toEqual({ kind: "done" });
    expect(places).toEqual([place]);
    expect(contexts[0]?.event).toEqual({
      id: "d-1",
      name: "issue_comment.created",
      payload: about,
      attempt: 2,
      receivedAt: NOW,
    });
    expect(contexts[0]?.repository).toEqual({ owner: "Octo-Org", repo: "Notes" });
  });

  test("a task comes back to its handler in the same repository, with its own payload, once", async () => {
    const task = { id: "gate:1", name: "task.gate", key: "Gate:1", payload: { step: 1 }, notBefore: NOW + 5 } as const;
    const { parts, queue, places, contexts, scheduled } = stage(async ({ schedule, event }) => {
      if (event.name !== "task.gate") for (const _ of [1, 2]) await schedule(task);
      return { kind: "done" };
    });
    await performWork(parts, work(about));
    expect(scheduled()).toBe(2);
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
    const taken = await claimed(queue, NOW + 5);
    expect(taken).toMatchObject({ id: "octo-org/notes:gate:1", event: "task.gate", key: "octo-org/notes:gate:1" });
    await performWork(parts, taken);
    expect(places).toEqual([place, place]);
    expect(contexts[1]?.event).toMatchObject({ name: "task.gate", payload: { step: 1 }, attempt: 1 });
    expect(await queue.nextDue(NOW + 5, LEASE)).toBe(NOW + 5 + LEASE);
  });

  test("ids and keys that name their repository already stay as they are", async () => {
    const { parts, queue } = stage(async ({ schedule }) => {
      const task = { name: "task.gate", payload: {}, notBefore: 0 } as const;
      await schedule({ ...task, id: "octo-org/notes#1:x", key: "Octo-Org/Notes#1" });
      await schedule({ ...task, id: "octo-org/notes-2", key: "octo-org/notes-2" });
      return { kind: "done" };
    });
    await performWork(parts, work(about));
    expect(await claimed(queue)).toMatchObject({ id: "octo-org/notes#1:x", key: "octo-org/notes#1" });
    expect((await claimed(queue)).key).toBe("octo-org/notes:octo-org/notes-2");
  });

  test("`again` with another payload comes back under the same name and place", async () => {
    const { parts, contexts } = stage(async ({ event }) =>
      event.attempt === 2 ? { kind: "again", at: 5, payload: { round: 2 } } : { kind: "done" },
    );
    const handled = await performWork(parts, work(about));
    expect(handled).toMatchObject({ kind: "again", at: 5 });
    const payload = handled.kind === "again" ? handled.payload : undefined;
    expect(await performWork(parts, work(payload, { attempt: 1 }))).toEqual({ kind: "done" });
    expect(contexts[1]?.event).toMatchObject({ name: "issue_comment.created", payload: { round: 2 } });
    const plain = stage(async () => ({ kind: "again", at: 7 }));
    expect(await performWork(plain.parts, work(about))).toEqual({ kind: "again", at: 7 });
  });

  test("every handler of an event runs, though one before it failed; of several times the first counts", async () => {
    const ran: string[] = [];
    const handler = (name: string, end: EventHandler["handle"]): EventHandler => ({
      events: ["issue_comment.created"],
      handle: async (context) => {
        ran.push(name);
        return end(context);
      },
    });
    const fail = () => Promise.reject(new Error("first"));
    const one = stage(fail, handler("second", done));
    await expect(performWork(one.parts, work(about))).rejects.toThrow("first");
    expect(ran).toEqual(["second"]);
    const two = stage(
      fail,
      handler("x", () => Promise.reject(new Error("other"))),
    );
    await expect(performWork(two.parts, work(about))).rejects.toThrow("first; other");
    const later = stage(
      async () => ({ kind: "again", at: 9 }),
      handler("y", async () => ({ kind: "again", at: 4 })),
    );
    expect(await performWork(later.parts, work(about))).toEqual({ kind: "again", at: 4 });
  });

  test("where the App is not installed any more, nothing is done, and that is said", async () => {
    const { parts, contexts, lines } = stage(done);
    expect(await performWork(parts, work({ ...about, installation: { id: 404 } }))).toEqual({ kind: "done" });
    expect(contexts).toEqual([]);
    expect(lines).toEqual(["the App is not installed in octo-org/notes any more; nothing is done"]);
  });

  test("a repository that was renamed is worked on, and its tasks kept, under its name of today", async () => {
    const { parts, queue, places } = stage(async ({ schedule, event }) => {
      const task = { id: "gate:1", name: "task.gate", key: "gate:1", payload: {}, notBefore: 0 } as const;
      if (event.name !== "task.gate") await schedule(task);
      return { kind: "again", at: 5, payload: {} };
    });
    const renamed = { ...about, repository: { ...about.repository, id: 8 } };
    const handled = await performWork(parts, work(renamed));
    const taken = await claimed(queue);
    expect(taken.key).toBe("octo-org/notebook:gate:1");
    await performWork(parts, taken);
    await performWork(parts, work(handled.kind === "again" ? handled.payload : undefined));
    expect(places.map(({ repo }) => repo)).toEqual(["Notes", "Notebook", "Notebook"]);
  });

  test("while the installation is suspended work waits; a delivery is let go after three days, a task never", async () => {
    const { parts, contexts, lines } = stage(done);
    const now = Number(parts.clock.now() / 1_000_000n);
    const suspended = { ...about, installation: { id: 403 } };
    const again = { kind: "again", at: now + 1_800_000 };
    const days = (count: number) => ({ receivedAt: now - count * 86_400_000 });
    expect(await performWork(parts, work(suspended, days(2.9)))).toEqual(again);
    expect(await performWork(parts, work(suspended, days(3.1)))).toEqual({ kind: "done" });
    const task = sealed({ name: "task.gate", place: { ...place, installation: 403 }, payload: {} });
    expect(await performWork(parts, work(task, { event: "task.gate", ...days(90) }))).toEqual(again);
    expect(contexts).toEqual([]);
    expect(lines).toEqual([
      "the installation in octo-org/notes is suspended; it waits",
      "the installation in octo-org/notes is suspended; it is let go after three days",
      "the installation in octo-org/notes is suspended; it waits",
    ]);
  });

  test("events without handler or place end with a word", async () => {
    const { parts, lines } = stage(done);
    await performWork(parts, work({ ...about, action: "edited" }));
    await performWork(parts, work({ ...about, installation: undefined }));
    expect(lines).toEqual(["nothing handles it (any more)", "it names no repository with an installation"]);
  });

  test("a payload that is no JSON is an error, not a crash", async () => {
    const { parts } = stage(done);
    await expect(performWork(parts, { ...work({}), payload: "{" })).rejects.toMatchObject({ code: "input_unreadable" });
  });
});

describe("installations", () => {
  const installation = { id: 99, account: { login: "Octo-Org" } };
  const notes = { full_name: "Octo-Org/Notes" };

  test.each([
    ["installation", { action: "created", repositories: [notes] }, ["octo-org/notes"], []],
    ["installation", { action: "deleted", repositories: [notes] }, [], ["octo-org"]],
    ["installation", { action: "suspend" }, [], []],
    [
      "installation_repositories",
      { action: "added", repositories_added: [notes], repositories_removed: [] },
      ["octo-org/notes"],
      [],
    ],
    [
      "installation_repositories",
      { action: "removed", repositories_added: [], repositories_removed: [notes] },
      [],
      ["octo-org/notes"],
    ],
  ] as const)("%s %j", async (event, payload, ...[added, removed]) => {
    const { parts, changes, places } = stage(done);
    await performWork(parts, work({ ...payload, installation }, { event }));
    expect(changes).toEqual([
      { installation: 99, account: "Octo-Org", added, removed, name: `${event}.${payload.action}` },
    ]);
    expect(places).toEqual([]);
  });

  test("a payload of another form fails, and is seen as a dead letter", async () => {
    const { parts } = stage(done);
    const odd = { action: "deleted", installation: { id: "x" } };
    await expect(performWork(parts, work(odd, { event: "installation" }))).rejects.toThrow();
  });
});
