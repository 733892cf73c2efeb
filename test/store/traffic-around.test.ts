import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { memoryStore } from "../../src/store/memory.ts";
import { trafficAround } from "../../src/store/traffic-around.ts";
import { relayedCall } from "../capture/relayed.ts";

const MINUTE = 60_000_000_000n;
/** 2026-11-20T10:00:30Z: in the middle of a minute. */
const CHANGED = BigInt(Date.parse("2026-11-20T10:00:30Z")) * 1_000_000n;

/** A store with one call of a tool at each of these seconds from the change. */
async function storeOf(seconds: readonly number[], change: Parameters<typeof relayedCall>[1] = {}) {
  const store = memoryStore();
  const spans = seconds.map((second, i) =>
    relayedCall(i + 1, {
      kind: "server",
      service: "notes",
      name: "tools/call search",
      startNs: CHANGED + BigInt(second) * 1_000_000_000n,
      ...change,
    }),
  );
  await store.append(spans);
  return store;
}

const around = { service: "notes", changedNs: CHANGED, windowNs: 5n * MINUTE, nowNs: CHANGED + 5n * MINUTE };
const calls = (found: readonly { readonly calls: number }[]): number => found.reduce((sum, one) => sum + one.calls, 0);

describe("traffic around a change", () => {
  test("is that before it and that after it, by tool", async () => {
    const { before, after } = await trafficAround(await storeOf([-200, -100, -40, 40, 100]), around);
    expect(before).toMatchObject([{ operation: "search", calls: 3, errors: 0 }]);
    expect(after).toMatchObject([{ operation: "search", calls: 2, errors: 0 }]);
  });

  test("leaves out the minute in which both versions were called", async () => {
    const { before, after } = await trafficAround(await storeOf([-30, -1, 0, 1, 29]), around);
    expect([before, after]).toEqual([[], []]);
  });

  test("counts errors, and neither the client's side nor another service", async () => {
    const failed = await storeOf([-40, 40], { status: "error" });
    expect((await trafficAround(failed, around)).before).toMatchObject([{ calls: 1, errors: 1 }]);
    const client = await storeOf([-40, 40], { kind: "client" });
    expect(await trafficAround(client, around)).toEqual({ before: [], after: [] });
    expect(await trafficAround(failed, { ...around, service: "other" })).toEqual({ before: [], after: [] });
  });

  test("is nothing after it while its minute lasts", async () => {
    const store = await storeOf([-40, 10, 40]);
    expect((await trafficAround(store, { ...around, nowNs: CHANGED + 20_000_000_000n })).after).toEqual([]);
  });

  test("long after it the latest traffic counts", async () => {
    const store = await storeOf([40, 3_000, 3_500]);
    const { after } = await trafficAround(store, { ...around, windowNs: 10n * MINUTE, nowNs: CHANGED + 60n * MINUTE });
    expect(calls(after)).toBe(2);
  });

  test("no call is on both sides, whenever it is and whenever the change was", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -400, max: 400 }), { maxLength: 20 }),
        fc.bigInt({ min: -MINUTE, max: MINUTE }),
        fc.bigInt({ min: 1n, max: 8n * MINUTE }),
        async (seconds, shift, windowNs) => {
          const changedNs = CHANGED + shift;
          const nowNs = changedNs + windowNs;
          const found = await trafficAround(await storeOf(seconds), { service: "notes", changedNs, windowNs, nowNs });
          expect(calls(found.before) + calls(found.after)).toBeLessThanOrEqual(seconds.length);
          const minute = changedNs - (changedNs % MINUTE);
          const earlier = seconds.filter((second) => CHANGED + BigInt(second) * 1_000_000_000n < minute);
          expect(calls(found.before)).toBeLessThanOrEqual(earlier.length);
        },
      ),
    );
  });
});
