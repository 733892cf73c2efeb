import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { ToolContext } from "../../src/mcp/tool.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { openStore } from "../../src/store/open.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { answerOf, contextOver } from "./calling.ts";
import { NOW } from "./hostile-store.ts";

const SPANS = [{ operation_name: "GET /notes" }];
const good = { name: "shop", specification: { expected_spans: SPANS } };

async function withSpec(): Promise<ToolContext> {
  const store = memoryStore();
  await store.append([
    span({ traceId: traceId(1), startNs: NOW - 9_000_000_000n }),
    span({ traceId: traceId(2), startNs: NOW - 8_000_000_000n, name: "other" }),
  ]);
  const context = contextOver(store);
  expect((await answerOf("define_trace_spec", good, context)).isError).toBe(false);
  return context;
}

describe("the name of a stored specification", () => {
  test.each([
    ["an object without one", { expected_spans: SPANS }],
    ["an object with another one, which gives way", { name: "other", expected_spans: SPANS }],
    ["JSON text without one", JSON.stringify({ expected_spans: SPANS })],
    ["JSON text with the same", JSON.stringify({ name: "n", expected_spans: SPANS })],
    ["YAML text without one", "expected_spans:\n  - operation_name: GET /notes\n"],
    ["YAML text with the same", "name: n\nexpected_spans:\n  - operation_name: GET /notes\n"],
  ])("is that of the call: %s", async (_what, specification) => {
    const context = await withSpec();
    expect((await answerOf("define_trace_spec", { name: "n", specification }, context)).body).toMatchObject({
      version: 1,
    });
    const { body } = await answerOf("compare_trace_to_spec", { trace_id: traceId(1), spec_name: "n" }, context);
    expect(body).toMatchObject({ verdict: "pass", spec: { name: "n", version: 1 } });
  });

  test.each([
    ["YAML", "name: other\nexpected_spans:\n  - operation_name: a\n"],
    ["JSON", JSON.stringify({ name: "other", expected_spans: SPANS })],
  ])("a text of %s with another one is refused, and nothing is stored", async (_form, specification) => {
    const context = await withSpec();
    const { body } = await answerOf("define_trace_spec", { name: "n", specification }, context);
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining('"other"') } });
    expect((await answerOf("list_trace_specs", {}, context)).body).toMatchObject({ total: 1 });
  });

  test("does not change by an update", async () => {
    const context = await withSpec();
    const { body } = await answerOf("update_trace_spec", { name: "shop", updates: { name: "other" } }, context);
    expect(body).toMatchObject({ error: { code: "usage" } });
  });

  test.each(["a/b", "..", "100%", "%zz", "a b", "名".repeat(200), "-", "\u202e", "<!-- x -->", "' OR 1=1 --"])(
    "may be %j, found again by just that name",
    async (name) => {
      const context = await withSpec();
      await answerOf("define_trace_spec", { ...good, name }, context);
      const { body } = await answerOf("get_trace_spec", { name }, context);
      expect(body).toMatchObject({ version: 1, specificationCut: false });
      expect((await answerOf("get_trace_spec", { name: `${name.slice(0, 190)} ` }, context)).isError).toBe(true);
    },
  );
});

describe("what is no specification is refused whole", () => {
  test.each([
    ["{", "spec_invalid"],
    ["null", "spec_invalid"],
    ["[]", "spec_invalid"],
    ["{}", "spec_invalid"],
    ["expected_spans: 5", "spec_invalid"],
    ["expected_span: []", "spec_invalid"],
    ["expected_spans:\n  - operation_nam: a\n", "spec_invalid"],
    ["a: &a [*a]", "spec_invalid"],
    ["expected_spans: !!js/function 'x'", "spec_invalid"],
    ['{"expected_spans":[{"operation_name":"a"}],"name":5}', "spec_invalid"],
  ])("%j", async (specification, code) => {
    const context = await withSpec();
    const { body } = await answerOf("define_trace_spec", { name: "n", specification }, context);
    expect(body).toMatchObject({ error: { code, remedy: expect.any(String) } });
    const { body: update } = await answerOf("update_trace_spec", { name: "shop", specification }, context);
    expect(update).toMatchObject({ error: { code } });
    expect((await answerOf("get_trace_spec", { name: "shop" }, context)).body).toMatchObject({ version: 1 });
  });

  test.each([{}, { updates: { description: "x" }, specification: { expected_spans: SPANS } }])(
    "an update of neither or both: %j",
    async (args) => {
      const { body } = await answerOf("update_trace_spec", { name: "shop", ...args }, await withSpec());
      expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining("Either") } });
    },
  );
});

describe("two servers on one store", () => {
  test("of two that define a name or write a version, one is refused and nothing of the other is lost", async () => {
    await using folder = await temporaryFolder();
    const url = join(folder.path, "shared.db");
    await using first = await openStore({ url });
    await using second = await openStore({ url });
    const contexts = [contextOver(first), contextOver(second)];
    const both = (tool: string, args: (n: number) => object) =>
      Promise.all(contexts.map((context, n) => answerOf(tool, args(n), context)));

    const defined = await both("define_trace_spec", (n) => ({
      name: "shop",
      specification: { description: `by ${n}`, expected_spans: SPANS },
    }));
    expect(defined.filter(({ isError }) => isError)).toHaveLength(1);

    const updates = await both("update_trace_spec", (n) => ({
      name: "shop",
      updates: { description: `again by ${n}` },
      after_version: 1,
    }));
    expect(updates.filter(({ isError }) => isError)).toHaveLength(1);
    const refused = updates.find(({ isError }) => isError);
    expect(refused?.body).toMatchObject({ error: { code: "conflict", remedy: expect.any(String) } });
    const winner = updates.findIndex(({ isError }) => !isError);
    for (const context of contexts) {
      const { body } = await answerOf("get_trace_spec", { name: "shop" }, context);
      expect(body).toMatchObject({ version: 2, history: [expect.anything(), expect.anything()] });
      expect(body["specification"]).toContain(`again by ${winner}`);
    }
  });

  test("rounds of one session from both are all kept, in a new server as well", async () => {
    await using folder = await temporaryFolder();
    const url = join(folder.path, "shared.db");
    let session_id: unknown;
    {
      await using first = await openStore({ url });
      await using second = await openStore({ url });
      await first.append([span({ traceId: traceId(1), startNs: NOW - 1n })]);
      const contexts = [contextOver(first), contextOver(second)] as const;
      await answerOf("define_trace_spec", good, contexts[0]);
      const { body } = await answerOf(
        "create_development_session",
        { project_name: "p", spec_name: "shop" },
        contexts[1],
      );
      ({ session_id } = body);
      const check = { trace_id: traceId(1), spec_name: "shop", session_id };
      const rounds = Array.from({ length: 12 }, (_, n) =>
        answerOf("compare_trace_to_spec", check, contexts[n % 2 === 0 ? 0 : 1]),
      );
      expect((await Promise.all(rounds)).map(({ isError }) => isError)).not.toContain(true);
    }
    await using store = await openStore({ url });
    const { body } = await answerOf("get_session_metrics", { session_id }, contextOver(store));
    expect(body).toMatchObject({ rounds: 12, passed: 12, failed: 0, passing: true, trend: "same" });
  });
});

describe("a development session without commands", () => {
  test("goes by comparisons, as its own advice says", async () => {
    const context = await withSpec();
    const { body: opened } = await answerOf(
      "create_development_session",
      { project_name: "p", spec_name: "shop" },
      context,
    );
    const { session_id } = opened;
    const round = (id: string) =>
      answerOf("compare_trace_to_spec", { trace_id: id, spec_name: "shop", session_id }, context);
    await round(traceId(2));
    const { body: bad } = await answerOf("get_session_metrics", { session_id }, context);
    expect(bad).toMatchObject({ rounds: 1, failed: 1, trend: "unknown", iterations: [{ what: "check", spans: 1 }] });
    await round(traceId(1));
    const { body: better } = await answerOf("suggest_next_steps", { session_id }, context);
    expect(better).toMatchObject({ done: false, steps: [expect.stringContaining("run once more")] });
    await round(traceId(1));
    expect((await answerOf("suggest_next_steps", { session_id }, context)).body).toMatchObject({ done: true });
    expect((await answerOf("get_session_metrics", { session_id }, context)).body).toMatchObject({
      trend: "better",
      violations: { first: expect.any(Number), last: 0 },
    });
  });

  test("that there is not is told, and no round is kept", async () => {
    const context = await withSpec();
    const args = { trace_id: traceId(1), spec_name: "shop", session_id: "d-20260101T000000Z-abcdef" };
    const { body } = await answerOf("compare_trace_to_spec", args, context);
    expect(body).toMatchObject({ error: { code: "not_found" } });
  });
});

test("numbers of many traces are those of all of them, beyond what the answer lists", async () => {
  const context = await withSpec();
  const store = await context.store("write");
  const ids = Array.from({ length: 150 }, (_, n) => traceId(100 + n));
  await store.append(ids.map((id) => span({ traceId: id, startNs: NOW - 1n, name: "wrong", spanId: spanId(1) })));
  const args = { spec_name: "shop", trace_ids: ids, max_tokens: 12_000 };
  const { body } = await answerOf("validate_trace_collection", args, context);
  expect(body).toMatchObject({ verdict: "fail", traces: { total: 150, failing: 150 }, truncated: true });
  const lists = ["missing_spans", "unexpected_spans", "suggestions", "results", "population"];
  const listed = lists.reduce((sum, list) => sum + ((body[list] as unknown[] | undefined)?.length ?? 0), 0);
  // 150 verdicts, and at least the missing span of each of the 150 traces.
  expect(body["total"]).toBeGreaterThanOrEqual(300);
  expect(listed).toBeLessThan(300);
});
