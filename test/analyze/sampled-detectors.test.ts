import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dependencyMap } from "../../src/analyze/dependencies.ts";
import { findProblems } from "../../src/analyze/findings.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import type { Finding } from "../../src/model/finding.ts";
import type { Span } from "../../src/model/span.ts";
import { inSequence, type Plan, trace } from "./population.ts";

/** One kept trace: how bad it is, and how many it stands for. */
type Kept = { readonly size: number; readonly weight: number };

/** A trace of a kind of problem, the worse the greater its size. */
const TROUBLE: Readonly<Record<string, (size: number) => Plan>> = {
  n_plus_one: (size) => ({ name: "list", at: 0, ms: 200, children: inSequence("row", 10 + size) }),
  retry_storm: (size) => ({
    name: "sync",
    at: 0,
    ms: 200,
    children: inSequence("push", 4 + size, { ms: 10 }).map((child) => ({ ...child, error: "busy" })),
  }),
  retry_amplification: (size) => ({
    name: "sync",
    at: 0,
    ms: 500,
    children: inSequence("send", 3, { ms: 100 }).map((outer) => ({
      ...outer,
      error: "busy",
      children: inSequence("post", 2 + size, { from: outer.at + 0.1, ms: 5 }).map((each) => ({
        ...each,
        error: "busy",
      })),
    })),
  }),
  chatty_calls: (size) => ({
    name: "page",
    at: 0,
    ms: 100,
    children: Array.from({ length: 12 + size }, (_, i) => ({
      name: `get_${i % 4}`,
      service: "users",
      at: 1 + i * 3,
      ms: 2.5,
    })),
  }),
  fan_out: (size) => ({
    name: "spread",
    at: 0,
    ms: 300,
    children: Array.from({ length: 20 + size }, (_, i) => ({ name: "shard", at: 1, ms: 5 + i * 8 })),
  }),
};

const stateWeight = (spans: readonly Span[], weight: number): Span[] =>
  spans.map((each) => ({ ...each, attributes: { ...each.attributes, "whetstone.sample_weight": weight } }));

/** The traces that were kept, and all those that they stand for, each copy under an id of its own. */
function bothOf(plan: (size: number) => Plan, kept: readonly Kept[]) {
  const spans = kept.map(({ size }, i) => trace(i, plan(size)));
  const sampled = spans.flatMap((each, i) => stateWeight(each, kept[i]?.weight ?? 1));
  const whole = spans.flatMap((each, i) =>
    Array.from({ length: kept[i]?.weight ?? 1 }, (_, copy) =>
      each.map((one) => ({ ...one, traceId: `${(copy + 1).toString(16)}${one.traceId.slice(-24)}`.padStart(32, "0") })),
    ).flat(),
  );
  return { sampled: groupTraces(sampled), whole: groupTraces(whole) };
}

const MIXED: readonly Kept[] = [
  ...Array.from({ length: 6 }, (_, i) => ({ size: 8 + (i % 2), weight: 1 })),
  ...Array.from({ length: 4 }, () => ({ size: 1, weight: 9 })),
];

describe("a sample says what the whole would", () => {
  test.each(Object.keys(TROUBLE))("%s: value, baseline, gain, severity and child", (kind) => {
    const { sampled, whole } = bothOf(TROUBLE[kind] ?? (() => ({ name: "", at: 0, ms: 0 })), MIXED);
    const of = (findings: readonly Finding[]): unknown => {
      const { value, baseline, gainMs, severity, child } = findings.find((each) => each.kind === kind) ?? {};
      return { value, baseline, gainMs: gainMs?.toFixed(6), severity, child };
    };
    expect(of(findProblems(sampled))).toEqual(of(findProblems(whole)));
    expect(of(findProblems(sampled))).toMatchObject({ value: expect.any(Number) as unknown });
  });

  test.each([
    ["chatty_calls", -8],
    ["retry_storm", -2],
  ])("%s in few kept traces is found where they stand for most of the traffic, and only there", (name, harmless) => {
    const kept = (bad: number, good: number): Kept[] => [
      ...Array.from({ length: 4 }, () => ({ size: 10, weight: bad })),
      ...Array.from({ length: 6 }, () => ({ size: harmless, weight: good })),
    ];
    const found = (list: readonly Kept[]): boolean =>
      findProblems(bothOf(TROUBLE[name] as (size: number) => Plan, list).sampled).some(({ kind }) => kind === name);
    expect([found(kept(20, 1)), found(kept(1, 20))]).toEqual([true, false]);
  });

  const anyKept = fc.array(
    fc.record({ size: fc.integer({ min: 0, max: 9 }), weight: fc.integer({ min: 1, max: 6 }) }),
    {
      minLength: 6,
      maxLength: 14,
    },
  );

  test("of any population, of every kind", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(TROUBLE)), anyKept, (kind, kept) => {
        const { sampled, whole } = bothOf(TROUBLE[kind] as (size: number) => Plan, kept);
        const of = (findings: readonly Finding[]): unknown =>
          findings
            .filter((each) => each.kind === kind)
            .map(({ value, gainMs, severity }) => [value.toFixed(6), gainMs.toFixed(6), severity]);
        expect(of(findProblems(sampled))).toEqual(of(findProblems(whole)));
      }),
      { numRuns: 60 },
    );
  });

  test("the map of dependencies counts, rates and quantiles as the whole would", () => {
    const plan = (size: number): Plan => ({
      name: "page",
      at: 0,
      ms: 50 + size,
      service: "web",
      children: [
        { name: "users", service: "users", at: 1, ms: 3 + size, ...(size > 4 && { error: "busy" }) },
        { name: "db", kind: "client", at: 20, ms: 5 + size, service: "web", attributes: { "db.system": "sqlite" } },
      ],
    });
    fc.assert(
      fc.property(anyKept, fc.constantFrom("service" as const, "operation" as const), (kept, level) => {
        const { sampled, whole } = bothOf(plan, kept);
        const rounded = (map: ReturnType<typeof dependencyMap>): unknown =>
          JSON.parse(JSON.stringify(map), (_, value: unknown) =>
            typeof value === "number" ? Number(value.toPrecision(9)) : value,
          );
        expect(rounded(dependencyMap(sampled, level))).toEqual(rounded(dependencyMap(whole, level)));
      }),
      { numRuns: 40 },
    );
  });

  test("the first finding is the one that costs most over all calls, not over those that were kept", () => {
    const operation = (name: string, ms: number) => (n: number) =>
      trace(n, { name, at: 0, ms: 10 * ms, children: inSequence(`${name}.row`, 10, { ms }) });
    const costly = Array.from({ length: 10 }, (_, n) => operation("costly", 2)(n)).flat();
    const frequent = Array.from({ length: 10 }, (_, n) => operation("frequent", 1)(100 + n)).flat();
    const first = (weight: number) =>
      findProblems(groupTraces([...costly, ...stateWeight(frequent, weight)]))[0]?.operation;
    expect([first(1), first(1.9), first(2.1), first(10)]).toEqual(["costly", "costly", "frequent", "frequent"]);
  });
});

/** Calls of processes, the first of each slower; `weights` of the first calls. */
function starts(coldMs: readonly number[], weights: readonly number[]): Span[] {
  const spans = coldMs.flatMap((ms, process) =>
    Array.from({ length: 8 }, (_, i) =>
      stateWeight(
        trace(process * 100 + i, { name: "ask", kind: "server", at: 0, ms: i === 0 ? ms : 10 }),
        i === 0 ? (weights[process] ?? 1) : 1,
      ).map((each) => ({ ...each, resource: { "service.instance.id": `p${process}` } })),
    ).flat(),
  );
  return spans;
}

const ofKind = (spans: readonly Span[], kind: Finding["kind"]): Finding | undefined =>
  findProblems(groupTraces(spans)).find((finding) => finding.kind === kind);

describe("kinds that hang on the order of calls", () => {
  test("cold_start: the usual first call is that of most processes, not of most kept ones", () => {
    const coldMs = [100, 100, 400, 400, 400];
    expect(ofKind(starts(coldMs, [1, 1, 1, 1, 1]), "cold_start")).toMatchObject({ value: 400, gainMs: 390 });
    expect(ofKind(starts(coldMs, [50, 50, 1, 1, 1]), "cold_start")).toMatchObject({ value: 100, gainMs: 90 });
    // Starts that are quick are one in five of those kept, but most of all.
    expect(ofKind(starts([100, 100, 100, 100, 10], [1, 1, 1, 1, 1]), "cold_start")).toBeDefined();
    expect(ofKind(starts([100, 100, 100, 100, 10], [1, 1, 1, 1, 9]), "cold_start")).toBeUndefined();
  });

  test("payload_growth: the medians before and after are of all calls", () => {
    const sized = (rows: number, n: number, weight: number): Span[] =>
      stateWeight(trace(n, { name: "list", at: 0, ms: rows, attributes: { rows } }), weight);
    const spans = (weights: readonly [number, number]) =>
      Array.from({ length: 30 }, (_, n) => sized(10 + n * 10, n, n < 28 ? 1 : (weights[n - 28] ?? 1))).flat();
    expect(ofKind(spans([1, 1]), "payload_growth")).toMatchObject({ value: 255, baseline: 55 });
    expect(ofKind(spans([1, 100]), "payload_growth")).toMatchObject({ value: 300, baseline: 55 });
  });

  test("lock_step: the usual wait is that of all calls that wait", () => {
    const queue = (weightOfLast: number): Span[] =>
      Array.from({ length: 40 }, (_, i) => {
        const inBatch = i % 4;
        const spans = trace(0, {
          name: "ask",
          at: 0,
          ms: 60,
          children: [{ name: "critical", at: 1 + inBatch * 10, ms: 10 }],
        });
        const shift = BigInt(Math.floor(i / 4)) * 100_000_000n + BigInt(inBatch) * 10_007n;
        const traceId = (i + 1).toString(16).padStart(32, "0");
        const moved = spans.map((each) => ({ ...each, traceId, startNs: each.startNs + shift }));
        return stateWeight(moved, inBatch === 3 ? weightOfLast : 1);
      }).flat();
    const [plain, heavy] = [ofKind(queue(1), "lock_step"), ofKind(queue(100), "lock_step")];
    expect(plain?.value).toBeCloseTo(21, 0);
    expect(heavy?.value).toBeCloseTo(31, 0);
  });
});
