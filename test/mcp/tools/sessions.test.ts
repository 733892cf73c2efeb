import { describe, expect, test } from "@jest/globals";
import { addIteration, loadSession, type Iteration } from "../../../src/mcp/session-record.ts";
import type { ToolContext } from "../../../src/mcp/tool.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { answerOf, contextOver } from "../calling.ts";
import { NOW } from "../hostile-store.ts";

async function opened(context: ToolContext, project_name = "shop"): Promise<string> {
  const { body } = await answerOf("create_development_session", { project_name }, context);
  return String(body["session_id"]);
}

function round(changes: Partial<Iteration> = {}): Iteration {
  return {
    atNs: String(NOW),
    what: "check",
    verdict: "fail",
    reason: "1 of 1 traces do not match.",
    issues: { missing_spans: 2 },
    suggestions: ["Make sure that pay is called."],
    traceIds: [],
    spans: 3,
    durationMs: 10,
    exitCode: 0,
    ...changes,
  };
}

const progress = async (context: ToolContext, id: string) =>
  (await answerOf("get_session_metrics", { session_id: id }, context)).body;
const next = async (context: ToolContext, id: string) =>
  (await answerOf("suggest_next_steps", { session_id: id }, context)).body as { done: boolean; steps: string[] };

describe("a development session", () => {
  test("begins empty and says what comes first", async () => {
    const context = contextOver(memoryStore());
    const id = await opened(context);
    expect(await progress(context, id)).toMatchObject({
      project: "shop",
      rounds: 0,
      trend: "unknown",
      passing: false,
      violations: { first: null, last: null },
    });
    expect(await next(context, id)).toMatchObject({
      done: false,
      steps: [expect.stringContaining("define_trace_spec"), expect.anything()],
    });
  });

  test("sums up its rounds, newest first", async () => {
    const context = contextOver(memoryStore());
    const id = await opened(context);
    for (const missing of [3, 2, 1]) await addIteration(context, id, round({ issues: { missing_spans: missing } }));
    await addIteration(context, id, round({ verdict: "pass", issues: {} }));
    const body = await progress(context, id);
    expect(body).toMatchObject({
      rounds: 4,
      passed: 1,
      failed: 3,
      violations: { first: 3, last: 0 },
      trend: "better",
      passing: true,
    });
    expect((body["iterations"] as { round: number }[]).map((each) => each.round)).toEqual([4, 3, 2, 1]);
  });

  test("loses no round of writers at the same time", async () => {
    const context = contextOver(memoryStore());
    const id = await opened(context);
    await Promise.all(Array.from({ length: 12 }, () => addIteration(context, id, round())));
    expect((await loadSession(context, id)).record.rounds).toBe(12);
  });

  test("keeps the newest hundred rounds and counts all, in a record of bounded size", async () => {
    const context = contextOver(memoryStore());
    const id = await opened(context);
    const large = round({ traceIds: Array.from({ length: 500 }, () => "0".repeat(32)) });
    for (let n = 0; n < 120; n += 1) await addIteration(context, id, large);
    const { record } = await loadSession(context, id);
    expect(record.iterations).toHaveLength(100);
    expect(record.iterations[0]?.traceIds).toHaveLength(20);
    expect(await progress(context, id)).toMatchObject({ rounds: 120, total: 120, truncated: true });
  });

  test.each(["get_session_metrics", "suggest_next_steps"])("%s of an unknown session", async (name) => {
    const { body } = await answerOf(name, { session_id: "d-20200101T000000Z-abcdef" }, contextOver(memoryStore()));
    expect(body).toMatchObject({
      error: { code: "not_found", remedy: expect.stringContaining("create_development_session") },
    });
  });

  test("with a specification that is not there is not opened", async () => {
    const { body } = await answerOf(
      "create_development_session",
      { project_name: "p", spec_name: "none" },
      contextOver(memoryStore()),
    );
    expect(body).toMatchObject({ error: { code: "not_found" } });
  });

  test("a record of another form is told, not guessed", async () => {
    const context = contextOver(memoryStore());
    const { documents } = await context.store("write");
    const name = "d-20200101T000000Z-abcdef";
    await documents.put({ kind: "development_session", name, body: '{"schema":"other"}', nowNs: NOW, after: 0 });
    expect(await progress(context, name)).toMatchObject({ error: { code: "input_unreadable" } });
  });
});

describe("the next step", () => {
  const after = async (...rounds: readonly Partial<Iteration>[]) => {
    const context = contextOver(memoryStore());
    const id = await opened(context);
    for (const each of rounds) await addIteration(context, id, round(each));
    return next(context, id);
  };
  const run: Partial<Iteration> = { what: "run", verdict: "not_checked", issues: {}, suggestions: [] };

  test("is what the last check asks for", async () => {
    expect(await after({})).toEqual(expect.objectContaining({ done: false, steps: ["Make sure that pay is called."] }));
  });

  test("is to stop after two passes in a row, not after one", async () => {
    const pass = { verdict: "pass", issues: {} } as const;
    expect(await after(pass)).toMatchObject({ done: false, steps: [expect.stringContaining("once more")] });
    expect(await after(pass, pass)).toMatchObject({
      done: true,
      steps: [expect.stringContaining("stop here"), expect.anything()],
    });
    expect(await after(pass, {}, pass)).toMatchObject({ done: false });
  });

  test("is to take back what made it worse", async () => {
    const { steps } = await after({ issues: { missing_spans: 1 } }, { issues: { missing_spans: 4 } });
    expect(steps[0]).toMatch(/worse \(1 violations before, 4 now\)/);
  });

  test("is to look at the trace when three rounds changed nothing", async () => {
    const { steps } = await after({}, {}, {});
    expect(steps[0]).toContain("get_trace_by_id");
  });

  test("is to mend a command that fails or sends nothing", async () => {
    const { steps } = await after({ ...run, exitCode: 1, spans: 0 });
    expect(steps).toEqual([
      expect.stringContaining("did not end with 0"),
      expect.stringContaining("sent no span"),
      expect.stringContaining("compare_trace_to_spec"),
    ]);
  });
});
