import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "@jest/globals";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { writeTurns } from "../../src/store/sqlite-turns.ts";
import { temporaryPaths } from "./folder.ts";
import { allSpans, naiveSpans } from "./naive.ts";
import { numberedBatch, span, traceId } from "./spans.ts";

const path = temporaryPaths();

/** A clock that only pauses move, and the pauses that were made. */
function slowMotion() {
  const pauses: number[] = [];
  let now = 0;
  const pause = async (ms: number): Promise<void> => {
    pauses.push(ms);
    now += ms;
  };
  return { pauses, pace: { now: () => now, pause }, pass: (ms: number) => (now += ms) };
}

const busy = (): Error => Object.assign(new Error("database is locked"), { errcode: 5 });

/** Work that meets another writer a number of times, and then says how often it ran. */
function contended(times: number): () => number {
  let runs = 0;
  return () => {
    runs += 1;
    if (runs <= times) throw busy();
    return runs;
  };
}

describe("turns of writers", () => {
  test("without others a write has happened when the call returns, and nothing is waited for", async () => {
    const { pace, pauses } = slowMotion();
    const turns = writeTurns(pace);
    let isDone = false;
    const first = turns.take(() => (isDone = true));
    expect(isDone).toBe(true);
    await first;
    await turns.take(() => undefined);
    await turns.idle();
    expect(pauses).toEqual([]);
  });

  test("a lock is looked for again, the more often the longer it takes", async () => {
    const { pace, pauses } = slowMotion();
    expect(await writeTurns(pace).take(contended(200))).toBe(201);
    expect(pauses[0]).toBe(8);
    expect(pauses.at(-1)).toBeLessThan(2);
    expect(pauses).toEqual(pauses.toSorted((a, b) => b - a));
  });

  test("a lock that is never given up is an error after a minute; any other error is one at once", async () => {
    const { pace, pauses } = slowMotion();
    await expect(writeTurns(pace).take(contended(Infinity))).rejects.toMatchObject({ errcode: 5 });
    const waited = pauses.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThan(60_000);
    expect(waited).toBeLessThan(60_100);
    const other = slowMotion();
    const full = (): never => {
      throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    };
    await expect(writeTurns(other.pace).take(full)).rejects.toMatchObject({ errcode: 13 });
    expect(other.pauses).toEqual([]);
  });

  test("who has met another writer makes room after each write, half as long as it took, for a second", async () => {
    const { pace, pauses, pass } = slowMotion();
    const turns = writeTurns(pace);
    await turns.take(contended(1));
    expect(pauses).toEqual([8]);
    await turns.take(() => pass(100));
    expect(pauses).toEqual([8, 2]);
    await turns.take(() => undefined);
    expect(pauses).toEqual([8, 2, 50]);
    pass(1_000);
    for (let n = 0; n < 3; n += 1) await turns.take(() => undefined);
    expect(pauses).toHaveLength(3);
  });

  test("writes of one process keep their order, and one that fails stops none", async () => {
    const { pace } = slowMotion();
    const turns = writeTurns(pace);
    const order: number[] = [];
    const first = contended(3);
    const all = [
      turns.take(() => order.push(first())),
      turns.take(() => order.push(5)),
      turns.take(() => {
        throw new Error("odd");
      }),
      turns.take(() => order.push(6)),
    ];
    expect(order).toEqual([]);
    const settled = await Promise.allSettled(all);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(order).toEqual([4, 5, 6]);
  });

  test("idle is when the last write that waits is over", async () => {
    const { pace } = slowMotion();
    const turns = writeTurns(pace);
    const order: string[] = [];
    const all = [
      turns.take(contended(2)).then(() => order.push("write")),
      turns.take(contended(2)).then(() => order.push("write")),
    ];
    await turns.idle().then(() => order.push("idle"));
    await Promise.all(all);
    expect(order).toEqual(["write", "write", "idle"]);
  });
});

describe("a SQLite store while another connection holds the lock", () => {
  test("waits without holding up the event loop, writes in order, and closes after its writes", async () => {
    const file = path();
    const store = await openSqliteStore({ path: file });
    const other = new DatabaseSync(file);
    other.exec("BEGIN IMMEDIATE");
    const results: string[] = [];
    const appends = [0, 1].map((n) =>
      store.append(numberedBatch(n)).then(({ stored }) => results.push(`${n}: ${stored}`)),
    );
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(results).toEqual([]);
    expect((await store.search({}, { limit: 1 })).total).toBe(0);
    const closed = store[Symbol.asyncDispose]().then(() => results.push("closed"));
    other.exec("COMMIT");
    await Promise.all([...appends, closed]);
    expect(results).toEqual(["0: 40", "1: 40", "closed"]);
    other.close();
    await using again = await openSqliteStore({ path: file });
    expect(await allSpans(again)).toEqual(naiveSpans([...numberedBatch(0), ...numberedBatch(1)]));
    expect(await again.append([span({ traceId: traceId(77) })])).toMatchObject({ stored: 1 });
  });
});
