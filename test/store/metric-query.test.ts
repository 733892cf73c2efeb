import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { MetricQuery } from "../../src/store/metric-port.ts";
import { queryFrom } from "../../src/store/metric-query.ts";
import type { MetricReader } from "../../src/store/metric-reader.ts";
import { gauge, pointAt } from "./points.ts";

const QUERY: MetricQuery = { name: "m", sinceNs: 0n, untilNs: 2n ** 62n, aggregation: { kind: "avg" } };

/** Series with so many points each, in batches of three; `read` counts the points that were handed out. */
function readerOf(points: readonly number[]) {
  const counts = { read: 0 };
  const reader: MetricReader<number> = {
    streams: async function* () {
      yield points.map((_, ref) => ({ ref, series: gauge({ attributes: { ref } }), firstNs: 1n, lastNs: 2n }));
    },
    pointsOf: async function* ({ ref, series }) {
      const count = points[ref] ?? 0;
      for (let from = 0; from < count; from += 3) {
        const batch = Array.from({ length: Math.min(3, count - from) }, (_, at) => pointAt(series, from + at, 1));
        counts.read += batch.length;
        yield batch;
      }
    },
    timeBefore: async () => undefined,
    timeFrom: async () => undefined,
  };
  return { reader, counts };
}

describe("a query", () => {
  test("reads no more points of all its series than it may, and says that it would need more", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 30 }),
        async (points, mostPoints) => {
          const { reader, counts } = readerOf(points);
          const total = points.reduce((sum, count) => sum + count, 0);
          const answer = queryFrom(reader, QUERY, { mostPoints });
          if (total <= mostPoints) {
            expect((await answer).groups).toHaveLength(1);
            return;
          }
          await expect(answer).rejects.toMatchObject({
            code: "usage",
            message: `The query needs more than ${mostPoints} points.`,
            remedy: "Name a shorter window, a service or attributes of fewer series.",
          });
          expect(counts.read).toBeLessThanOrEqual(mostPoints + 3);
        },
      ),
    );
  });

  test("may read millions unless told otherwise", async () => {
    const { reader } = readerOf([3_000]);
    expect((await queryFrom(reader, QUERY)).groups).toMatchObject([{ series: 1, values: [1] }]);
  });
});
