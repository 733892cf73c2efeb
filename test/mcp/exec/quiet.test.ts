import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { quietPeriod, type After } from "../../../src/mcp/exec/quiet.ts";

/** Timers that a test moves by hand. */
function handTimers(): {
  readonly after: After;
  readonly advance: (ms: number) => Promise<void>;
  readonly open: () => number;
} {
  let now = 0;
  let timers: { at: number; callBack: () => void }[] = [];
  const after: After = (ms, callBack) => {
    const timer = { at: now + ms, callBack };
    timers.push(timer);
    return () => {
      timers = timers.filter((each) => each !== timer);
    };
  };
  const advance = async (ms: number): Promise<void> => {
    const end = now + ms;
    for (;;) {
      const next = timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      timers = timers.filter((each) => each !== next);
      now = next.at;
      next.callBack();
      await Promise.resolve();
    }
    now = end;
    await Promise.resolve();
  };
  return { after, advance, open: () => timers.length };
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  await nextTurn();
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

describe("a quiet period", () => {
  test("ends when nothing arrived for so long", async () => {
    const timers = handTimers();
    const wait = quietPeriod(500, timers.after).wait(() => false);
    await timers.advance(499);
    expect(await isSettled(wait)).toBe(false);
    await timers.advance(1);
    expect(await isSettled(wait)).toBe(true);
  });

  test("begins again with everything that arrives", async () => {
    const timers = handTimers();
    const quiet = quietPeriod(500, timers.after);
    const wait = quiet.wait(() => false);
    for (let n = 0; n < 5; n += 1) {
      await timers.advance(400);
      quiet.touch();
    }
    await timers.advance(499);
    expect(await isSettled(wait)).toBe(false);
    await timers.advance(1);
    expect(await isSettled(wait)).toBe(true);
  });

  test("ends at once when nothing can arrive any more", async () => {
    const timers = handTimers();
    expect(await isSettled(quietPeriod(500, timers.after).wait(() => true))).toBe(true);
  });

  test("ends soon after nothing can arrive any more", async () => {
    const timers = handTimers();
    let isOver = false;
    const wait = quietPeriod(10_000, timers.after).wait(() => isOver);
    await timers.advance(100);
    expect(await isSettled(wait)).toBe(false);
    isOver = true;
    await timers.advance(25);
    expect(await isSettled(wait)).toBe(true);
  });

  test("leaves no timer behind", async () => {
    const timers = handTimers();
    const quiet = quietPeriod(500, timers.after);
    const wait = quiet.wait(() => false);
    await timers.advance(600);
    await wait;
    expect(timers.open()).toBe(0);
    quiet.touch();
    expect(timers.open()).toBe(0);
  });

  test("takes what arrives before anybody waits", () => {
    expect(() => quietPeriod(500, handTimers().after).touch()).not.toThrow();
  });
});
