import { describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { gateCounter } from "../../src/canary/gate-counter.ts";
import type { GateRules } from "../../src/canary/gate-count.ts";
import { judgeWindow } from "../../src/canary/window.ts";
import { gatePages } from "../../src/capture/gate-calls.ts";
import { gateLooks, type GateQuestion, type GateSource } from "../../src/capture/gate-looks.ts";
import { CanarySettings } from "../../src/config/schema.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";
import { ATTR, type Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { SpanStore } from "../../src/store/port.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import fc from "../support/fast-check.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { relayedCall } from "./relayed.ts";

const START_MS = 1_700_000_000_000;
const MINUTE = 60_000;
const SHA = "abcdef0123456789abcdef0123456789abcdef01";

/** A call that began so many ms after the gate, and reached the store `lateMs` after its end. */
type Made = {
  readonly atMs: number;
  readonly lateMs: number;
  readonly arm: Arm;
  readonly error: boolean;
  readonly tool: string;
  readonly session: number;
  readonly durationMs: number;
  readonly version: string | undefined;
};

function spanOf(made: Made, number: number): Span {
  const { attributes, resource } = relayedCall(number);
  return relayedCall(number, {
    service: "notes",
    startNs: BigInt(Math.round((START_MS + made.atMs) * 1_000)) * 1_000n,
    durationNs: Math.round(made.durationMs * 1e6),
    status: made.error ? "error" : "ok",
    attributes: { ...attributes, [ATTR.toolName]: made.tool, [ATTR.mcpSession]: `s-${made.session}` },
    resource: {
      ...resource,
      [ATTR.arm]: made.arm,
      ...(made.version !== undefined && { [ATTR.serviceVersion]: made.version }),
    },
  });
}

const Call: fc.Arbitrary<Made> = fc.record({
  // Some from before the gate, for the limits, and many in its first half hour.
  atMs: fc.oneof(
    { weight: 1, arbitrary: fc.integer({ min: -70 * MINUTE, max: 0 }) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 30 * MINUTE }) },
  ),
  lateMs: fc.oneof(
    { weight: 12, arbitrary: fc.nat(5_000) },
    { weight: 1, arbitrary: fc.integer({ min: MINUTE, max: 25 * MINUTE }) },
  ),
  arm: fc.constantFrom<Arm>("baseline", "canary"),
  error: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  tool: fc.constantFrom("search", "read"),
  session: fc.nat(40),
  durationMs: fc.double({ min: 0.1, max: 300, noNaN: true }),
  version: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(undefined, "1.2.3", SHA) },
    { weight: 1, arbitrary: fc.constant("f".repeat(40)) },
  ),
});
/** Baselines that name the canary's commit show exchanged arms, and errors of the canary alone do harm: where it is said. */
const withArms = (calls: readonly Made[], { exchanged, harm }: { exchanged: boolean; harm: boolean }) =>
  calls.map((call) => ({
    ...call,
    error: harm ? call.arm === "canary" : call.error,
    version: call.arm === "baseline" && call.version === SHA && !exchanged ? undefined : call.version,
  }));
const History = fc
  .tuple(
    fc.array(Call, { minLength: 20, maxLength: 120 }),
    fc.record({
      exchanged: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      harm: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    }),
    fc.array(fc.record({ afterMs: fc.nat(8 * MINUTE), restart: fc.nat(6).map((n) => n === 0) }), {
      minLength: 1,
      maxLength: 9,
    }),
    fc.record({
      unit: fc.constantFrom<"call" | "session">("call", "call", "session"),
      weight: fc.constantFrom(null, 0.5),
    }),
  )
  .map(([calls, arms, looks, rules]) => ({ calls: withArms(calls, arms), looks, rules }));
type History = typeof History extends fc.Arbitrary<infer T> ? T : never;

const questionOf = (nowMs: number, { unit, weight }: { unit: "call" | "session"; weight: number | null }) => ({
  id: "gate-1",
  window: { target: "notes", sha: SHA, startedMs: START_MS, beforeMs: 60 * MINUTE, nowMs },
  rules: {
    settings: CanarySettings.parse({ unit, slowMs: 1 }),
    look: { weight, minimumCalls: 3, startedMs: START_MS },
  } satisfies GateRules,
});

/** What the judge says of all calls that the store holds at this moment. */
async function whole(store: GateSource, { window, rules }: GateQuestion) {
  const all = { before: [] as CallSample[], calls: [] as CallSample[], foreign: 0, exchanged: 0 };
  const { target, sha, startedMs, nowMs } = window;
  const part = { target, sha, startedMs, sinceMs: startedMs - window.beforeMs, untilMs: nowMs + 1 };
  for await (const page of gatePages(store, part)) {
    all.before.push(...page.before);
    all.calls.push(...page.calls);
    all.foreign += page.foreign;
    all.exchanged += page.exchanged;
  }
  const { before, calls, foreign, exchanged } = all;
  const verdict = judgeWindow({ before, calls, settings: rules.settings, look: { ...rules.look, nowMs } });
  const reasons = ["invalid_data" as const, ...verdict.reasons];
  return {
    verdict: exchanged === 0 ? verdict : { ...verdict, verdict: "continue" as const, reasons },
    foreign,
    exchanged,
  };
}

type Told = { wholeReads: number; exchanged: number; decided: number };

async function compare(store: SpanStore, { calls, looks, rules }: History, told: Told) {
  const arriving = calls
    .map((made, number) => ({ span: spanOf(made, number), at: made.atMs + made.durationMs + made.lateMs }))
    .toSorted((a, b) => a.at - b.at);
  const begun = { count: 0 };
  const count = (of: GateRules) => {
    begun.count += 1;
    return gateCounter(of);
  };
  let watch = gateLooks(store, count);
  let nowMs = START_MS;
  for (const { afterMs, restart } of looks) {
    nowMs += afterMs;
    const due = arriving.filter(({ at }) => START_MS + at <= nowMs);
    arriving.splice(0, due.length);
    // As an exporter writes them: some at a time.
    for (let i = 0; i < due.length; i += 7) await store.append(due.slice(i, i + 7).map(({ span }) => span));
    if (restart) watch = gateLooks(store, count);
    const question = questionOf(nowMs, rules);
    const seen = await watch.look(question);
    expect(seen).toEqual(await whole(store, question));
    told.exchanged += seen.exchanged === 0 ? 0 : 1;
    told.decided += seen.verdict.verdict === "continue" ? 0 : 1;
  }
  told.wholeReads += begun.count;
}

describe("looks at a gate, each of which reads what has come since the one before", () => {
  test("say what is said of all calls: late ones, restarts, exchanged arms and sessions included", async () => {
    const told: Told = { wholeReads: 0, exchanged: 0, decided: 0 };
    let looks = 0;
    await fc.assert(
      fc.asyncProperty(History, async (history) => {
        await using store = memoryStore();
        await compare(store, history, told);
        looks += history.looks.length;
      }),
      { numRuns: 120 },
    );
    // The sample reached what it is for: some looks began anew, others did not, arms were exchanged, verdicts fell.
    expect(told.wholeReads).toBeGreaterThan(120);
    expect(told.wholeReads).toBeLessThan(looks);
    expect(Math.min(told.exchanged, told.decided)).toBeGreaterThan(0);
  });

  test("on SQLite too", async () => {
    await using folder = await temporaryFolder();
    let file = 0;
    await fc.assert(
      fc.asyncProperty(History, async (history) => {
        await using store = await openSqliteStore({ path: join(folder.path, `${(file += 1)}.db`) });
        await compare(store, history, { wholeReads: 0, exchanged: 0, decided: 0 });
      }),
      { numRuns: 6 },
    );
  });
});

/** A store that tells from when on its spans were read. */
function watched(store: SpanStore): { readonly source: GateSource; readonly sinceMs: number[] } {
  const sinceMs: number[] = [];
  return {
    sinceMs,
    source: {
      arrivals: store.arrivals,
      spans: (filter) => {
        sinceMs.push(Number((filter.sinceNs ?? 0n) / 1_000_000n) - START_MS);
        return store.spans(filter);
      },
    },
  };
}

const plain = (atMs: number, change: Partial<Made> = {}): Made => ({
  atMs,
  lateMs: 0,
  arm: atMs % 2 === 0 ? "canary" : "baseline",
  error: false,
  tool: "read",
  session: atMs,
  durationMs: 10 + (atMs % 3),
  version: undefined,
  ...change,
});

describe("what a look reads", () => {
  const RULES = { unit: "call", weight: null } as const;
  const at = (minutes: number) => questionOf(START_MS + minutes * MINUTE, RULES);

  async function begun() {
    const store = memoryStore();
    const { source, sinceMs } = watched(store);
    const looks = gateLooks(source, gateCounter);
    await store.append(Array.from({ length: 40 }, (_, i) => spanOf(plain(i * 15_001), i)));
    await looks.look(at(10));
    return { store, source, sinceMs, looks };
  }

  test("is what has begun since, and some minutes before; another gate, or other rules, read on their own", async () => {
    const { sinceMs, looks } = await begun();
    expect(sinceMs).toEqual([-60 * MINUTE, 8 * MINUTE]);
    await looks.look(at(11));
    expect(sinceMs.slice(2)).toEqual([8 * MINUTE, 9 * MINUTE]);
    await looks.look({ ...at(12), id: "gate-2" });
    const { rules, ...question } = at(12);
    await looks.look({ ...question, rules: { ...rules, look: { ...rules.look, minimumCalls: 4 } } });
    expect(sinceMs.slice(4).filter((ms) => ms === -60 * MINUTE)).toHaveLength(2);
  });

  test("is everything once when a call comes that is older than what was counted, and then less is counted for good", async () => {
    const { store, sinceMs, looks } = await begun();
    await store.append([spanOf(plain(5 * MINUTE + 1), 900)]);
    expect(await looks.look(at(11))).toEqual(await whole(store, at(11)));
    expect(sinceMs.slice(2, 4)).toEqual([-60 * MINUTE, 7 * MINUTE]);
    await looks.look(at(12));
    expect(sinceMs.slice(-2)).toEqual([7 * MINUTE, 8 * MINUTE]);
  });

  test.each<[string, Span]>([
    ["of another target", { ...spanOf(plain(5 * MINUTE), 901), service: "other" }],
    ["of the server's own side", { ...spanOf(plain(5 * MINUTE), 902), kind: "server" }],
    ["from before everything", spanOf(plain(-61 * MINUTE), 903)],
  ])("is no more for a late span %s", async (_, span) => {
    const { store, sinceMs, looks } = await begun();
    await store.append([span]);
    await looks.look(at(11));
    expect(sinceMs.slice(2)).toEqual([8 * MINUTE, 9 * MINUTE]);
  });

  test("is everything when the clock went back, and when the stream of arrivals has a gap", async () => {
    const { store, sinceMs, looks } = await begun();
    expect(await looks.look(at(7))).toEqual(await whole(store, at(7)));
    expect(sinceMs[2]).toBe(-60 * MINUTE);
    const gaps = gateLooks(
      { spans: store.spans, arrivals: async () => ({ arrivals: [], cursor: "x", isGap: true }) },
      gateCounter,
    );
    await gaps.look(at(10));
    await store.append([spanOf(plain(MINUTE), 904)]);
    expect(await gaps.look(at(11))).toEqual(await whole(store, at(11)));
  });

  test("is everything after a look that failed", async () => {
    const { store } = await begun();
    let broken = false;
    const source: GateSource = {
      arrivals: store.arrivals,
      spans: async function* (filter) {
        for await (const batch of store.spans(filter)) {
          yield batch;
          if (broken) throw new Error("the disk is gone");
        }
      },
    };
    const looks = gateLooks(source, gateCounter);
    await looks.look(at(10));
    await store.append([spanOf(plain(10 * MINUTE), 905)]);
    broken = true;
    await expect(looks.look(at(14))).rejects.toThrow("the disk is gone");
    broken = false;
    expect(await looks.look(at(15))).toEqual(await whole(store, at(15)));
  });

  test("of two looks at the same time is each its own", async () => {
    const { store, looks } = await begun();
    const [one, two] = await Promise.all([looks.look(at(11)), looks.look(at(11))]);
    expect(one).toEqual(await whole(store, at(11)));
    expect(two).toEqual(one);
    expect(await looks.look(at(12))).toEqual(await whole(store, at(12)));
  });
});

test("sums of more gates than are kept give way and are counted anew", async () => {
  const store = memoryStore();
  await store.append([spanOf(plain(1), 1)]);
  const ended: number[] = [];
  let number = 0;
  const looks = gateLooks(store, (rules) => {
    const [own, counter] = [(number += 1), gateCounter(rules)];
    return { ...counter, end: () => ended.push(own) };
  });
  const question = questionOf(START_MS + 10 * MINUTE, { unit: "call", weight: null });
  for (let gate = 1; gate <= 18; gate += 1) await looks.look({ ...question, id: `${gate}` });
  expect(ended).toEqual([1, 2]);
  await looks.look({ ...question, id: "3" });
  await looks.look({ ...question, id: "1" });
  expect(number).toBe(19);
  expect(ended).toEqual([1, 2, 4]);
});
