import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SpanRecordJson, spanRecordJson } from "../../src/model/span-json.ts";
import { TraceJson, traceJson, TracePageJson, tracePageJson } from "../../src/model/trace-json.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { span, spanSet, traceId } from "../store/spans.ts";

/** What a reader of the JSON text gets. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
/** The random spans' ids and links may be what no tracer writes; their schema is tested on those it may. */
const plain = spanSet.map((spans) => spans.map((one) => ({ ...one, startNs: one.startNs % 2n ** 61n })));

describe("traces as JSON", () => {
  test("a page says what was returned, and total and cursor only when it has them", async () => {
    await using store = memoryStore();
    await store.append(
      [0, 1, 2].map((n) => span({ traceId: traceId(n), startNs: 1_700_000_000_000_000_000n + BigInt(n) })),
    );
    const page = tracePageJson(await store.search({}, { limit: 2 }));
    expect(TracePageJson.parse(sent(page))).toEqual(page);
    expect(page).toMatchObject({ total: 3, returned: 2, nextCursor: expect.any(String) });
    expect(page.traces[0]).toEqual({
      traceId: traceId(2),
      rootService: "notes",
      rootOperation: "GET /notes",
      start: "2023-11-14T22:13:20.000000002Z",
      durationMs: 5,
      spans: 1,
      errors: 0,
    });
    const { traces } = await store.search({}, { limit: 3 });
    expect(Object.keys(tracePageJson({ traces }))).toEqual(["traces", "returned"]);
  });

  test("every trace and every span that a store may hold fits the schema", () => {
    fc.assert(
      fc.property(plain, (spans) => {
        expect(() => TraceJson.parse(sent(traceJson(traceId(0), spans)))).not.toThrow();
        for (const one of spans) expect(() => SpanRecordJson.parse(sent(spanRecordJson(one)))).not.toThrow();
      }),
    );
  });
});
