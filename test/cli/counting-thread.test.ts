import { describe, expect, test } from "@jest/globals";
import { gateCounter } from "../../src/canary/gate-counter.ts";
import type { GateCalls, GateRules } from "../../src/canary/gate-count.ts";
import { countingThread } from "../../src/cli/run/counting-thread.ts";
import { CanarySettings } from "../../src/config/schema.ts";
import { bothArms } from "../canary/calls.ts";

const RULES: GateRules = {
  settings: CanarySettings.parse({}),
  look: { weight: null, minimumCalls: 20, startedMs: 0 },
};
const calls = bothArms([900, 60], [900, 20]).toSorted((a, b) => a.timestamp - b.timestamp);
const page = (from: number, to: number, change: Partial<GateCalls> = {}): GateCalls => ({
  before: [],
  calls: calls.slice(from, to),
  foreign: 0,
  exchanged: 0,
  ...change,
});

describe("the thread that counts calls", () => {
  test("says of each counter what is said here, and of several what belongs to each", async () => {
    await using thread = countingThread();
    const here = [gateCounter(RULES), gateCounter(RULES)];
    const there = [thread.count(RULES), thread.count(RULES)];
    for (const [one, other] of [here, there]) {
      await one?.settle(page(0, 500, { foreign: 2 }));
      await one?.tail(page(500, 900));
      await other?.settle(page(0, 100, { exchanged: 1 }));
    }
    for (const i of [0, 1]) expect(await there[i]?.look(900_000)).toEqual(await here[i]?.look(900_000));
    for (const [one] of [here, there]) await one?.tail(page(500, 1_800));
    const verdict = await there[0]?.look(900_000);
    expect(verdict).toEqual(await here[0]?.look(900_000));
    expect(verdict).toMatchObject({ foreign: 2, verdict: { calls: { control: 900, experiment: 900 } } });
  });

  test("says with the code of an error what cannot be counted, and goes on", async () => {
    await using thread = countingThread();
    const counter = thread.count(RULES);
    await counter.settle(page(100, 110));
    await expect(counter.settle(page(0, 10))).rejects.toMatchObject({ code: "defect" });
    const meaningless = thread.count({ ...RULES, look: { ...RULES.look, minimumCalls: 0 } });
    await expect(meaningless.look(1)).rejects.toMatchObject({ code: "usage" });
    expect((await counter.look(1_000_000)).verdict.verdict).toBe("continue");
  });

  test("knows nothing of what it was told to forget", async () => {
    await using thread = countingThread();
    const counter = thread.count(RULES);
    await counter.settle(page(0, 10));
    counter.end();
    await expect(counter.look(1)).rejects.toMatchObject({ code: "defect" });
  });

  test("fails what it was asked for when it ends, and a counter that is begun after has a new one", async () => {
    const thread = countingThread();
    const lost = thread.count(RULES);
    await lost.settle(page(0, 10));
    const asked = lost.look(1);
    const failed = expect(asked).rejects.toMatchObject({ code: "defect", message: expect.stringContaining("ended") });
    await thread[Symbol.asyncDispose]();
    await failed;
    await expect(lost.look(1)).rejects.toMatchObject({ code: "defect" });
    const next = thread.count(RULES);
    await next.settle(page(0, 10));
    expect((await next.look(1)).verdict.calls.control).toBe(5);
    await thread[Symbol.asyncDispose]();
  });

  test("is none where nothing is counted", async () => {
    const thread = countingThread();
    await thread[Symbol.asyncDispose]();
  });
});
