import { describe, expect, test } from "@jest/globals";
import type { ToolContext } from "../../../src/mcp/tool.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { traceId } from "../../store/spans.ts";
import { answerOf, contextOver } from "../calling.ts";
import { shop } from "./populations.ts";
import { SEED } from "../../specs/traces.ts";

const CHECKOUT = `# what a checkout does
description: Checkout of the shop
expected_spans:
  - operation_name: POST /checkout
    service_name: gateway
    children:
      - operation_name: checkout
        service_name: shop
        expected_duration_ms: { max: 30 }
`;

const context = async (...args: Parameters<typeof shop>): Promise<ToolContext> => contextOver(await shop(...args));
const steady = (n: number) => ({ ago: n + 1 });

async function defined(given: ToolContext, name = "checkout", specification: unknown = CHECKOUT): Promise<ToolContext> {
  const { body } = await answerOf("define_trace_spec", { name, specification }, given);
  expect(body).toMatchObject({ name, version: 1 });
  return given;
}

describe("define_trace_spec", () => {
  test("stores text and objects alike, and shows them again", async () => {
    const given = await defined(contextOver(memoryStore()));
    await defined(given, "as-object", { expected_spans: [{ operation_name: "a", service_name: "b" }] });
    const text = await answerOf("get_trace_spec", { name: "checkout" }, given);
    expect(text.body).toMatchObject({
      version: 1,
      specification: expect.stringContaining("# what a checkout does"),
      specificationCut: false,
      history: [{ version: 1 }],
    });
    const list = await answerOf("list_trace_specs", {}, given);
    expect(list.body).toMatchObject({ specs: [{ name: "as-object" }, { name: "checkout" }], total: 2 });
  });

  test("the seed's own example loads as it stands", async () => {
    const { body } = await answerOf(
      "define_trace_spec",
      { name: "checkout_flow", specification: SEED },
      contextOver(memoryStore()),
    );
    expect(body).toMatchObject({ version: 1, total: 4 });
  });

  test("a name that exists is refused, and stays as it is", async () => {
    const given = await defined(contextOver(memoryStore()));
    const { body } = await answerOf("define_trace_spec", { name: "checkout", specification: CHECKOUT }, given);
    expect(body).toMatchObject({ error: { code: "usage", remedy: expect.stringContaining("update_trace_spec") } });
  });

  test.each([
    ["expectd_spans: []", /expected_spans/],
    ["expected_spans:\n  - operation_name: a\n    operaton: b", /line|:\d+:/],
    ["{", /./],
    ["[1, 2]", /./],
  ])("faults of %j are told, and nothing is stored", async (specification, message) => {
    const given = contextOver(memoryStore());
    const { body } = await answerOf("define_trace_spec", { name: "bad", specification }, given);
    const { error } = body as { error: { code: string; message: string } };
    expect(error.code).toBe("spec_invalid");
    expect(error.message).toMatch(message);
    expect((await answerOf("list_trace_specs", {}, given)).body).toMatchObject({ total: 0 });
  });
});

describe("update_trace_spec", () => {
  test("replaces keys, keeps the rest and the old version, and says what changed", async () => {
    const given = await defined(contextOver(memoryStore()));
    const { body } = await answerOf(
      "update_trace_spec",
      { name: "checkout", updates: { description: "Other" } },
      given,
    );
    expect(body).toMatchObject({
      version: 2,
      stored: true,
      changes: [{ path: "description", before: '"Checkout of the shop"', after: '"Other"' }],
    });
    const now = await answerOf("get_trace_spec", { name: "checkout" }, given);
    expect(now.body).toMatchObject({ version: 2, specification: expect.stringContaining("POST /checkout"), total: 2 });
    const old = await answerOf("get_trace_spec", { name: "checkout", version: 1 }, given);
    expect(old.body).toMatchObject({ version: 1, specification: expect.stringContaining("Checkout of the shop") });
  });

  test("what says the same is not stored again", async () => {
    const given = await defined(contextOver(memoryStore()));
    const args = { name: "checkout", updates: { description: "Checkout of the shop" } };
    expect((await answerOf("update_trace_spec", args, given)).body).toMatchObject({
      version: 1,
      stored: false,
      changes: [],
    });
  });

  test("of two who read the same version one is told", async () => {
    const given = await defined(contextOver(memoryStore()));
    const update = (description: string) =>
      answerOf("update_trace_spec", { name: "checkout", updates: { description }, after_version: 1 }, given);
    expect((await update("one")).body).toMatchObject({ version: 2 });
    expect((await update("two")).body).toMatchObject({ error: { code: "conflict" } });
  });

  test("a bad update is refused, the specification stays", async () => {
    const given = await defined(contextOver(memoryStore()));
    const { body } = await answerOf(
      "update_trace_spec",
      { name: "checkout", updates: { expected_spans: "none" } },
      given,
    );
    expect(body).toMatchObject({ error: { code: "spec_invalid" } });
    expect((await answerOf("get_trace_spec", { name: "checkout" }, given)).body).toMatchObject({
      version: 1,
      total: 1,
    });
  });

  test("what does not exist cannot be updated", async () => {
    const { body } = await answerOf("update_trace_spec", { name: "none", updates: {} }, contextOver(memoryStore()));
    expect(body).toMatchObject({ error: { code: "not_found", remedy: expect.stringContaining("define_trace_spec") } });
  });
});

describe("checks", () => {
  test("a trace that matches", async () => {
    const given = await defined(await context(1, steady));
    const { body } = await answerOf("compare_trace_to_spec", { trace_id: traceId(0), spec_name: "checkout" }, given);
    expect(body).toMatchObject({
      matches_specification: true,
      verdict: "pass",
      missing_spans: [],
      performance_issues: [],
      spec: { name: "checkout", version: 1 },
    });
  });

  test("a trace that is too slow: clause, span, expected and actual", async () => {
    const given = await defined(await context(1, () => ({ ago: 1, queryMs: 100 })));
    const { body } = await answerOf("compare_trace_to_spec", { trace_id: traceId(0), spec_name: "checkout" }, given);
    expect(body).toMatchObject({
      matches_specification: false,
      verdict: "fail",
      performance_issues: [
        {
          code: "duration_too_long",
          operation: "checkout",
          service: "shop",
          violation: true,
          clause: expect.stringContaining("expected_duration_ms"),
          spanIds: [expect.any(String)],
        },
      ],
      suggestions: [expect.stringContaining("faster")],
    });
  });

  test("a span that is missing, with the nearest one", async () => {
    const given = await context(1, steady);
    await defined(given, "other", "expected_spans:\n  - operation_name: checkouts\n    service_name: shop\n");
    const { body } = await answerOf("validate_against_spec", { trace_id: traceId(0), spec_name: "other" }, given);
    expect(body).toMatchObject({
      verdict: "fail",
      missing_spans: [{ nearest: expect.stringContaining("checkout of shop") }],
      results: [{ verdict: "fail", issues: 1 }],
    });
  });

  test("a collection: counts, verdict per trace", async () => {
    const given = await defined(await context(10, (n) => ({ ago: n + 1, queryMs: n < 3 ? 100 : 4 })));
    const { body } = await answerOf("validate_trace_collection", { spec_name: "checkout" }, given);
    expect(body).toMatchObject({ verdict: "fail", traces: { total: 10, matching: 7, failing: 3 } });
    const some = await answerOf(
      "validate_trace_collection",
      { spec_name: "checkout", trace_ids: [traceId(5), traceId(6)] },
      given,
    );
    expect(some.body).toMatchObject({ verdict: "pass", traces: { total: 2, matching: 2 } });
  });

  test("nothing to check is no pass", async () => {
    const given = await defined(contextOver(memoryStore()));
    const { body } = await answerOf("validate_trace_collection", { spec_name: "checkout" }, given);
    expect(body).toMatchObject({ matches_specification: false, verdict: "inconclusive" });
  });

  test.each(["compare_trace_to_spec", "validate_against_spec", "validate_trace_collection", "get_trace_spec"])(
    "%s of a specification that is not there",
    async (name) => {
      const args =
        name === "get_trace_spec"
          ? { name: "none" }
          : { spec_name: "none", ...(name !== "validate_trace_collection" && { trace_id: traceId(0) }) };
      const { body } = await answerOf(name, args, await context(1, steady));
      expect(body).toMatchObject({ error: { code: "not_found", remedy: expect.stringContaining("list_trace_specs") } });
    },
  );
});

describe("generate_spec_from_traces", () => {
  test("what it writes accepts the traces that it came from, and refuses others", async () => {
    const given = await context(6, (n) => ({ ago: n + 1, queries: n === 5 ? 9 : 2 }));
    const trace_ids = [0, 1, 2, 3, 4].map(traceId);
    const { body } = await answerOf("generate_spec_from_traces", { trace_ids, name: "made", save: true }, given);
    expect(body).toMatchObject({
      name: "made",
      version: 1,
      traces: 5,
      specification: expect.stringContaining("SELECT cart"),
    });
    const own = await answerOf("validate_trace_collection", { spec_name: "made", trace_ids }, given);
    expect(own.body).toMatchObject({ verdict: "pass", traces: { matching: 5 } });
    const other = await answerOf("compare_trace_to_spec", { trace_id: traceId(5), spec_name: "made" }, given);
    expect(other.body).toMatchObject({ verdict: "fail" });
  });

  test("stores nothing unless asked, and overwrites nothing", async () => {
    const given = await defined(await context(2, steady));
    const args = { trace_ids: [traceId(0)], name: "checkout" };
    expect((await answerOf("generate_spec_from_traces", args, given)).body).not.toHaveProperty("version");
    const { body } = await answerOf("generate_spec_from_traces", { ...args, save: true }, given);
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining("already") } });
    expect((await answerOf("get_trace_spec", { name: "checkout" }, given)).body).toMatchObject({ total: 1 });
  });
});
