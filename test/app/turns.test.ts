import { expect, test } from "@jest/globals";
import { createTurns } from "../../src/app/turns.ts";

test("work of one key runs one after the other, in order; of different keys at once; a failure stops no other", async () => {
  const inTurn = createTurns();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = inTurn("a", async () => {
    log.push("a1 begins");
    await gate.promise;
    log.push("a1 fails");
    throw new Error("a1");
  });
  const second = inTurn("a", async () => {
    log.push("a2");
    return 2;
  });
  expect(await inTurn("b", async () => (log.push("b"), "b"))).toBe("b");
  expect(log).toEqual(["a1 begins", "b"]);
  gate.resolve();
  await expect(first).rejects.toThrow("a1");
  expect(await second).toBe(2);
  expect(log).toEqual(["a1 begins", "b", "a1 fails", "a2"]);
  expect(await inTurn("a", async () => "later")).toBe("later");
});
