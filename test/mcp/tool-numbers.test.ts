import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { answerOf, contextOver } from "./calling.ts";
import { NOW } from "./hostile-store.ts";

type Body = Record<string, unknown>;

const MS = 1_000_000;
const SERVICES = ["web", "cart", "stock"];

/** A trace as a test thinks of it: node `n` is called by node `parent(n)`, one after another within its caller. */
type Node = { readonly parent: number; readonly service: number; readonly failed: boolean };

const trace: fc.Arbitrary<readonly Node[]> = fc
  .array(fc.record({ parent: fc.nat(), service: fc.nat(2), failed: fc.boolean() }), { minLength: 1, maxLength: 12 })
  .map((nodes) => nodes.map((node, at) => ({ ...node, parent: at === 0 ? -1 : node.parent % at })));
const traces = fc.array(trace, { minLength: 1, maxLength: 6 });

function spansOf(nodes: readonly Node[], id: number): Span[] {
  return nodes.map(({ parent, service, failed }, at) =>
    span({
      traceId: traceId(id),
      spanId: spanId(at),
      ...(parent >= 0 && { parentSpanId: spanId(parent) }),
      service: SERVICES[service] ?? "",
      name: `op-${service}`,
      startNs: NOW - BigInt(60_000 - id * 1_000 - at) * BigInt(MS),
      durationNs: (100 - at) * MS,
      status: failed ? "error" : "unset",
    }),
  );
}

async function over(all: readonly (readonly Node[])[]) {
  const store = memoryStore();
  await store.append(all.flatMap(spansOf));
  return contextOver(store);
}

const of = (all: readonly (readonly Node[])[], service: number): readonly Node[] =>
  all.flat().filter((node) => node.service === service);
const byNumber = (a: number, b: number): number => a - b;
const RUNS = { numRuns: 40 };

describe("counts are those of the spans themselves", () => {
  test("list_services: operations, calls and errors of each service", async () => {
    await fc.assert(
      fc.asyncProperty(traces, async (all) => {
        const { body } = await answerOf("list_services", { detail: "full", max_tokens: 12_000 }, await over(all));
        const expected = SERVICES.map((service, n) => ({
          service,
          operations: 1,
          calls: of(all, n).length,
          errors: of(all, n).filter(({ failed }) => failed).length,
          busiest: [`op-${n}`],
        })).filter(({ calls }) => calls > 0);
        expect(new Set(body["services"] as Body[])).toEqual(new Set(expected));
        const calls = (body["services"] as { calls: number }[]).map((row) => row.calls);
        expect(calls).toEqual(calls.toSorted((a, b) => b - a));
      }),
      RUNS,
    );
  });

  test("get_traces and search_traces: each trace with its root, spans and errors, newest first", async () => {
    await fc.assert(
      fc.asyncProperty(traces, fc.nat(2), async (all, service) => {
        const context = await over(all);
        const rows = all
          .map((nodes, id) => ({
            traceId: traceId(id),
            rootService: SERVICES[nodes[0]?.service ?? 0],
            spans: nodes.length,
            errors: nodes.filter(({ failed }) => failed).length,
            nodes,
          }))
          .reverse();
        const shown = (kept: typeof rows) => kept.map(({ nodes: _nodes, ...row }) => row);
        const { body } = await answerOf("get_traces", {}, context);
        expect(body).toMatchObject({ total: all.length, traces: shown(rows) });
        const args = { service_name: SERVICES[service], status: "error" };
        const { body: found } = await answerOf("search_traces", args, context);
        const wanted = rows.filter(({ nodes }) => nodes.some((node) => node.service === service && node.failed));
        expect(found).toMatchObject({ total: wanted.length, traces: shown(wanted) });
      }),
      RUNS,
    );
  });

  test("get_trace_by_id: every span stands in a row or is counted by one", async () => {
    await fc.assert(
      fc.asyncProperty(trace, async (nodes) => {
        const context = await over([nodes]);
        const { body } = await answerOf("get_trace_by_id", { trace_id: traceId(0), max_tokens: 12_000 }, context);
        const errors = nodes.filter(({ failed }) => failed).length;
        expect(body).toMatchObject({ spanCount: nodes.length, errors, truncated: false });
        const rows = body["rows"] as { path: string; status?: string; group?: { spans: number; inside: number } }[];
        const counted = rows.map(({ group }) => (group === undefined ? 1 : group.spans + group.inside));
        expect(counted.reduce((sum, count) => sum + count, 0)).toBe(nodes.length);
        expect(rows.filter(({ status }) => status === "error")).toHaveLength(errors);
        expect(rows[0]).toMatchObject({ path: "1" });
        const { body: full } = await answerOf(
          "get_trace_by_id",
          { trace_id: traceId(0), detail: "full", max_tokens: 12_000 },
          context,
        );
        expect((full["spans"] as { spanId: string }[]).map((each) => each.spanId).sort()).toEqual(
          nodes.map((_node, at) => spanId(at)),
        );
      }),
      RUNS,
    );
  });

  test("analyze_trace_structure: depth, width, repeated children and calls between services", async () => {
    await fc.assert(
      fc.asyncProperty(trace, async (nodes) => {
        const depths: number[] = [];
        for (const { parent } of nodes) depths.push(parent < 0 ? 1 : (depths[parent] ?? 0) + 1);
        const children = nodes.map((_node, at) => nodes.filter(({ parent }) => parent === at));
        const crossing = nodes.filter(({ parent, service }) => parent >= 0 && nodes[parent]?.service !== service);
        const { body } = await answerOf(
          "analyze_trace_structure",
          { trace_id: traceId(0), max_tokens: 12_000 },
          await over([nodes]),
        );
        expect(body).toMatchObject({
          spanCount: nodes.length,
          depth: Math.max(...depths),
          widest: Math.max(...children.map(({ length }) => length)),
          services: new Set(nodes.map(({ service }) => service)).size,
          roots: 1,
          missingParents: 0,
        });
        const edges = body["edges"] as { calls: number; errors: number; from: string; to: string }[];
        expect(edges.reduce((sum, { calls }) => sum + calls, 0)).toBe(crossing.length);
        expect(edges.reduce((sum, { errors }) => sum + errors, 0)).toBe(crossing.filter(({ failed }) => failed).length);
        expect(edges.every(({ from, to }) => from !== to)).toBe(true);
        const times = children.flatMap((own) =>
          SERVICES.map((_name, n) => own.filter(({ service }) => service === n).length).filter((count) => count >= 3),
        );
        expect((body["repeated"] as { times: number }[]).map((group) => group.times).toSorted(byNumber)).toEqual(
          times.toSorted(byNumber),
        );
      }),
      RUNS,
    );
  });

  test("analyze_trace: the path accounts for the whole time once, and an error for whom it reached", async () => {
    await fc.assert(
      fc.asyncProperty(trace, async (nodes) => {
        const { body } = await answerOf(
          "analyze_trace",
          { trace_id: traceId(0), max_tokens: 12_000 },
          await over([nodes]),
        );
        const { durationMs, criticalMs } = body["performance"] as { durationMs: number; criticalMs: number };
        expect(criticalMs).toBeCloseTo(durationMs, 3);
        const shares = (body["bottlenecks"] as { share: number }[]).map(({ share }) => share);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 2);
        const failed = nodes.filter((node) => node.failed).length;
        expect(body["errorCount"]).toBeLessThanOrEqual(failed);
        expect(Number(body["errorCount"]) > 0).toBe(failed > 0);
      }),
      RUNS,
    );
  });

  test("performance_report: calls and errors of the window beside those before it", async () => {
    await fc.assert(
      fc.asyncProperty(traces, traces, async (now, before) => {
        const context = await over(now);
        const store = await context.store("write");
        const hour = 3_600_000_000_000n;
        const earlier = before.flatMap((nodes, id) => spansOf(nodes, id + 50));
        await store.append(earlier.map((each) => ({ ...each, startNs: each.startNs - hour })));
        const { body } = await answerOf(
          "performance_report",
          { time_range: "last_1_hour", top: 50, max_tokens: 12_000 },
          context,
        );
        expect(body).toMatchObject({
          calls: now.flat().length,
          errors: now.flat().filter(({ failed }) => failed).length,
        });
        for (const row of body["byTotalTime"] as {
          service: string;
          calls: number;
          callsBefore: number;
          errorRate: number;
        }[]) {
          const n = SERVICES.indexOf(row.service);
          const [own, old] = [of(now, n), of(before, n)];
          expect({ calls: row.calls, before: row.callsBefore }).toEqual({ calls: own.length, before: old.length });
          if (own.length > 0)
            expect(row.errorRate).toBeCloseTo(own.filter(({ failed }) => failed).length / own.length, 4);
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe("what could be lost in silence", () => {
  test("client and server that share a span id are both shown", async () => {
    const shared = { traceId: traceId(1), spanId: spanId(5), startNs: NOW - 1_000n };
    const store = memoryStore();
    await store.append([
      span({ ...shared, kind: "client", name: "ask" }),
      span({ ...shared, kind: "server", name: "answer" }),
    ]);
    const args = { trace_id: traceId(1), span_ids: [spanId(5)] };
    const { body } = await answerOf("get_trace_by_id", args, contextOver(store));
    expect((body["spans"] as { operation: string }[]).map(({ operation }) => operation).sort()).toEqual([
      "answer",
      "ask",
    ]);
  });

  test.each([
    { count: 50, total: 50 },
    { count: 51, total: null }, // whose links are not all followed
    { count: 201, total: null }, // which are not all found
  ])("of $count traces of one transaction the total is $total", async ({ count, total }) => {
    const spans = Array.from({ length: count }, (_, n) =>
      span({ traceId: traceId(n), startNs: NOW - BigInt(n + 1), attributes: { "order.id": "o-1" } }),
    );
    const store = memoryStore();
    await store.append(spans);
    const args = { transaction_id: "o-1", max_tokens: 12_000 };
    const { body } = await answerOf("correlate_distributed_traces", args, contextOver(store));
    expect(body).toMatchObject({ total, truncated: total === null });
    const how = (body["omitted"] as { how: string } | undefined)?.how;
    expect(how?.includes("newest 200 traces")).toBe(total === null ? true : undefined);
  });

  test("attributes whose names look alike once they are shown are counted", async () => {
    const attributes = Object.fromEntries(["a", "b", "c"].map((end) => [`${"k".repeat(300)}${end}`, 1]));
    const store = memoryStore();
    await store.append([span({ traceId: traceId(1), startNs: NOW - 1n, attributes })]);
    const args = { trace_id: traceId(1), span_ids: [spanId(0)] };
    const { body } = await answerOf("get_trace_by_id", args, contextOver(store));
    const [shown] = body["spans"] as { attributes: object; cut?: string }[];
    expect(Object.keys(shown?.attributes ?? {})).toHaveLength(1);
    expect(shown?.cut).toBe("2 more attributes");
  });

  test("a finding that is not there is told from traces without findings", async () => {
    const context = await over([[{ parent: -1, service: 0, failed: false }]]);
    const hintOf = async (args: object) =>
      (await answerOf("generate_improvement_suggestions", args, context)).body["hint"];
    expect(await hintOf({})).toContain("Nothing in these traces");
    expect(await hintOf({ finding_ids: ["f-000000000000"] })).toContain("none of the findings named");
  });
});
