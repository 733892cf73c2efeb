import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { memoryQueue } from "../../../src/app/work/memory.ts";
import type { Ending, WorkQueue } from "../../../src/app/work/port.ts";
import { openSqliteQueue } from "../../../src/app/work/sqlite.ts";
import fc from "../../support/fast-check.ts";
import { LEASE, NOW, workOf } from "./works.ts";

/** What may happen to a queue; `n` picks among the ids, keys and claims that there are. */
type Step =
  | { readonly kind: "add" | "extend" | "revive" | "drop" | "claim"; readonly n: number }
  | { readonly kind: "end"; readonly n: number; readonly how: Ending["kind"]; readonly in: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "forget" };

const small = fc.integer({ min: 0, max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("add" as const), n: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("claim" as const), n: small }) },
  fc.record({ kind: fc.constantFrom("extend" as const, "revive" as const, "drop" as const), n: small }),
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      n: small,
      how: fc.constantFrom("done" as const, "again" as const, "failed" as const, "dead" as const),
      in: fc.integer({ min: -10, max: 3 * LEASE }),
    }),
  },
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: -LEASE, max: 2 * LEASE }) }),
  fc.constant({ kind: "forget" as const }),
);

const KEYS = fc.constantFrom<(n: number) => string>(
  (n) => `o/r${n % 2}#${n % 4}`,
  // Enough of one repository that it has all that it may have under way.
  (n) => `o/r${n % 7 === 0 ? 1 : 0}${"#@!:"[n % 4]}${n}`,
);

function endingOf(how: Ending["kind"], at: number): Ending {
  if (how === "done") return { kind: how };
  if (how === "again") return { kind: how, at, payload: `"at ${at}"` };
  return how === "failed" ? { kind: how, retryAt: at, error: "f" } : { kind: how, error: "d" };
}

/** What a queue answers to the steps, without the names of its claims. */
async function answers(
  queue: WorkQueue,
  steps: readonly Step[],
  keyOf: (n: number) => string,
): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  const claims: string[] = [];
  let now = NOW;
  for (const one of steps) {
    if (one.kind === "wait") now += one.ms;
    else if (one.kind === "forget") told.push(await queue.forget(now));
    else told.push(await act(one, { queue, claims, now, keyOf }));
    told.push(
      await queue.counts(now),
      await queue.nextDue(now, LEASE),
      (await queue.deadLetters(9)).map(({ id }) => id),
    );
  }
  return told;
}

type Acting = {
  readonly queue: WorkQueue;
  readonly claims: string[];
  readonly now: number;
  readonly keyOf: (n: number) => string;
};

async function act(
  one: Exclude<Step, { kind: "wait" | "forget" }>,
  { queue, claims, now, keyOf }: Acting,
): Promise<unknown> {
  const claim = claims.at(-1 - one.n) ?? "none";
  switch (one.kind) {
    case "add":
      return await queue.add(
        workOf(`w${one.n}`, {
          key: keyOf(one.n),
          notBefore: one.n % 3 === 0 ? NOW + LEASE : 0,
          ...(one.n % 2 === 0 && { digest: `d${one.n % 8}` }),
        }),
        { mayRepeat: one.n % 5 === 0 },
      );
    case "claim": {
      const work = await queue.claim(now, LEASE);
      if (work) claims.push(work.claim);
      return work && [work.id, work.key, work.attempt, work.payload];
    }
    case "extend":
      return await queue.extend(claim, now + LEASE);
    case "revive":
      return await queue.revive(`w${one.n}`, now);
    case "drop":
      return await queue.drop(`o/r${one.n % 2}`, now);
    case "end":
      return await queue.end(claim, endingOf(one.how, now + one.in), now);
  }
}

test("SQLite answers every sequence of steps as the queue in memory does", async () => {
  const folder = await mkdtemp(join(tmpdir(), "whetstone-queue-"));
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), KEYS, async (steps, keyOf) => {
      await using queue = await openSqliteQueue({ path: join(folder, `${(count += 1)}.db`) });
      expect(await answers(queue, steps, keyOf)).toEqual(await answers(memoryQueue(), steps, keyOf));
    }),
    { numRuns: 60 },
  );
  await rm(folder, { recursive: true });
});
