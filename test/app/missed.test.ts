import { describe, expect, test } from "@jest/globals";
import { MOST_PAGES, nextCursor, takeMissed } from "../../src/app/missed.ts";
import { createBell } from "../../src/app/bell.ts";
import { deliveryDigest } from "../../src/app/repeats.ts";
import { watchMissed } from "../../src/app/missed-watch.ts";
import { memoryQueue } from "../../src/app/work/memory.ts";
import type { GitHubClient } from "../../src/github/rest-api.ts";
import { LEASE, NOW, workOf } from "./work/works.ts";

const HOUR = 3_600_000;

type Logged = { id: number; guid: string; delivered_at: string; event: string; action: string | null };

const logged = (id: number, change: Partial<Logged> = {}): Logged => ({
  id,
  guid: `g-${id}`,
  delivered_at: new Date(NOW - id * 1_000).toISOString(),
  event: "issue_comment",
  action: "created",
  ...change,
});
const payload = (id: number) => ({
  action: "created",
  issue: { number: id },
  repository: { id: 7, name: "notes", owner: { login: "octo-org" } },
});

/** GitHub's log of deliveries, the newest first, in pages of two. */
function log(items: readonly Logged[], payloads: (id: number) => unknown = payload) {
  const asked: string[] = [];
  const request: GitHubClient["request"] = async (route, parameters = {}) => {
    const { delivery_id: id, cursor } = parameters as { delivery_id?: number; cursor?: string };
    asked.push([route.split(" ")[0], route.split("/").at(-1), id ?? cursor].filter(Boolean).join(" "));
    if (id !== undefined) return { data: { request: { payload: payloads(id) } } };
    const from = Number(cursor ?? 0);
    const more = from + 2 < items.length;
    const link = `<https://api.github.com/app/hook/deliveries?per_page=100&cursor=${from + 2}>; rel="next"`;
    return { data: items.slice(from, from + 2), headers: more ? { link } : {} };
  };
  return { client: { request }, asked };
}

const isHeard = (name: string): boolean => name === "issue_comment.created" || name === "push";
const onResent = (): void => undefined;

describe("takeMissed", () => {
  test("takes what is in the log and not in the queue, the oldest first, and nothing twice", async () => {
    const queue = memoryQueue();
    await queue.add(workOf("g-2"));
    const { client, asked } = log([
      logged(1),
      logged(2),
      logged(3, { event: "issues", action: "opened" }),
      logged(4),
      logged(5, { guid: "g-4" }),
      logged(6, { event: "push", action: null }),
    ]);
    const parts = { client, queue, isHeard, onResent, now: () => NOW };
    expect(await takeMissed(parts, 0)).toEqual({
      seen: 6,
      fetched: 3,
      resent: 0,
      repeated: 0,
      complete: true,
      newest: NOW - 1_000,
    });
    expect(asked.slice(0, 3)).toEqual(["GET deliveries", "GET deliveries 2", "GET deliveries 4"]);
    expect(await queue.known(["g-1", "g-2", "g-4", "g-6", "g-3"])).toEqual(new Set(["g-1", "g-2", "g-4", "g-6"]));
    const claims = [];
    for (let work = await queue.claim(NOW, LEASE); work; work = await queue.claim(NOW, LEASE)) claims.push(work);
    expect(claims.map(({ id }) => id)).toEqual(["g-2", "g-6", "g-4", "g-1"]);
    expect(claims[3]).toMatchObject({ event: "issue_comment", key: "octo-org/notes#1" });
    expect(await takeMissed(parts, 0)).toMatchObject({ fetched: 0, resent: 0 });
  });

  test("looks no further back than it should", async () => {
    const old = new Date(NOW - 2 * HOUR).toISOString();
    const { client, asked } = log([logged(1), logged(2, { delivered_at: old }), logged(3, { delivered_at: old })]);
    const parts = { client, queue: memoryQueue(), isHeard, onResent, now: () => NOW };
    expect(await takeMissed(parts, NOW - HOUR)).toEqual({
      seen: 1,
      fetched: 1,
      resent: 0,
      repeated: 0,
      complete: true,
      newest: NOW - 1_000,
    });
    expect(asked).toEqual(["GET deliveries", "GET {delivery_id} 1"]);
  });

  test("asks GitHub to send again what its log holds no payload of", async () => {
    const { client, asked } = log([logged(1)], () => null);
    const queue = memoryQueue();
    const resent: string[] = [];
    const parts = { client, queue, isHeard, onResent: (guid: string) => resent.push(guid), now: () => NOW };
    expect(await takeMissed(parts, 0)).toMatchObject({ fetched: 0, resent: 1 });
    expect(asked.at(-1)).toBe("POST attempts 1");
    expect(resent).toEqual(["g-1"]);
    expect(await queue.known(["g-1"])).toEqual(new Set());
  });

  test("a comment whose body was taken under an id that GitHub does not know is not done again", async () => {
    const queue = memoryQueue();
    await queue.add(workOf("made up", { digest: deliveryDigest("issue_comment", payload(1)) }));
    const { client } = log([logged(1)]);
    expect(await takeMissed({ client, queue, isHeard, onResent, now: () => NOW }, 0)).toMatchObject({
      fetched: 0,
      repeated: 1,
    });
    expect(await queue.counts(NOW)).toMatchObject({ waiting: 1 });
  });

  test("one delivery that GitHub does not give out keeps none of the others from being taken, and is tried again", async () => {
    const queue = memoryQueue();
    const { client } = log([logged(1), logged(2), logged(3)], (id) => {
      if (id === 3) throw Object.assign(new Error("Server Error"), { status: 500 });
      return payload(id);
    });
    const parts = { client, queue, isHeard, onResent, now: () => NOW };
    await expect(takeMissed(parts, 0)).rejects.toMatchObject({ code: "api_failed" });
    expect(await queue.known(["g-1", "g-2", "g-3"])).toEqual(new Set(["g-1", "g-2"]));
  });

  test("says when the log is longer than one look", async () => {
    const { client, asked } = log(Array.from({ length: 2 * MOST_PAGES + 1 }, (_, n) => logged(n, { event: "ping" })));
    const parts = { client, queue: memoryQueue(), isHeard, onResent, now: () => NOW };
    expect(await takeMissed(parts, 0)).toMatchObject({ seen: 2 * MOST_PAGES, complete: false });
    expect(asked).toHaveLength(MOST_PAGES);
  });

  test.each([
    ['<https://x/d?cursor=v1_9&per_page=1>; rel="next"', "v1_9"],
    ['<https://x/d?cursor=a>; rel="prev", <https://x/d?cursor=b>; rel="next"', "b"],
    ['<https://x/d>; rel="next"', undefined],
    ['<not an address>; rel="next"', undefined],
    ["", undefined],
  ])("cursor of %j", (link, cursor) => {
    expect(nextCursor(link)).toBe(cursor);
  });
});

describe("watchMissed", () => {
  test("looks at once and again, from before its last good look on, and tells what it found or what failed", async () => {
    const [sinces, lines, errors]: [number[], string[], string[]] = [[], [], []];
    const answers = [
      { seen: 9, fetched: 1, resent: 2, repeated: 0, complete: true, newest: NOW },
      undefined,
      { seen: 9, fetched: 0, resent: 0, repeated: 4, complete: false },
    ];
    const stop = new AbortController();
    let time = NOW;
    await watchMissed(
      {
        takeMissed: async (since) => {
          sinces.push(since);
          const answer = answers[sinces.length - 1];
          if (answer === undefined) throw new Error("502");
          return answer;
        },
        now: () => time,
        pause: async (ms) => {
          time += ms;
          if (sinces.length === 3) stop.abort();
        },
        doubt: createBell(),
        log: { info: (line) => lines.push(line), error: (line) => errors.push(line) },
      },
      stop.signal,
    );
    expect(sinces).toEqual([0, NOW - HOUR / 6, NOW - HOUR / 6]);
    expect(lines[0]).toContain("1 taken from GitHub's log, 2 asked for again");
    expect(lines[1]).toContain("4 deliveries of GitHub's log were taken before under other ids");
    expect(lines[2]).toContain("Only the newest 9 deliveries");
    expect(errors).toHaveLength(1);
  });

  test("goes by GitHub's clock: what came while this one was wrong is not left out", async () => {
    const stop = new AbortController();
    const sinces: number[] = [];
    const doubt = createBell();
    let time = NOW + 24 * HOUR;
    await watchMissed(
      {
        takeMissed: async (since) => {
          sinces.push(since);
          // Set right, after an hour in which the log went on.
          if (sinces.length === 3) time = NOW + HOUR;
          if (sinces.length === 4) doubt.ring();
          if (sinces.length === 5) stop.abort();
          return {
            seen: 0,
            fetched: 0,
            resent: 0,
            repeated: 0,
            complete: true,
            newest: sinces.length === 1 ? NOW : undefined,
          };
        },
        now: () => time,
        pause: async (ms, signal) => {
          await new Promise(setImmediate);
          if (!signal.aborted) time += ms;
        },
        doubt,
        log: { info: () => undefined, error: () => undefined },
      },
      stop.signal,
    );
    const [first, ...others] = sinces;
    expect(first).toBe(0);
    expect(Math.max(...others)).toBeLessThanOrEqual(NOW - 2 * 60_000);
  });

  test("a doubt at the door, also one that comes during a look, brings the next look forward to ten seconds later", async () => {
    const stop = new AbortController();
    const doubt = createBell();
    const looks: (readonly [number, number])[] = [];
    let time = NOW;
    await watchMissed(
      {
        takeMissed: async (since) => {
          looks.push([time - NOW, NOW - since]);
          // As often as somebody may send something again.
          doubt.ring();
          if (looks.length === 33) stop.abort();
          return { seen: 0, fetched: 0, resent: 0, repeated: 0, complete: true, newest: NOW };
        },
        now: () => time,
        pause: async (ms, signal) => {
          // Whoever rings has its turn first.
          await new Promise(setImmediate);
          if (!signal.aborted) time += ms;
        },
        doubt,
        log: { info: () => undefined, error: () => undefined },
      },
      stop.signal,
    );
    const [first, second, ...others] = looks;
    expect([first, second]).toEqual([
      [0, NOW],
      [10_000, 120_000],
    ]);
    // Looks at everything are not put off by them.
    expect(others.findIndex(([, back]) => back !== 120_000)).toBe(28);
    expect(others[28]).toEqual([HOUR / 12, HOUR / 6]);
  });
});
