import { describe, expect, test } from "@jest/globals";
import { performWork } from "../../../src/app/perform.ts";
import { askStop, stopAsked } from "../../../src/app/stop/asked.ts";
import { receiveDelivery } from "../../../src/app/receive.ts";
import { addressOf } from "../../../src/app/place.ts";
import { memoryQueue } from "../../../src/app/work/memory.ts";
import { MOST_OF_A_PLACE, type WorkQueue } from "../../../src/app/work/port.ts";
import fc from "../../support/fast-check.ts";
import { comments, refusals } from "../../../src/app/comments.ts";
import { LOOP } from "./app.ts";
import { startCounterpart } from "../counterpart.ts";
import { commentPayload } from "../payloads.ts";
import { claimed, LEASE, NOW } from "../work/works.ts";

let deliveries = 0;

/** Takes a comment as GitHub delivers it; its id in the queue. */
async function deliver(queue: WorkQueue, body: string, { by = 7, on = 12 } = {}): Promise<string> {
  deliveries += 1;
  const id = `d-${deliveries}`;
  const user = { id: by, login: `user-${by}`, type: "User" };
  const payload = { ...commentPayload(body, { id: 5_000 + deliveries, user }), issue: { number: on } };
  const headers: Readonly<Record<string, string>> = {
    "x-hub-signature-256": `sha256=${"0".repeat(64)}`,
    "x-github-event": "issue_comment",
    "x-github-delivery": id,
  };
  const parts = {
    verify: async () => true,
    queue,
    isHeard: () => true,
    now: () => NOW,
    onDelivery: () => undefined,
    onAdded: () => undefined,
    onDoubt: () => undefined,
    isAwaited: () => false,
  };
  await receiveDelivery(parts, { header: (name) => headers[name], body: JSON.stringify(payload) });
  return id;
}

const keyOf = (body: string, by: number | null = 7) =>
  addressOf("issue_comment", commentPayload(body, { user: by === null ? null : { id: by, login: "x", type: "User" } }))
    .key;

describe("a stop in a comment", () => {
  test("is begun at once behind a flood of comments in the same repository and the same issue", async () => {
    const queue = memoryQueue();
    for (let n = 0; n < 100; n += 1) await deliver(queue, `noise ${n}`, { by: 5, on: n });
    for (let n = 0; n < MOST_OF_A_PLACE; n += 1) await claimed(queue);
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
    const stop = await deliver(queue, "/whetstone stop it costs too much", { by: 7, on: 0 });
    expect((await claimed(queue)).id).toBe(stop);
    // It counts for nothing else either: the flood has no more and no less room than before.
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
  });

  test("is not kept waiting by stops that somebody else writes in masses", async () => {
    const queue = memoryQueue();
    for (let n = 0; n < 100; n += 1) await deliver(queue, "/whetstone stop", { by: 5, on: n });
    for (let n = 0; n < MOST_OF_A_PLACE; n += 1) await claimed(queue);
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
    const stop = await deliver(queue, "/whetstone stop", { by: 7 });
    expect((await claimed(queue)).id).toBe(stop);
  });

  test("what a stop leaves for later waits for nothing else either", async () => {
    await using counterpart = await startCounterpart({ files: { ".github/workflows/whetstone.yml": LOOP } });
    const { backend } = counterpart.github;
    backend.runs.set(41, { id: 41, path: ".github/workflows/whetstone.yml", status: "in_progress" });
    backend.actions.stubborn.add(41);
    const queue = memoryQueue();
    const at = { installation: 99, id: 7, owner: "octo-org", repo: "notes" };
    const by = { type: "bot", id: "api-key:0123456789ab" } as const;
    await askStop(queue, { place: at, by, why: null, origin: "page-1", at: NOW });
    const parts = {
      handlers: [stopAsked],
      queue,
      open: async () => counterpart.repository,
      onInstallation: async () => undefined,
      clock: counterpart.clock,
      log: () => undefined,
      onScheduled: () => undefined,
    };
    const work = await claimed(queue);
    expect(await performWork(parts, work)).toEqual({ kind: "done" });
    await queue.end(work.claim, { kind: "done" }, NOW);
    const { event, key } = await claimed(queue);
    expect([event, key]).toEqual(["task.stop", "octo-org/notes/stop/sweep"]);
  });

  test("goes with its repository when that is taken out of the installation", async () => {
    const queue = memoryQueue();
    await deliver(queue, "/whetstone stop");
    expect(await queue.drop("octo-org/notes", NOW)).toBe(1);
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
  });

  test.each(["/whetstone stop", "/whetstone STOP now", "Hello.\n\n/whetstone stop please\n\nbye"])(
    "%j has a key of its own",
    (body) => {
      expect(keyOf(body)).toBe("octo-org/notes/stop/by-7#1001");
    },
  );

  test.each([
    "/whetstone stop\n/whetstone refine", // more than the stop would come with it
    "/whetstone refine\n/whetstone stop",
    "/whetstone refine stop",
    "/whetstone stopp",
    "/whetstone resume",
    "> /whetstone stop",
    "`/whetstone stop`",
    "<!-- \n/whetstone stop\n-->",
    "please /whetstone stop",
    "stop",
  ])("%j has the key of its issue", (body) => {
    expect(keyOf(body)).toBe("octo-org/notes#12");
  });

  test("by an account that is gone, or in an edit, waits like everything else", () => {
    expect(keyOf("/whetstone stop", null)).toBe("octo-org/notes#12");
    const edited = { ...commentPayload("/whetstone stop"), action: "edited" };
    expect(addressOf("issue_comment", edited).key).toBe("octo-org/notes#12");
  });

  test("nothing that stands beside another command gets past the others", () => {
    const line = fc.constantFrom(
      "/whetstone refine",
      "/whetstone promote 3",
      "/whetstone stop",
      "text",
      "",
      "> /whetstone stop",
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        const commands = lines.filter((text) => text.startsWith("/whetstone"));
        if (keyOf(lines.join("\n\n")) === "octo-org/notes#12") return;
        expect(commands).toEqual(["/whetstone stop"]);
      }),
    );
  });

  test("is done where GitHub takes no reactions at the moment, and answered later", async () => {
    await using counterpart = await startCounterpart();
    counterpart.github.backend.people.permissions.set("ada", "write");
    const refuse = { when: "before", reply: { status: 403, body: { message: "secondary rate limit" } } } as const;
    counterpart.github.bend((request) => (request.endsWith("/reactions") ? refuse : undefined));
    const payload = commentPayload("/whetstone stop", { user: { id: 3, login: "ada", type: "User" } });
    const context = counterpart.context({ name: "issue_comment.created", payload });
    await expect(comments.handle(context)).rejects.toMatchObject({ code: "api_failed" });
    expect((await counterpart.repository.killSwitch.look()).state.kind).toBe("stopped");
  });

  test("of somebody who may not write holds no place open: its refusal waits among the other work of the repository", async () => {
    await using counterpart = await startCounterpart();
    counterpart.github.backend.people.permissions.set("mallory", "read");
    const payload = commentPayload("/whetstone stop", { user: { id: 9, login: "mallory", type: "User" } });
    const context = counterpart.context({ name: "issue_comment.created", payload });
    expect(await comments.handle(context)).toEqual({ kind: "done" });
    expect(counterpart.github.requests.filter((request) => !request.startsWith("GET "))).toEqual([]);
    const [task] = counterpart.tasks;
    expect(task).toMatchObject({ name: "task.refusal", key: "octo-org/notes#12" });
    const later = counterpart.context({ name: "task.refusal", payload: task?.payload });
    await refusals.handle(later);
    await refusals.handle(later);
    expect(counterpart.github.backend.people.reactions).toEqual(["1001 -1"]);
    expect((await counterpart.repository.killSwitch.look()).state.kind).toBe("running");
  });
});
