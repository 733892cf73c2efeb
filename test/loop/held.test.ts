import { describe, expect, test } from "@jest/globals";
import { LearningSettings } from "../../src/config/learning.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { assertBacked } from "../../src/loop/backed.ts";
import { confirmHeld, describeHeld } from "../../src/loop/held.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import { formatInstant, manualClock } from "../../src/model/time.ts";
import { appendOutcome, readOutcomes } from "../../src/protect/outcomes.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Workspace } from "../../src/wire.ts";
import { endOf } from "../cli/learned-project.ts";
import { outcome } from "../learn/outcomes.ts";
import { effect } from "../propose/parts.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { ACTOR } from "./real-run.ts";

const DAY_MS = 86_400_000;
const start = manualClock().now();

/** A change promoted now, and 50 calls of its tool on days before and after it, of so many ms. */
async function promoted(
  { before, after }: { readonly before: number; readonly after: number },
  status: "promoted" | "merged" = "promoted",
) {
  const state = openMemoryState();
  const clock = manualClock();
  const config = { learning: LearningSettings.parse({}) };
  const workspace = { state, clock, targetName: "notes", config } as unknown as Workspace;
  const ended = outcome({ id: "o-1", at: formatInstant(start), status, effects: [effect] });
  await appendOutcome(state, { outcome: ended, entries: [endOf("r-1", status, ended.reasons[0])] }, clock);
  const calls = [
    ...Array.from({ length: 50 }, (_, i) => ({ n: i, day: -1n, ms: before })),
    ...Array.from({ length: 50 }, (_, i) => ({ n: i + 50, day: 10n, ms: after })),
  ];
  const store = memoryStore();
  await store.append(
    calls.map(({ n, day, ms }) =>
      span({
        traceId: traceId(n),
        spanId: spanId(n),
        name: "tools/call search",
        startNs: start + day * 86_400_000_000_000n + BigInt(n) * 1_000_000n,
        durationNs: ms * 1e6,
      }),
    ),
  );
  let opened = 0;
  const check = () =>
    confirmHeld({ actor: ACTOR, workspace }, async () => {
      opened += 1;
      return store;
    });
  const outcomes = async (): Promise<Outcome[]> => await readOutcomes(await state.view(), "notes");
  return { check, clock, state, outcomes, opened: () => opened };
}

describe("confirmHeld", () => {
  test("a change whose effect is in the traffic is recorded as held, once its time is over, once, in the ledger too", async () => {
    const { check, clock, state, outcomes, opened } = await promoted({ before: 40, after: 22 });
    clock.advance(14 * DAY_MS - 1);
    expect(await check()).toEqual([]);
    expect(opened()).toBe(0);
    clock.advance(1);
    const [found] = await check();
    expect(found).toMatchObject({ verdict: "held" });
    const [, held] = await outcomes();
    expect(held).toMatchObject({
      status: "held",
      reasons: ["effect_held"],
      observed: [{ operation: "search" }],
      at: formatInstant(clock.now()),
    });
    await assertBacked(await state.view(), await outcomes());
    expect(await check()).toEqual([]);
    expect(await outcomes()).toHaveLength(2);
  });

  test("one whose effect is gone is recorded as faded, once, and is told as long as it is", async () => {
    const { check, clock, state, outcomes } = await promoted({ before: 40, after: 39 });
    clock.advance(15 * DAY_MS);
    const [found] = await check();
    expect(found && describeHeld(found)).toMatch(
      /has NOT held: .* p50_ms of search: -\d % \(.*\) in traffic \(50 and 50 calls\)/,
    );
    const [, faded] = await outcomes();
    expect(faded).toMatchObject({
      status: "faded",
      reasons: ["effect_faded"],
      observed: [{ metric: "p50_ms", samples: 50 }],
    });
    await assertBacked(await state.view(), await outcomes());
    const [again] = await check();
    expect(again && describeHeld(again)).toContain("promoted 2023-11-14, has NOT held");
    expect((await outcomes()).map(({ status }) => status)).toEqual(["promoted", "faded"]);
  });

  test("no traffic is no proof", async () => {
    const { check, clock, outcomes } = await promoted({ before: 40, after: 20 });
    clock.advance(60 * DAY_MS);
    const [found] = await check();
    expect(found?.verdict).toBe("unknown");
    expect(await outcomes()).toHaveLength(1);
  });

  test("a change that was merged and never canaried is neither, and it is said", async () => {
    const { check, clock, state, outcomes, opened } = await promoted({ before: 40, after: 20 }, "merged");
    expect(await check()).toEqual([]);
    clock.advance(15 * DAY_MS);
    const [found] = await check();
    expect(found && describeHeld(found)).toContain("was never canaried");
    expect([opened(), (await outcomes()).length]).toEqual([0, 1]);
    await assertBacked(await state.view(), await outcomes());
  });
});
