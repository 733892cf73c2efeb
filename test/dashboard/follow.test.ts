import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { follow, type FollowPace, type StreamEvent } from "../../src/dashboard/follow.ts";
import type { Span } from "../../src/model/span.ts";
import { manualClock } from "../../src/model/time.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { SpanStore } from "../../src/store/port.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { ticker } from "./ticker.ts";

const numbered = (from: number, count: number): readonly Span[] =>
  Array.from({ length: count }, (_, n) => span({ traceId: traceId(from + n), spanId: spanId(from + n) }));

async function following(
  options: { store?: SpanStore; cursor?: string; pace?: Partial<FollowPace>; service?: string } = {},
) {
  const store = options.store ?? memoryStore();
  const asked: number[] = [];
  const counted: Pick<SpanStore, "arrivals"> = {
    arrivals: (page) => {
      asked.push(page.limit);
      return store.arrivals(page);
    },
  };
  const clock = manualClock();
  const tick = ticker();
  const stop = new AbortController();
  const stream = await follow(
    { store: counted, clock, pause: tick.pause, pace: options.pace },
    {
      cursor: options.cursor,
      matches: (one) => options.service === undefined || one.service === options.service,
      signal: stop.signal,
    },
  );
  const next = async (): Promise<StreamEvent | undefined> => (await stream.next()).value as StreamEvent | undefined;
  return { store, clock, tick, stop, next, asked };
}

const idOf = (event: StreamEvent | undefined): string | undefined =>
  event?.type === "span" ? event.span.spanId : event?.type;

describe("following a store", () => {
  test("begins with what comes next, and looks again after each pause", async () => {
    const store = memoryStore();
    await store.append(numbered(0, 3));
    const { next, tick } = await following({ store });
    const first = next();
    expect(await tick.paused()).toBe(500);
    await store.append(numbered(3, 2));
    tick.go();
    expect([idOf(await first), idOf(await next())]).toEqual([spanId(3), spanId(4)]);
  });

  test("every span comes once and in order, however often the reader comes back with its last cursor", async () => {
    const cases = fc.tuple(
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 7 }),
      fc.infiniteStream(fc.nat(6)),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([count, page, visits]) => {
        const store = memoryStore();
        let { cursor } = await store.arrivals({ limit: 1 });
        await store.append(numbered(0, count));
        const seen: (string | undefined)[] = [];
        while (seen.length < count) {
          const { next, stop } = await following({ store, cursor, pace: { page } });
          const visit = Math.min(1 + (visits.next().value ?? 0), count - seen.length);
          for (let n = 0; n < visit; n += 1) {
            const event = await next();
            seen.push(idOf(event));
            cursor = event?.cursor ?? cursor;
          }
          stop.abort();
          expect(await next()).toEqual({ type: "end", cursor });
        }
        expect(seen).toEqual(numbered(0, count).map((one) => one.spanId));
      }),
      { numRuns: 40 },
    );
  });

  test("leaves out what does not match, and a heartbeat leads on past it", async () => {
    const store = memoryStore();
    const { cursor } = await store.arrivals({ limit: 1 });
    await store.append([...numbered(0, 2), span({ traceId: traceId(7), spanId: spanId(7), service: "files" })]);
    await store.append(numbered(8, 1));
    const { next, tick, clock } = await following({ store, cursor, service: "files" });
    expect(idOf(await next())).toBe(spanId(7));
    const beat = next();
    await tick.paused();
    clock.advance(15_000);
    tick.go();
    const event = await beat;
    expect(event?.type).toBe("heartbeat");
    expect((await store.arrivals({ limit: 9, cursor: event?.cursor ?? "" })).arrivals).toEqual([]);
  });

  test("no heartbeat before its time, and none while spans come", async () => {
    const { next, tick, clock, store } = await following();
    const event = next();
    await tick.paused();
    clock.advance(14_999);
    await store.append(numbered(0, 1));
    tick.go();
    expect(idOf(await event)).toBe(spanId(0));
  });

  test("asks the store for one page at a time, and for none while the reader takes nothing", async () => {
    const store = memoryStore();
    const { cursor } = await store.arrivals({ limit: 1 });
    await store.append(numbered(0, 1_000));
    const { next, asked } = await following({ store, cursor, pace: { page: 10 } });
    for (let n = 0; n < 10; n += 1) await next();
    await new Promise(setImmediate);
    expect(asked).toEqual([10]);
    await next();
    expect(asked).toEqual([10, 10]);
  });

  test("a reader that is too slow goes on with the present and is told of the gap; one that is only slow misses nothing", async () => {
    const store = memoryStore();
    const { cursor } = await store.arrivals({ limit: 1 });
    await store.append(numbered(0, 5));
    const { next, clock, tick } = await following({ store, cursor });
    await next();
    clock.advance(60_000);
    expect(idOf(await next())).toBe(spanId(1));
    await store.append(numbered(5, 5));
    clock.advance(60_001);
    const gap = await next();
    expect(gap).toMatchObject({ type: "gap", reason: "reader_too_slow" });
    const after = next();
    await tick.paused();
    await store.append(numbered(20, 1));
    tick.go();
    expect(idOf(await after)).toBe(spanId(20));
  });

  test("a place that the store has lost is a gap, then the present", async () => {
    const lost = Buffer.from("memory:999:").toString("base64url");
    const { next, tick, store } = await following({ cursor: lost });
    expect(await next()).toMatchObject({ type: "gap", reason: "removed" });
    const after = next();
    await tick.paused();
    await store.append(numbered(0, 1));
    tick.go();
    expect(idOf(await after)).toBe(spanId(0));
  });

  test("ends when told, in a pause too, with the place to come back to", async () => {
    const { next, stop, tick, store } = await following();
    const event = next();
    await tick.paused();
    stop.abort();
    const end = await event;
    expect(end?.type).toBe("end");
    expect(await next()).toBeUndefined();
    await store.append(numbered(0, 1));
    expect((await store.arrivals({ limit: 1, cursor: end?.cursor ?? "" })).arrivals).toHaveLength(1);
  });

  test("a cursor that is none is an error before anything is sent", async () => {
    await expect(following({ cursor: "nonsense" })).rejects.toMatchObject({ code: "usage" });
  });
});
