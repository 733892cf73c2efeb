import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { spanQueue } from "../../src/capture/span-queue.ts";
import type { Span } from "../../src/model/span.ts";
import { plainSpan } from "./fixtures/spans.ts";

const spans = (count: number): Span[] => Array.from({ length: count }, () => plainSpan);

describe("spanQueue", () => {
  test("close writes what is queued, in batches", async () => {
    const sizes: number[] = [];
    const queue = spanQueue({ write: async (batch) => sizes.push(batch.length) });
    queue.push(spans(1_500));
    queue.push(spans(1_000));
    expect(await queue.close()).toEqual({ written: 2_500, dropped: 0, failed: 0 });
    expect(sizes).toEqual([1_000, 1_000, 500]);
  });

  test("batches are as large as asked for, and the summary counts while it runs", async () => {
    const sizes: number[] = [];
    const queue = spanQueue({ write: async (batch) => sizes.push(batch.length), batch: 2 });
    queue.push(spans(5));
    expect(queue.summary()).toEqual({ written: 0, dropped: 0, failed: 0 });
    await queue.close();
    expect([sizes, queue.summary()]).toEqual([[2, 2, 1], { written: 5, dropped: 0, failed: 0 }]);
  });

  test("a backlog is written in large batches, until it is none", async () => {
    const sizes: number[] = [];
    for (const batch of [1_500, 2_500]) {
      const queue = spanQueue({ write: async (written) => sizes.push(written.length), batch });
      queue.push(spans(8_000));
      await queue.close();
    }
    expect(sizes).toEqual([2_000, 2_000, 1_500, 1_500, 1_000, 2_500, 2_500, 2_500, 500]);
  });

  test("spans above the limit are dropped and counted, and every span is accounted for", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 30 })), fc.nat({ max: 50 }), async (pushes, limit) => {
        const queue = spanQueue({ write: () => Promise.resolve(), limit });
        for (const count of pushes) queue.push(spans(count));
        const total = pushes.reduce((sum, count) => sum + count, 0);
        const written = Math.min(limit, total);
        expect(await queue.close()).toEqual({ written, dropped: total - written, failed: 0 });
      }),
    );
  });

  test("a failed write loses its batch only; the first error is told", async () => {
    let turn = 0;
    const queue = spanQueue({
      write: async () => {
        turn += 1;
        if (turn <= 2) throw new Error(`disk full ${turn}`);
      },
    });
    queue.push(spans(2_100));
    expect(await queue.close()).toMatchObject({ written: 100, failed: 2_000, error: { message: "disk full 1" } });
  });

  /** A write that takes a turn of the event loop, and the most that were under way at once. */
  function overlapping() {
    const seen = { active: 0, most: 0 };
    const write = async () => {
      seen.most = Math.max(seen.most, (seen.active += 1));
      await new Promise((resolve) => setImmediate(resolve));
      seen.active -= 1;
    };
    return { seen, write };
  }

  test("writes never overlap", async () => {
    const { seen, write } = overlapping();
    const queue = spanQueue({ write, lingerMs: 0 });
    for (let turn = 0; turn < 20; turn += 1) {
      queue.push(spans(1_001));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await queue.close()).written).toBe(20 * 1_001);
    expect(seen.most).toBe(1);
  });

  test("as many writes are under way as may be, and each span is in one of them", async () => {
    const { seen, write } = overlapping();
    const queue = spanQueue({ write, inFlight: 3 });
    queue.push(spans(5_000));
    expect(await queue.close()).toEqual({ written: 5_000, dropped: 0, failed: 0 });
    expect(seen.most).toBe(3);
  });
});
