import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { buildTree, groupTraces, type TraceTree } from "../../src/analyze/tree.ts";
import { importFile } from "../../src/backends/import-file.ts";
import type { Span } from "../../src/model/span.ts";
import { checkPopulation, checkTrace } from "../../src/specs/check.ts";
import { generateSpec } from "../../src/specs/generate/generate.ts";
import { requireSpec } from "../../src/specs/parse.ts";
import { createRandom } from "../../src/stats/random.ts";
import { healthyPopulation } from "../analyze/healthy.ts";
import { told } from "./traces.ts";

const FIXTURES = "test/backends/fixtures/zipkin-lens";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-real-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function tracesOf(file: string): Promise<readonly TraceTree[]> {
  const spans: Span[] = [];
  const onSpans = async (batch: readonly Span[]) => {
    spans.push(...batch);
    return { stored: batch.length, duplicates: 0 };
  };
  await importFile({ path: join(FIXTURES, file), onSpans });
  return groupTraces(spans);
}

describe("traces of real systems", () => {
  test("each is accepted by the specification made from it, and rejected with any of its spans slow, failed or renamed", async () => {
    const files = (await readdir(FIXTURES)).filter((file) => file.endsWith(".json"));
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      const traces = await tracesOf(file);
      const { spec } = requireSpec(generateSpec(traces).text, file);
      expect({ file, verdict: checkPopulation(spec, traces).verdict }).toEqual({ file, verdict: "pass" });
      const [first] = traces;
      const spans = first?.nodes.map(({ span }) => span) ?? [];
      for (const chosen of spans.slice(0, 30)) {
        const withChange = (change: Partial<Span>) =>
          spans.map((span) => (span === chosen ? { ...span, ...change } : span));
        const verdicts = [
          withChange({ name: `${chosen.name} changed` }),
          withChange({ durationNs: chosen.durationNs * 1000 + 3_600e9 }),
          ...(chosen.status === "error" ? [] : [withChange({ status: "error" })]),
        ].map((changed) => checkTrace(spec, changed).verdict);
        expect({ file, span: chosen.spanId, verdicts: [...new Set(verdicts)] }).toEqual({
          file,
          span: chosen.spanId,
          verdicts: ["fail"],
        });
      }
    }
  });
});

describe("many healthy calls", () => {
  const half = (from: number) => groupTraces(healthyPopulation(200, createRandom(7 + from), from));
  const [before, after] = [half(0), half(1_000)];

  test("the specification of one half accepts nearly all of the other", () => {
    const { spec } = requireSpec(generateSpec(before).text, "healthy");
    expect(checkPopulation(spec, before).traces).toMatchObject({ matching: 200 });
    const { traces } = checkPopulation(spec, after);
    expect(traces.matching).toBeGreaterThanOrEqual(198);
  });

  test("does not depend on the order of the traces", () => {
    const answer = (traces: readonly TraceTree[]) => {
      const { spec } = requireSpec(generateSpec(traces, { name: "s" }).text, "s");
      return after.map(
        ({ nodes }) =>
          told(
            checkTrace(
              spec,
              nodes.map(({ span }) => span),
            ),
          ).length > 0,
      );
    };
    expect(answer(before.toReversed())).toEqual(answer(before));
  });

  test("a specification of all tools knows each tool's own spans", () => {
    const { file } = generateSpec(before);
    expect(file.expected_spans).toHaveLength(4);
    for (const root of file.expected_spans ?? []) {
      expect(root).toMatchObject({ optional: true, relation: "root", kind: "server", children: [{ kind: "client" }] });
    }
  });

  test("a call that reads row by row is rejected, with the repeated span named", () => {
    const { spec } = requireSpec(generateSpec(before).text, "healthy");
    const [tree] = after;
    const spans = tree?.nodes.map(({ span }) => span) ?? [];
    const lookup = spans.find(({ name }) => name.endsWith(".lookup"));
    if (lookup === undefined) throw new Error("no lookup");
    const extra = Array.from({ length: 30 }, (_, i) => ({
      ...lookup,
      spanId: (4_096 + i).toString(16).padStart(16, "0"),
    }));
    const result = checkTrace(spec, [...spans, ...extra]);
    expect(result.unexpected_spans.find(({ code }) => code === "span_repeated")).toMatchObject({
      operation_name: lookup.name,
      actual: 31,
      expected: 1,
    });
    expect(buildTree(spans).nodes).toHaveLength(spans.length);
  });
});
