import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BATCH_ITEMS, groupCommit, type GroupCommitOptions } from "../../../src/capture/collect/group-commit.ts";
import type { Span } from "../../../src/model/span.ts";
import { plainSpan } from "../fixtures/spans.ts";

const spans = (count: number, name = "a"): Span[] => Array.from({ length: count }, () => ({ ...plainSpan, name }));

type Append = (batch: readonly Span[]) => Promise<unknown>;

/** A commit whose appends are recorded; `append` may hold one up or refuse it. */
function recorded({
  append,
  ...options
}: Partial<Omit<GroupCommitOptions<Span>, "append">> & { append?: Append } = {}) {
  const batches: (readonly Span[])[] = [];
  const counts = { stored: 0 };
  const commits = groupCommit<Span>({
    queueItems: 100_000,
    lingerMs: 60_000,
    onStored: ({ stored }) => (counts.stored += stored),
    ...options,
    append: async (batch) => {
      await append?.(batch);
      batches.push(batch);
      return { stored: batch.length, duplicates: 0 };
    },
  });
  return { ...commits, counts, sizes: () => batches.map(({ length }) => length) };
}

describe("group commit", () => {
  test("requests that come together share a transaction", async () => {
    const { submit, sizes, queued } = recorded();
    const outcomes = await Promise.all([1, 2, 3].map((count) => submit(spans(count))));
    expect(outcomes).toEqual(Array(3).fill({ kind: "stored" }));
    expect([sizes(), queued()]).toEqual([[6], 0]);
  });

  test("requests that may not share have a transaction each, and wait for nobody", async () => {
    const { submit, sizes, arriving } = recorded({ shared: false });
    arriving();
    const outcomes = await Promise.all([1, 2, 3].map((count) => submit(spans(count))));
    expect(outcomes).toEqual(Array(3).fill({ kind: "stored" }));
    expect(sizes()).toEqual([1, 2, 3]);
  });

  test("a commit waits for requests on their way, and not for those that gave up", async () => {
    const { submit, sizes, arriving } = recorded();
    const [here, there, cut] = [arriving(), arriving(), arriving()];
    const first = submit(spans(1));
    here();
    here(); // said twice, it counts once
    cut();
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(sizes()).toEqual([]);
    const second = submit(spans(2));
    there();
    await Promise.all([first, second]);
    expect(sizes()).toEqual([3]);
  });

  test("it waits no longer than it may, and not at all for a full batch", async () => {
    const late = recorded({ lingerMs: 1 });
    late.arriving();
    expect(await late.submit(spans(1))).toEqual({ kind: "stored" });
    const full = recorded();
    full.arriving();
    expect(await full.submit(spans(BATCH_ITEMS))).toEqual({ kind: "stored" });
  });

  test("a batch has at most its size, in order, whatever the sizes of the requests", async () => {
    const size = fc.oneof(fc.nat(10), fc.integer({ min: 1, max: 3 * BATCH_ITEMS }));
    await fc.assert(
      fc.asyncProperty(fc.array(size, { maxLength: 8 }), async (requests) => {
        const seen: string[] = [];
        const { submit, sizes, counts, queued } = recorded({
          append: async (batch) => void seen.push(...batch.map(({ name }) => name)),
        });
        await Promise.all(requests.map((count, at) => submit(spans(count, String(at)))));
        expect(seen).toEqual(requests.flatMap((count, at) => Array<string>(count).fill(String(at))));
        expect(sizes().every((length) => length > 0 && length <= BATCH_ITEMS)).toBe(true);
        expect([counts.stored, queued()]).toEqual([seen.length, 0]);
      }),
      { numRuns: 50 },
    );
  });

  test("nothing is answered before its append resolved", async () => {
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const order: string[] = [];
    const { submit, drained, queued } = recorded({
      append: async () => {
        entered.resolve();
        await gate.promise;
        order.push("durable");
      },
    });
    const answered = submit(spans(1)).then(() => order.push("answered"));
    await entered.promise;
    expect(queued()).toBe(1);
    gate.resolve();
    await Promise.all([answered, drained()]);
    expect(order).toEqual(["durable", "answered"]);
  });

  test("a full queue refuses, except the first in it, and takes again when it has drained", async () => {
    const gate = Promise.withResolvers<void>();
    const { submit, queued } = recorded({ queueItems: 10, append: () => gate.promise });
    const large = submit(spans(50));
    expect(await submit(spans(1))).toEqual({ kind: "full" });
    expect(queued()).toBe(50);
    gate.resolve();
    expect(await large).toEqual({ kind: "stored" });
    const [fits, over] = [submit(spans(10)), submit(spans(1))];
    expect([await fits, await over]).toEqual([{ kind: "stored" }, { kind: "full" }]);
    expect(await submit([])).toEqual({ kind: "stored" });
  });

  test("a request that the store refuses costs no other one", async () => {
    const error = new Error("refused");
    const { submit, counts } = recorded({
      append: async (batch) => {
        if (batch.some(({ name }) => name === "bad")) throw error;
      },
    });
    const outcomes = await Promise.all(["a", "bad", "b", "c"].map((name) => submit(spans(2, name))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["stored", "failed", "stored", "stored"]);
    expect(outcomes[1]).toEqual({ kind: "failed", error, lost: 2 });
    expect(counts.stored).toBe(6);
  });

  test("a store that fails is not asked once for every request, and is asked again by the next", async () => {
    let attempts = 0;
    let isBroken = true;
    const { submit } = recorded({
      append: async () => {
        attempts += 1;
        if (isBroken) throw new Error("disk full");
      },
    });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => submit(spans(1))));
    expect(outcomes.every(({ kind }) => kind === "failed")).toBe(true);
    expect(attempts).toBe(3); // together, and two alone
    isBroken = false;
    expect(await submit(spans(1))).toEqual({ kind: "stored" });
  });

  test("of a request larger than a batch, what was lost is told", async () => {
    let batches = 0;
    const { submit, counts } = recorded({
      append: async () => {
        batches += 1;
        if (batches === 2) throw new Error("disk full");
      },
    });
    const outcome = await submit(spans(2 * BATCH_ITEMS + 5));
    expect(outcome).toMatchObject({ kind: "failed", lost: BATCH_ITEMS });
    expect(counts.stored).toBe(BATCH_ITEMS + 5);
  });
});
