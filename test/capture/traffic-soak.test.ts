import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { growthOf } from "../../bench/soak/growth.ts";
import { trafficClient } from "../../bench/soak/traffic-client.ts";
import { soakTraffic } from "../../bench/soak/traffic-run.ts";

const MB = 1_000_000;

describe("growthOf", () => {
  const every = (bytes: (second: number) => number) =>
    Array.from({ length: 60 }, (_, second) => ({ atMs: second * 1_000, bytes: bytes(second) }));

  test("a heap that rises first and then goes up and down is flat", () => {
    const growth = growthOf(every((second) => (second < 15 ? second * 10 * MB : (150 + (second % 7) * 5) * MB)));
    expect(growth).toMatchObject({ isFlat: true, peak: 180 * MB });
    expect(growth.median).toBeGreaterThanOrEqual(150 * MB);
  });

  test("a leak grows, whatever peaks stand in it", () => {
    const growth = growthOf(every((second) => (100 + second + (second === 30 ? 500 : 0)) * MB));
    expect(growth.isFlat).toBe(false);
    expect(growth.added / MB).toBeCloseTo(39, 0);
  });

  test("memory that shrinks, few samples and none are flat", () => {
    for (const samples of [every((second) => (200 - second) * MB), every(() => MB).slice(0, 1), []]) {
      expect(growthOf(samples).isFlat).toBe(true);
    }
  });

  test("the trend is that of the line, wherever it starts", () => {
    fc.assert(
      fc.property(fc.integer({ min: -2, max: 10 }), fc.integer({ min: 200, max: 900 }), (slope, from) => {
        const { added } = growthOf(every((second) => (from + slope * second) * MB));
        expect(added / MB).toBeCloseTo(slope * 39, 3);
      }),
    );
  });
});

describe("trafficClient", () => {
  test("counts an answer once, and those to nothing that was asked", async () => {
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    const client = trafficClient({ stdin, stdout });
    client.send(5);
    const asked = String(stdin.read()).trimEnd().split("\n");
    expect([asked.length, client.waiting()]).toEqual([5, 5]);
    stdout.write(`{"id":1}\n{"id":1}\n{"id":99}\n{"i`);
    stdout.end(`d":5}\n`);
    await new Promise((resolve) => stdout.once("end", resolve));
    expect(client.waiting()).toBe(3);
    expect(client.strays()).toBe(2);
    expect(client.answered).toEqual({ "tools/call read": 1, "tools/call search": 1 });
  });
});

describe("soakTraffic", () => {
  test("every call through two proxies and the receiver has its spans in the store and the rollups", async () => {
    const folder = await mkdtemp(join(tmpdir(), "whetstone-soak-test-"));
    const progress: number[] = [];
    const result = await soakTraffic({
      folder,
      seconds: 1,
      rate: 400,
      proxies: 2,
      onProgress: (_seconds, answered) => progress.push(answered),
    });
    await rm(folder, { recursive: true });
    expect(result.differences).toEqual([]);
    expect(result.complaints).toEqual([]);
    expect(result.calls).toBeGreaterThan(2);
    expect(result.rolledUp).toBe(result.calls * 2);
    expect(progress.length).toBeGreaterThan(0);
    expect(Object.keys(result.memory)).toEqual(["receiver", "proxy-1", "proxy-2"]);
  }, 180_000);
});
