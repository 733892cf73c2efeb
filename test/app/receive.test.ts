import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { verify } from "@octokit/webhooks-methods";
import { type Incoming, receiveDelivery, type ReceiveParts } from "../../src/app/receive.ts";
import { memoryQueue } from "../../src/app/work/memory.ts";
import fc from "../support/fast-check.ts";
import { LEASE, NOW } from "./work/works.ts";

const SECRET = "a-webhook-secret";
const BODY = JSON.stringify({
  action: "created",
  issue: { number: 1 },
  repository: { id: 7, name: "notes", owner: { login: "octo-org" } },
  installation: { id: 9 },
});

const signed = (body: string, secret = SECRET): string =>
  `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

/** A delivery as GitHub sends it; headers of undefined are left out. */
function delivery(body = BODY, change: Readonly<Record<string, string | undefined>> = {}): Incoming {
  const headers: Readonly<Record<string, string | undefined>> = {
    "x-github-event": "issue_comment",
    "x-github-delivery": "d-1",
    "x-hub-signature-256": signed(body),
    ...change,
  };
  return { header: (name) => headers[name], body };
}

function door(change: Partial<ReceiveParts> = {}) {
  const queue = memoryQueue();
  const answered: string[] = [];
  const woken: number[] = [];
  let doubts = 0;
  const parts: ReceiveParts = {
    verify: (body, signature) => verify(SECRET, body, signature),
    queue,
    isHeard: (name) => name === "issue_comment.created",
    isAwaited: () => false,
    now: () => NOW,
    onDelivery: ({ event, result }) => answered.push(`${event} ${result}`),
    onAdded: () => woken.push(1),
    onDoubt: () => (doubts += 1),
    ...change,
  };
  return {
    queue,
    answered,
    woken,
    doubts: () => doubts,
    take: (incoming: Incoming) => receiveDelivery(parts, incoming),
  };
}

describe("receiveDelivery", () => {
  test("puts a signed delivery into the queue as it was sent, once", async () => {
    const { queue, answered, woken, take } = door();
    expect(await take(delivery())).toEqual({ status: 202, text: "added" });
    expect(await take(delivery())).toEqual({ status: 202, text: "known" });
    expect(await queue.claim(NOW, LEASE)).toMatchObject({
      id: "d-1",
      event: "issue_comment",
      key: "octo-org/notes#1",
      payload: BODY,
      receivedAt: NOW,
    });
    expect(await queue.counts(NOW)).toEqual({ waiting: 0, running: 1, dead: 0 });
    expect(answered).toEqual(["issue_comment.created added", "issue_comment.created known"]);
    expect(woken).toHaveLength(1);
  });

  test("a body that was taken is not taken under another id, however often and in whatever order ids are tried", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 2 })), {
          minLength: 1,
          maxLength: 12,
        }),
        async (sent) => {
          const { queue, doubts, take } = door();
          const [ids, taken]: [Set<number>, Set<number>] = [new Set(), new Set()];
          for (const [id, said] of sent) {
            const body = BODY.replace('"number":1', `"number":${said}`);
            const expected = ids.has(id) ? "known" : taken.has(said) ? "repeated" : "added";
            expect((await take(delivery(body, { "x-github-delivery": `d-${id}` }))).text).toBe(expected);
            if (expected !== "added") continue;
            ids.add(id);
            taken.add(said);
          }
          expect(await queue.counts(NOW)).toMatchObject({ waiting: taken.size });
          // A comment is written once: GitHub need not be asked.
          expect(doubts()).toBe(0);
        },
      ),
    );
  });

  test("the same words in another event or another form of JSON: the event counts, the form does not", async () => {
    const { take, doubts } = door({ isHeard: () => true });
    expect((await take(delivery())).text).toBe("added");
    const other = (event: string, id: string) => ({ "x-github-event": event, "x-github-delivery": id });
    expect((await take(delivery(BODY, other("check_run", "d-2")))).text).toBe("added");
    const spaced = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(BODY) as object).toReversed()), null, 2);
    expect((await take(delivery(spaced, other("issue_comment", "d-3")))).text).toBe("repeated");
    expect(doubts()).toBe(0);
    const press = BODY.replace("created", "requested_action");
    expect((await take(delivery(press, other("check_run", "d-4")))).text).toBe("added");
    expect((await take(delivery(press, other("check_run", "d-5")))).text).toBe("repeated");
    expect(doubts()).toBe(1);
  });

  test("what GitHub was asked to send again is another event where there may be two, and only there", async () => {
    const { take } = door({ isHeard: () => true, isAwaited: (id) => id === "asked-for" });
    for (const [event, expected] of [
      ["issue_comment", "repeated"],
      ["check_run", "added"],
    ] as const) {
      const body = BODY.replace("created", event === "check_run" ? "requested_action" : "created");
      const of = (id: string) => delivery(body, { "x-github-event": event, "x-github-delivery": id });
      expect((await take(of(`first-${event}`))).text).toBe("added");
      expect((await take(of(`made-up-${event}`))).text).toBe("repeated");
      expect((await take(of("asked-for"))).text).toBe(expected);
    }
  });

  test.each([
    ["no signature", delivery(BODY, { "x-hub-signature-256": undefined })],
    ["an empty one", delivery(BODY, { "x-hub-signature-256": "" })],
    ["one of SHA-1 alone", delivery(BODY, { "x-hub-signature-256": undefined, "x-hub-signature": "sha1=00" })],
    ["one of an old secret", delivery(BODY, { "x-hub-signature-256": signed(BODY, "the secret before") })],
    ["one of another body", delivery(BODY, { "x-hub-signature-256": signed(`${BODY} `) })],
    ["one in capitals", delivery(BODY, { "x-hub-signature-256": signed(BODY).toUpperCase() })],
    ["an empty body", delivery("", { "x-hub-signature-256": signed("x") })],
  ])("%s: 401, and nothing is read or stored", async (_, incoming) => {
    const { queue, answered, take } = door();
    expect((await take(incoming)).status).toBe(401);
    expect(await queue.known(["d-1"])).toEqual(new Set());
    expect(answered).toEqual(["none unsigned"]);
  });

  test.each([
    ["no event", delivery(BODY, { "x-github-event": undefined })],
    ["an event that is no name", delivery(BODY, { "x-github-event": "issue comment" })],
    ["no id", delivery(BODY, { "x-github-delivery": undefined })],
    ["an id that is none", delivery(BODY, { "x-github-delivery": "a/../b" })],
    ["a form instead of JSON", delivery("payload=%7B%7D")],
    ["a body that is cut off", delivery(BODY.slice(0, -1))],
    ["a number", delivery("7")],
  ])("%s: 400, and nothing is stored", async (_, incoming) => {
    const { queue, answered, take } = door();
    expect((await take(incoming)).status).toBe(400);
    expect(await queue.counts(NOW)).toEqual({ waiting: 0, running: 0, dead: 0 });
    expect(answered).toEqual(["none malformed"]);
  });

  test("an event that nothing is done about is answered and counted under one name, and not stored", async () => {
    const { queue, answered, take } = door();
    const edited = BODY.replace("created", "edited");
    expect(await take(delivery(edited))).toEqual({ status: 202, text: "ignored" });
    expect(await take(delivery(BODY, { "x-github-event": "invented_yesterday" }))).toMatchObject({ status: 202 });
    expect(answered).toEqual(["other ignored", "other ignored"]);
    expect(await queue.known(["d-1"])).toEqual(new Set());
  });

  test("a queue that takes nothing is GitHub's to know: the delivery fails, and nobody is told it was taken", async () => {
    const full = { add: () => Promise.reject(new Error("disk full")) };
    const { answered, woken, take } = door({ queue: full });
    await expect(take(delivery())).rejects.toThrow("disk full");
    expect([answered, woken]).toEqual([[], []]);
  });

  test("10 MB are taken whole", async () => {
    const { queue, take } = door();
    const body = JSON.stringify({ ...(JSON.parse(BODY) as object), padding: "ü".repeat(5_000_000) });
    expect(await take(delivery(body))).toEqual({ status: 202, text: "added" });
    expect((await queue.claim(NOW, LEASE))?.payload.length).toBe(body.length);
  });
});
