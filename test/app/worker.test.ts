import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import type { Handled } from "../../src/app/handler.ts";
import { drainQueue, startWorker } from "../../src/app/worker.ts";
import { memoryQueue } from "../../src/app/work/memory.ts";
import type { ClaimedWork, WorkQueue } from "../../src/app/work/port.ts";
import { clocked } from "./clocked.ts";
import { LEASE, NOW, workOf } from "./work/works.ts";

const done: Handled = { kind: "done" };

/** A queue with these works. */
async function queueOf(...ids: readonly string[]): Promise<WorkQueue> {
  const queue = memoryQueue();
  for (const id of ids) await queue.add(workOf(id));
  return queue;
}

describe("startWorker", () => {
  test("works off what is there, and what is added when it is woken, and ends when it is stopped", async () => {
    const queue = await queueOf("a", "b");
    const seen: string[] = [];
    const rounds = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { parts } = clocked(queue, async ({ id }) => {
      seen.push(id);
      if (seen.length === 2) rounds[0]?.resolve();
      if (seen.length === 3) rounds[1]?.resolve();
      return done;
    });
    const worker = startWorker(parts);
    await rounds[0]?.promise;
    await queue.add(workOf("c"));
    worker.wake();
    await rounds[1]?.promise;
    await worker.stop();
    expect(seen).toEqual(["a", "b", "c"]);
    expect(await queue.counts(NOW)).toEqual({ waiting: 0, running: 0, dead: 0 });
    await queue.add(workOf("d"));
    worker.wake();
    expect(seen).toHaveLength(3);
  });

  test("does no more at the same time than it may, and a stop waits for what was begun", async () => {
    const queue = await queueOf("a", "b", "c");
    const begun: string[] = [];
    const two = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const { parts } = clocked(queue, async ({ id }) => {
      begun.push(id);
      if (begun.length === 2) two.resolve();
      await go.promise;
      return done;
    });
    const worker = startWorker(parts);
    await two.promise;
    expect(worker.running()).toBe(2);
    let stopped = false;
    const stop = worker.stop().then(() => (stopped = true));
    await new Promise(setImmediate);
    expect(stopped).toBe(false);
    go.resolve();
    await stop;
    expect(begun).toEqual(["a", "b"]);
    expect(await queue.counts(NOW)).toMatchObject({ waiting: 1, running: 0 });
  });

  test("a queue that cannot be reached is told of and tried again", async () => {
    const queue = await queueOf("a");
    let broken = true;
    const flaky: WorkQueue = {
      ...queue,
      claim: async (now, lease) => {
        if (broken) throw new Error("down");
        return queue.claim(now, lease);
      },
    };
    const handled = Promise.withResolvers<void>();
    const { parts, errors } = clocked(flaky, async () => {
      handled.resolve();
      return done;
    });
    const pause: typeof parts.pause = async (ms, signal) => {
      broken = false;
      await parts.pause(ms, signal);
    };
    const worker = startWorker({ ...parts, pause });
    await handled.promise;
    await worker.stop();
    expect(errors).toEqual(["The queue cannot be reached; it is tried again."]);
  });
});

describe("attempts", () => {
  test("what fails is tried again with growing pauses, then is a dead letter with its error", async () => {
    const queue = await queueOf("a");
    const { parts, attempts, errors, pass } = clocked(queue, () => Promise.reject(new Error("503")));
    await drainQueue(parts, Infinity);
    expect(await queue.nextDue(NOW, LEASE)).toBe(NOW + 750);
    pass(750);
    await drainQueue(parts, Infinity);
    expect(await queue.nextDue(NOW, LEASE)).toBe(NOW + 750 + 1_500);
    pass(1_500);
    expect(await drainQueue(parts, Infinity)).toBe(1);
    expect(await queue.deadLetters(9)).toMatchObject([{ id: "a", attempts: 3, error: "503" }]);
    expect(attempts.map(({ result }) => result)).toEqual(["failed", "failed", "dead"]);
    expect(errors.at(-1)).toBe("issue_comment a: attempt 3 of 3 failed; it is given up.");
  });

  test("a payload of another form is given up at once: no attempt would read it", async () => {
    const queue = await queueOf("a");
    const { parts } = clocked(queue, async () => z.object({ id: z.number() }).parse({ id: "x" }) && done);
    await drainQueue(parts, Infinity);
    expect(await queue.deadLetters(9)).toMatchObject([{ id: "a", attempts: 1 }]);
  });

  test("work that ends its process at every attempt is given up too", async () => {
    const queue = await queueOf("a");
    const { parts, pass } = clocked(queue, () => Promise.reject(new Error("not reached")));
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await queue.claim(parts.now(), LEASE)).toMatchObject({ attempt });
      pass(LEASE);
    }
    await drainQueue(parts, Infinity);
    expect(await queue.deadLetters(9)).toMatchObject([{ error: expect.stringContaining("in each of 3 attempts") }]);
  });

  test("`again` comes back at its time with its payload", async () => {
    const queue = await queueOf("a");
    const payloads: string[] = [];
    const { parts, pass } = clocked(queue, async ({ payload }: ClaimedWork) => {
      payloads.push(payload);
      return payloads.length === 1 ? { kind: "again", at: NOW + 500, payload: { n: 1 } } : done;
    });
    expect(await drainQueue(parts, Infinity)).toBe(1);
    pass(500);
    expect(await drainQueue(parts, Infinity)).toBe(1);
    expect(payloads).toEqual(['{"id":"a"}', '{"n":1}']);
  });

  test("instants are kept as whole milliseconds; what is none is a failure", async () => {
    const queue = await queueOf("a", "b");
    const { parts } = clocked(queue, async ({ id }) => ({ kind: "again", at: id === "a" ? NOW + 0.25 : NaN }));
    await drainQueue(parts, NOW + 1);
    expect(await queue.nextDue(NOW, LEASE)).toBe(NOW + 1);
    expect(await queue.counts(NOW)).toMatchObject({ waiting: 2, running: 0 });
  });

  test("long work keeps its hold; work whose hold was lost ends without effect on the queue", async () => {
    const queue = await queueOf("a");
    const { parts, attempts, now } = clocked(queue, async () => {
      // Three leases go by.
      while (now() < NOW + 3 * LEASE) await new Promise(setImmediate);
      expect(await queue.claim(now(), LEASE)).toBeUndefined();
      return done;
    });
    await drainQueue(parts, Infinity);
    expect(attempts).toMatchObject([{ result: "done" }]);
    expect(attempts[0]?.ms).toBeGreaterThanOrEqual(3 * LEASE);

    const other = await queueOf("b");
    const slow = clocked(other, async () => {
      slow.pass(2 * LEASE);
      expect(await other.claim(slow.now(), LEASE)).toMatchObject({ id: "b", attempt: 2 });
      return done;
    });
    await drainQueue(slow.parts, slow.now() + 1);
    expect(slow.attempts).toMatchObject([{ result: "lost" }]);
    expect(await other.counts(slow.now())).toMatchObject({ running: 1 });
  });

  test("work whose hold ran out while its process lives is taken up by the same process, and not done twice", async () => {
    const queue = await queueOf("a");
    const claims = Promise.withResolvers<void>();
    let [taken, begun] = [0, 0];
    const counted: WorkQueue = {
      ...queue,
      claim: async (now, lease) => {
        const work = await queue.claim(now, lease);
        if (work !== undefined) taken += 1;
        // The one before has been handed to the worker by then.
        if (taken === 2 && work === undefined) claims.resolve();
        return work;
      },
    };
    const { parts, attempts, pass, now } = clocked(counted, async () => {
      begun += 1;
      // The clock jumps: no sign of life could be given.
      pass(10 * LEASE);
      worker.wake();
      await claims.promise;
      return done;
    });
    const ended = Promise.withResolvers<void>();
    const worker = startWorker({ ...parts, onAttempt: (one) => (parts.onAttempt(one), ended.resolve()) });
    await ended.promise;
    await worker.stop();
    expect({ begun, taken }).toEqual({ begun: 1, taken: 2 });
    expect(attempts).toMatchObject([{ result: "done" }]);
    expect(await queue.counts(now())).toEqual({ waiting: 0, running: 0, dead: 0 });
  });

  test("a queue that does not hear of the end is told of; the work is done again", async () => {
    const queue = await queueOf("a");
    const deaf: WorkQueue = { ...queue, end: () => Promise.reject(new Error("disk full")) };
    const { parts, attempts, errors } = clocked(deaf, async () => done);
    await drainQueue(parts, NOW + 1);
    expect(attempts).toMatchObject([{ result: "lost" }]);
    expect(errors[0]).toContain("it will be handled again");
    expect(await queue.claim(NOW + LEASE, LEASE)).toMatchObject({ id: "a", attempt: 2 });
  });
});

describe("drainQueue", () => {
  test("begins nothing after its deadline", async () => {
    const queue = await queueOf("a", "b", "c");
    const { parts, pass } = clocked(queue, async () => {
      pass(400);
      return done;
    });
    expect(await drainQueue(parts, NOW + 500)).toBe(2);
    expect(await queue.counts(NOW)).toMatchObject({ waiting: 1 });
  });
});
