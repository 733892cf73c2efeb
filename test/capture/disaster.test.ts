import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { judgeCanary } from "../../src/canary/judge.ts";
import { chanceOf, isOverwhelming, looksDisastrous } from "../../src/capture/disaster.ts";
import { playSession } from "../../src/capture/play.ts";
import { callSamples } from "../../src/capture/samples.ts";
import { blockOf, splitTraffic, type SplitDeps } from "../../src/capture/split.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";
import type { Span } from "../../src/model/span.ts";
import { createRandom } from "../../src/stats/random.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { seededRandom, systemClock } from "./fixtures/commands.ts";

let now = 0;
/** A session of so many calls, of which so many fail. */
const session = (arm: Arm, name: string, { calls = 10, bad = 0 } = {}): CallSample[] =>
  Array.from({ length: calls }, (_, i) => ({
    timestamp: (now += 1),
    operation: "read",
    durationMs: 5 + (i % 3),
    error: i < bad,
    arm,
    session: name,
  }));

/** Blocks of one session of each arm. */
const even = (blocks: number, bad: Readonly<Record<Arm, readonly number[]>>): CallSample[] =>
  (["baseline", "canary"] as const).flatMap((arm) =>
    Array.from({ length: blocks }, (_, i) => session(arm, `${arm}${i}`, { bad: bad[arm][i] ?? 0 })).flat(),
  );
const HALF = blockOf(0.5);
const worst = (block: readonly Arm[], blocks: number): number => chanceOf({ block, blocks });

describe("the chance that sessions alone look like a disaster", () => {
  test("is what exact enumeration gives at its worst probability of a bad session", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0.5, 0.25, 0.2, 0.1),
        fc.integer({ min: 1, max: 4 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (weight, blocks, p) => {
          const block = blockOf(weight);
          const canaries = block.filter((arm) => arm === "canary").length;
          const exact = (p ** canaries * (1 - p) ** (block.length - canaries)) ** blocks;
          expect(exact).toBeLessThanOrEqual(worst(block, blocks) * (1 + 1e-9));
          expect((weight * (1 - weight) ** (1 / weight - 1)) ** (canaries * blocks)).toBeCloseTo(
            worst(block, blocks),
            9,
          );
        },
      ),
    );
  });

  test("allows three sessions of each arm at an even split, and one block of ten at 10 %", () => {
    expect([worst(HALF, 2) > 0.05, worst(HALF, 3) <= 0.05]).toEqual([true, true]);
    expect(worst(blockOf(0.1), 1)).toBeLessThan(0.05);
  });
});

describe("looksDisastrous", () => {
  const all = [10, 10, 10];
  test.each([
    { name: "every canary session failed and no other", blocks: 3, canary: all, baseline: [], expected: true },
    { name: "most calls of each failed", blocks: 3, canary: [5, 9, 10], baseline: [4, 0, 0], expected: true },
    { name: "one canary session was fine", blocks: 3, canary: [10, 10, 4], baseline: [], expected: false },
    { name: "one of the baseline failed too", blocks: 3, canary: all, baseline: [0, 5], expected: false },
    { name: "too few sessions", blocks: 2, canary: all, baseline: [], expected: false },
  ])("$name", ({ blocks, canary, baseline, expected }) => {
    const samples = even(blocks, { canary, baseline });
    expect(looksDisastrous(samples, { block: HALF, blocks }, 0.05)).toBe(expected);
  });

  test("a session without a call is no bad one", () => {
    const samples = even(3, { canary: all, baseline: [] }).filter((call) => call.session !== "canary2");
    expect(looksDisastrous(samples, { block: HALF, blocks: 3 }, 0.05)).toBe(false);
  });

  test("sessions that fail as a whole, in either arm alike, do so no more often than alpha says", () => {
    const random = createRandom("whole sessions");
    let found = 0;
    const canaries = 2_000;
    for (let i = 0; i < canaries; i += 1) {
      const bad = () => Array.from({ length: 3 }, () => (random.uniform() < 0.5 ? 10 : 0));
      const samples = even(3, { canary: bad(), baseline: bad() });
      if (looksDisastrous(samples, { block: HALF, blocks: 3 }, 0.05)) found += 1;
    }
    // 1/64 of them, at the worst probability there is.
    expect(found / canaries).toBeLessThan(0.05);
    expect(found).toBeGreaterThan(0);
  });

  test("the calls must show it as well", () => {
    const few = even(3, { canary: [1, 1, 1], baseline: [] }).filter(({ error, arm }) => error || arm === "baseline");
    expect(looksDisastrous(few, { block: HALF, blocks: 3 }, 0.05)).toBe(true);
    expect(isOverwhelming(judgeCanary(few, { weight: 0.5 }))).toBe(false);
    expect(isOverwhelming(judgeCanary(even(3, { canary: all, baseline: [] }), { weight: 0.5 }))).toBe(true);
  });
});

/** Answers each call; as \`bad\` with an error. */
const SERVER = `import { createInterface } from "node:readline";
const isError = process.argv[2] === "bad";
const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } }),
  "tools/list": () => ({ tools: [{ name: "read", inputSchema: { type: "object" } }] }),
  "tools/call": () => ({ content: [{ type: "text", text: "x" }], isError }),
};
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id !== undefined) process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result: answers[method](params ?? {}) }) + "\\n");
});
`;

describe("a canary on live processes", () => {
  const call = { tool: "read", arguments: {} };
  const sessions = [{ id: "a", calls: Array.from({ length: 12 }, () => call) }];

  async function split(canary: string, more: Partial<SplitDeps> = {}) {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "server.mjs"), SERVER);
    const play: SplitDeps["play"] = async (arm, one) => {
      const spans: Span[] = [];
      const command = [process.execPath, "server.mjs", arm === "canary" ? canary : "good"];
      await playSession({
        server: { command, cwd: folder.path, env: {}, graceMs: 2_000 },
        session: one,
        service: "s",
        arm,
        run: "r",
        concurrency: 4,
        clock: systemClock,
        random: seededRandom(`disaster ${arm} ${one.id}`),
        onSpans: async (batch) => spans.push(...batch),
        timeoutMs: 60_000,
      });
      return callSamples(spans);
    };
    return await splitTraffic({
      sessions,
      weight: 0.5,
      maxSessions: 8,
      minimumSessions: 100,
      alpha: 0.05,
      random: createRandom("live").uniform,
      play,
      judge: (samples) => judgeCanary(samples, { weight: 0.5 }),
      progress: () => undefined,
      ...more,
    });
  }

  test("that fails every call is rolled back after three sessions of each arm, long before the minimum", async () => {
    const { verdict, sessions: played } = await split("bad");
    expect([verdict.verdict, played]).toEqual(["rollback", { baseline: 3, canary: 3 }]);
    expect(verdict.reasons).toContain("errors_increased");
  });

  test("that works is not, and waits for its minimum", async () => {
    const { verdict, sessions: played } = await split("good");
    expect([verdict.verdict, played]).toEqual(["continue", { baseline: 4, canary: 4 }]);
  });
});
