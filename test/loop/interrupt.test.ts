import { describe, expect, test } from "@jest/globals";
import { interruptible } from "../../src/loop/interrupt.ts";

const listeners = () => process.listenerCount("SIGINT") + process.listenerCount("SIGTERM");
/** Resolves or rejects when the signal aborts. */
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

describe("interruptible", () => {
  test("gives the work's result, and listens to no signal afterwards", async () => {
    const before = listeners();
    const result = await interruptible(async (signal) => {
      expect(listeners()).toBe(before + 2);
      return signal.aborted;
    });
    expect([result, listeners()]).toEqual([false, before]);
  });

  test("passes the work's own error on", async () => {
    const before = listeners();
    await expect(interruptible(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(listeners()).toBe(before);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s aborts the work; what it fails with then is an interruption",
    async (name) => {
      let released = false;
      const cause = new Error("a call was cut off");
      const work = interruptible(async (signal) => {
        try {
          await aborted(signal);
          throw cause;
        } finally {
          released = true;
        }
      });
      process.emit(name);
      await expect(work).rejects.toMatchObject({ code: "interrupted", exitCode: 1, cause });
      expect([released, listeners()]).toEqual([true, 0]);
    },
  );

  test("work that finishes in spite of the signal is finished", async () => {
    const work = interruptible(async (signal) => {
      await aborted(signal);
      return "done";
    });
    process.emit("SIGTERM");
    expect(await work).toBe("done");
  });
});
