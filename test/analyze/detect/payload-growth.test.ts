import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { detectPayloadGrowth } from "../../../src/analyze/detect/payload-growth.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import type { Span } from "../../../src/model/span.ts";
import type { Json } from "../../../src/model/json.ts";
import { repeat } from "../population.ts";

/** Calls of which the i-th carries what `size` says. */
function calls(
  count: number,
  size: (i: number) => Json,
  more: (i: number) => Record<string, Json> = () => ({}),
): Span[] {
  return repeat(count, (i) => ({
    name: "list",
    at: 0,
    ms: 10 + i,
    attributes: { "http.response.body.size": size(i), ...more(i) },
  }));
}
const detect = (spans: readonly Span[]): Finding[] => detectPayloadGrowth(groupTraces(spans));

describe("detectPayloadGrowth", () => {
  test("sizes that grow from call to call, and what that costs", () => {
    const [finding, ...rest] = detect(calls(30, (i) => 1000 + 100 * i));
    expect(rest).toEqual([]);
    // Thirds of ten calls: medians of 1000…1900 and 3000…3900, of 10…19 ms and 30…39 ms.
    expect(Finding.parse(finding)).toMatchObject({
      id: "payload_growth:notes:list",
      metric: "http.response.body.size",
      baseline: 1450,
      value: 3450,
      gainMs: 20,
      samples: 30,
    });
  });

  test("growth within sessions that starts anew in each", () => {
    const session = (i: number) => ({ "mcp.session.id": `s-${Math.floor(i / 8)}` });
    const [finding] = detect(calls(40, (i) => 500 * 2 ** (i % 8), session));
    expect(finding?.suggestion).toContain("within each of 5 sessions");
  });

  test.each<[string, Span[]]>([
    ["steady sizes", calls(30, () => 1000)],
    ["a saw tooth without sessions", calls(40, (i) => 500 * 2 ** (i % 8))],
    ["growth by a third", calls(30, (i) => 1000 + 10 * i)],
    ["few calls", calls(8, (i) => 1000 * 2 ** i)],
    ["sizes that are no numbers", calls(30, (i) => String(1000 + 100 * i))],
    [
      "a growing number that is no size",
      calls(
        30,
        () => 10,
        (i) => ({ "user.id": 1000 + 100 * i }),
      ),
    ],
  ])("nothing: %s", (_name, spans) => {
    expect(detect(spans)).toEqual([]);
  });

  test("property: sizes in any order of a shuffle seldom grow", () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          Array.from({ length: 24 }, (_, i) => 1000 + 100 * i),
          { minLength: 24 },
        ),
        (sizes) => {
          // Four standard errors: a shuffle that brings them would be one of 30,000.
          expect(detect(calls(24, (i) => sizes[i] ?? 0))).toEqual([]);
        },
      ),
      { numRuns: 50, seed: 7 },
    );
  });
});
