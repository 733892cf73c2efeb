import { describe, expect, test } from "@jest/globals";
import { traceId } from "../../store/spans.ts";
import { answerOf, contextOver } from "../calling.ts";
import { shop } from "./populations.ts";

const context = async (...args: Parameters<typeof shop>) => contextOver(await shop(...args));
const steady = (n: number) => ({ ago: n + 1 });
/** The last hour is worse than the hours before it. */
const worseNow = (worse: { queryMs?: number; queries?: number; fails?: boolean }) => (n: number) =>
  n < 60 ? { ago: n + 0.5, ...worse } : { ago: n + 30 };

describe("analyze_trace", () => {
  test("says what the trace waited for", async () => {
    const { body } = await answerOf(
      "analyze_trace",
      { trace_id: traceId(0) },
      await context(1, () => ({ ago: 1, queryMs: 80 })),
    );
    expect(body).toMatchObject({
      structure: { spans: 3, services: 3, depth: 3, roots: 1 },
      performance: { hasBottlenecks: true },
      errorCount: 0,
      bottlenecks: [{ service: "db", operation: "SELECT cart", spans: 1 }, {}, {}],
    });
    const shares = (body["bottlenecks"] as { share: number }[]).map(({ share }) => share);
    expect(shares[0]).toBeGreaterThan(0.8);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 3);
  });

  test("says where an error began and whom it reached", async () => {
    const { body } = await answerOf(
      "analyze_trace",
      { trace_id: traceId(0) },
      await context(1, () => ({ ago: 1, fails: true })),
    );
    expect(body["errors"]).toMatchObject([
      {
        service: "db",
        operation: "SELECT cart",
        class: "unreachable",
        type: "timeout",
        reached: 2,
        outermost: "gateway POST /checkout",
      },
    ]);
  });

  test("finds what one trace can show", async () => {
    const { body } = await answerOf(
      "analyze_trace",
      { trace_id: traceId(0) },
      await context(1, () => ({ ago: 1, queries: 20 })),
    );
    expect(body["findings"]).toEqual(
      expect.arrayContaining([expect.objectContaining({ kind: "n_plus_one", child: "SELECT cart" })]),
    );
  });
});

describe("analyze_trace_structure", () => {
  test("shows repetition, fan-out and calls between services", async () => {
    const { body } = await answerOf(
      "analyze_trace_structure",
      { trace_id: traceId(0) },
      await context(1, () => ({ ago: 1, queries: 20 })),
    );
    expect(body).toMatchObject({
      spanCount: 22,
      depth: 3,
      widest: 20,
      services: 3,
      roots: 1,
      missingParents: 0,
      repeated: [{ service: "shop", operation: "checkout", child: "SELECT cart", times: 20, concurrency: 1 }],
      edges: [
        { from: "shop", to: "db", calls: 20, errors: 0 },
        { from: "gateway", to: "shop", calls: 1, errors: 0 },
      ],
    });
  });
});

describe("detect_performance_issues", () => {
  test("finds the problem of a population with its gain and its traces", async () => {
    const { body } = await answerOf(
      "detect_performance_issues",
      { detail: "full" },
      await context(30, (n) => ({ ...steady(n), queries: 15 })),
    );
    const [first] = body["findings"] as Record<string, unknown>[];
    expect(first).toMatchObject({ kind: "n_plus_one", service: "shop", operation: "checkout", value: 15, samples: 30 });
    expect(first?.["gainMs"]).toBeGreaterThan(25);
    expect(first?.["traceIds"]).toHaveLength(5);
    expect(body).toMatchObject({ traces: 30, notes: [] });
  });

  test("has the same ids for the same problems in every run", async () => {
    const ids = async (count: number) => {
      const { body } = await answerOf(
        "detect_performance_issues",
        {},
        await context(count, (n) => ({ ...steady(n), queries: 15 })),
      );
      return (body["findings"] as { id: string; kind: string }[])
        .filter(({ kind }) => kind === "n_plus_one")
        .map(({ id }) => id);
    };
    expect(await ids(20)).toEqual(await ids(30));
  });

  test("says that nothing was found where nothing is wrong", async () => {
    const { body } = await answerOf("detect_performance_issues", {}, await context(20, steady));
    expect(body).toMatchObject({ findings: [], total: 0, hint: expect.stringContaining("Nothing worth") });
  });

  test("takes one service's problems", async () => {
    const given = await context(30, (n) => ({ ...steady(n), queries: 15 }));
    const { body } = await answerOf("detect_performance_issues", { service_name: "gateway" }, given);
    for (const finding of body["findings"] as { service: string }[]) expect(finding.service).toBe("gateway");
  });
});

describe("generate_improvement_suggestions", () => {
  test("advises by gain, with evidence, and for the findings that are named", async () => {
    const given = await context(30, (n) => ({ ...steady(n), queries: 15 }));
    const { body } = await answerOf("generate_improvement_suggestions", {}, given);
    const suggestions = body["suggestions"] as {
      finding: string;
      gainMsInAll: number;
      evidence: string[];
      advice: string;
    }[];
    const gains = suggestions.map(({ gainMsInAll }) => gainMsInAll);
    expect(gains).toEqual(gains.toSorted((a, b) => b - a));
    expect(suggestions[0]?.advice.length).toBeGreaterThan(40);
    expect(suggestions[0]?.evidence.length).toBeGreaterThan(0);
    const one = await answerOf("generate_improvement_suggestions", { finding_ids: [suggestions[0]?.finding] }, given);
    expect(one.body).toMatchObject({ total: 1, suggestions: [{ finding: suggestions[0]?.finding }] });
  });

  test("has nothing to say of healthy traces", async () => {
    const { body } = await answerOf("generate_improvement_suggestions", {}, await context(20, steady));
    expect(body).toMatchObject({ suggestions: [], hint: expect.stringContaining("Nothing") });
  });
});

describe("find_root_cause", () => {
  test("names the operation that got slower, not those that wait for it", async () => {
    const { body } = await answerOf("find_root_cause", {}, await context(300, worseNow({ queryMs: 40 })));
    expect(body).toMatchObject({ incidentTraces: 60, ranked: [{ service: "db", operation: "SELECT cart" }] });
    const [{ reasons }] = body["ranked"] as [{ reasons: string[] }];
    expect(reasons[0]).toContain("its own time rose");
  });

  test("names the operation in which errors begin", async () => {
    const { body } = await answerOf("find_root_cause", {}, await context(300, worseNow({ fails: true })));
    expect(body["ranked"]).toMatchObject([{ service: "db" }]);
  });

  test("says when nothing changed, and when a window is empty", async () => {
    const same = await answerOf("find_root_cause", {}, await context(300, worseNow({})));
    expect(same.body).toMatchObject({ ranked: [], hint: expect.stringContaining("beyond chance") });
    const empty = await answerOf(
      "find_root_cause",
      { incident: { start: "-3000d", end: "-2999d" } },
      await context(3, steady),
    );
    expect(empty.body).toMatchObject({ ranked: [], hint: expect.stringContaining("no trace") });
  });
});

describe("detect_regressions", () => {
  test("fails a candidate that is slower, and shows the rows that failed", async () => {
    const { body } = await answerOf("detect_regressions", {}, await context(300, worseNow({ queryMs: 20 })));
    expect(body).toMatchObject({ verdict: "fail", candidate: { traces: 60 }, baseline: { traces: 240 } });
    const rows = body["operations"] as { verdict: string; service: string; change: number }[];
    expect(rows[0]).toMatchObject({ verdict: "fail" });
    expect(rows.map(({ verdict }) => verdict)).not.toContain("pass");
  });

  test("finds that a call is made more often", async () => {
    const { body } = await answerOf("detect_regressions", {}, await context(300, worseNow({ queries: 5 })));
    expect(body).toMatchObject({ verdict: "fail" });
    const structural = body["structural"] as { operation: string }[];
    const operations = body["operations"] as { metric: string; operation: string; verdict: string }[];
    const moreOften = operations.some(
      ({ metric, operation, verdict }) =>
        metric === "calls_per_trace" && operation === "SELECT cart" && verdict === "fail",
    );
    expect(moreOften || structural.some(({ operation }) => operation === "SELECT cart")).toBe(true);
  });

  test("passes what did not change; full shows those rows", async () => {
    const given = await context(400, worseNow({}));
    const { body } = await answerOf("detect_regressions", {}, given);
    expect(body["verdict"]).not.toBe("fail");
    const full = await answerOf("detect_regressions", { detail: "full", max_tokens: 12_000 }, given);
    expect((full.body["operations"] as unknown[]).length).toBeGreaterThan((body["operations"] as unknown[]).length);
  });

  test("decides nothing with too few traces", async () => {
    const { body } = await answerOf("detect_regressions", {}, await context(4, (n) => ({ ago: n < 2 ? 10 : 90 })));
    expect(body["verdict"]).toBe("inconclusive");
  });
});

describe("analyze_performance_trends", () => {
  /** A call every four minutes over a day; the newer half is slower. */
  const stepped = (n: number) => ({ ago: n * 4 + 1, queryMs: n < 180 ? 20 : 4 });

  test("finds the step and when it was", async () => {
    const args = { time_period: "last_1_day", service_name: "db", metrics: ["p50_ms"] };
    const { body } = await answerOf("analyze_performance_trends", args, await context(360, stepped));
    expect(body).toMatchObject({ analysed: 1, trends: [{ service: "db", metric: "p50_ms", shape: "steps" }] });
    const [{ changePoints }] = body["trends"] as [{ changePoints: { change: number }[] }];
    expect(changePoints).toHaveLength(1);
    expect(changePoints[0]?.change).toBeGreaterThan(2);
  });

  test("shows nothing where nothing changed; full shows every row", async () => {
    const given = await context(360, (n) => ({ ago: n * 4 + 1 }));
    const args = { time_period: "last_1_day", service_name: "db", metrics: ["p50_ms", "error_rate"] };
    const { body } = await answerOf("analyze_performance_trends", args, given);
    expect(body).toMatchObject({ analysed: 2, trends: [], hint: expect.stringContaining("Nothing changed") });
    const full = await answerOf("analyze_performance_trends", { ...args, detail: "full" }, given);
    expect(full.body).toMatchObject({ returned: 2 });
  });
});

describe("get_dependencies", () => {
  test("maps services and operations with rates", async () => {
    const given = await context(10, (n) => ({ ...steady(n), queries: 2, fails: n === 0 }));
    const { body } = await answerOf("get_dependencies", {}, given);
    expect(body["edges"]).toMatchObject([
      { from: "shop", to: "db", calls: 20, errorRate: 0.1, callsPerTrace: 2 },
      { from: "gateway", to: "shop", calls: 10, errorRate: 0.1 },
    ]);
    expect(body["nodes"]).toEqual(expect.arrayContaining([expect.objectContaining({ name: "gateway", entries: 10 })]));
    const operations = await answerOf("get_dependencies", { level: "operation" }, given);
    expect(operations.body["edges"]).toEqual(
      expect.arrayContaining([expect.objectContaining({ from: "shop checkout", to: "db SELECT cart" })]),
    );
  });
});

describe("performance_report", () => {
  test("shows the window beside the one before", async () => {
    const args = { time_range: "last_1_hour" };
    const { body } = await answerOf(
      "performance_report",
      args,
      await context(240, (n) => ({ ago: n / 2 + 0.5, queryMs: n < 119 ? 12 : 4 })),
    );
    expect(body).toMatchObject({ operations: 3, errors: 0 });
    const rows = body["byTotalTime"] as { service: string; calls: number; callsBefore: number; p95Change: number }[];
    const db = rows.find(({ service }) => service === "db");
    expect(db?.calls).toBeGreaterThan(100);
    expect(db?.callsBefore).toBeGreaterThan(100);
    expect(db?.p95Change).toBeGreaterThan(1);
    expect(body["errorProne"]).toEqual([]);
  });
});

describe("forecast_capacity", () => {
  /** Calls in a quarter of an hour grow from 4 to 40 over a day. */
  const growing = (n: number) => ({ ago: 1_440 * (1 - Math.sqrt(n / 2_000)) + 0.5 });

  test("says when a growing load reaches its limit", async () => {
    const given = await context(2_000, growing);
    const args = { service_name: "shop", history: "last_1_day", limit: 3.5 };
    const { body } = await answerOf("forecast_capacity", args, given);
    expect(body).toMatchObject({ metric: "calls_per_minute", limit: 3.5, last: expect.any(Number) });
    expect(["expected", "possible"]).toContain(body["state"]);
    expect(Date.parse(String(body["earliest"]))).toBeGreaterThan(0);
    expect((body["forecast"] as unknown[]).length).toBeLessThanOrEqual(25);
  });

  test("says that it is reached, or not expected", async () => {
    const given = await context(600, (n) => ({ ago: n + 0.5 }));
    const of = async (limit: number) =>
      (await answerOf("forecast_capacity", { service_name: "shop", history: "last_10_hours", limit }, given)).body;
    expect((await of(0.1))["state"]).toBe("reached");
    expect((await of(1_000))["state"]).toBe("not_expected");
  });

  test("does not guess from too little", async () => {
    const { body } = await answerOf(
      "forecast_capacity",
      { service_name: "nobody", limit: 5 },
      await context(3, steady),
    );
    expect(body).toMatchObject({ state: "unknown", method: "none", hint: expect.stringContaining("Nothing matches") });
  });
});
