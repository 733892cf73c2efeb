/**
 * Looks at the calls of gates. What is older than some minutes is counted once and kept as sums; a look reads the calls
 * since then. The stream of arrivals tells of calls that come later than that: then everything is read anew. So a look
 * says what it would say of all calls, at whatever instants there were looks before and whoever wrote the store; with
 * PostgreSQL as soon as the stream tells of them, which a transaction that stays open puts off. Who decides looks anew.
 */
import type { GateRules, GateSeen } from "../canary/gate-count.ts";
import type { GateCounter } from "../canary/gate-counter.ts";
import type { SpanStore } from "../store/port.ts";
import { earliestCall, gatePages, type GatePart, type GateWindow } from "./gate-calls.ts";

/** Where calls are read. */
export type GateSource = Pick<SpanStore, "spans" | "arrivals">;

/** A look at a gate. `id`: the same for all looks at it. `anew`: nothing that was counted before is used. */
export type GateQuestion = {
  readonly id: string;
  readonly window: GateWindow;
  readonly rules: GateRules;
  readonly anew?: boolean;
};

/** Looks at gates of one store. */
export type GateLooks = {
  /** What is seen now. @throws WhetstoneError `store_read_failed`, `usage` */
  readonly look: (question: GateQuestion) => Promise<GateSeen>;
};

/** What was counted of a gate. */
type Kept = {
  readonly counter: GateCounter;
  /** All calls that began before are counted for good, ms since the Unix epoch; -Infinity while none is. */
  readonly settledMs: number;
  /** Place in the stream of arrivals up to which none came too late. */
  readonly cursor: string;
  /** How old calls are when they are counted for good, ms. */
  readonly lagMs: number;
};

/** A call is stored when it has ended: few take longer. What comes later costs one look that reads everything. */
const LAG_MS = 120_000;

/** Gates whose sums are kept; those that were looked at longest ago give way. */
const MOST_KEPT = 16;

/** Spans of a page of arrivals: the most that a store gives. */
const ARRIVALS = 1_000;

/** Starts to look at the gates of a store. `count`: who counts. */
export function gateLooks(store: GateSource, count: (rules: GateRules) => GateCounter): GateLooks {
  const kept = new Map<string, Kept>();
  const keep = (key: string, one: Kept): void => {
    kept.get(key)?.counter.end();
    kept.delete(key);
    kept.set(key, one);
    for (const [oldest, { counter }] of kept) {
      if (kept.size <= MOST_KEPT) return;
      counter.end();
      kept.delete(oldest);
    }
  };
  return {
    look: async (question) => {
      const { id, window, rules } = question;
      const { target, sha, startedMs, beforeMs } = window;
      const key = JSON.stringify([id, target, sha, startedMs, beforeMs, rules]);
      const known = kept.get(key);
      // Two looks at the same time do not share sums, and what a failed look had begun to count is not used.
      kept.delete(key);
      if (question.anew === true) known?.counter.end();
      const trusted = question.anew === true ? undefined : known;
      const from = await goOn(store, { known: trusted, window, begin: () => count(rules) });
      try {
        const { seen, next } = await read(store, from, window);
        keep(key, next);
        return seen;
      } catch (error) {
        from.counter.end();
        throw error;
      }
    },
  };
}

type Going = { readonly known: Kept | undefined; readonly window: GateWindow; readonly begin: () => GateCounter };

/** What is known if it still holds, else a beginning. */
async function goOn(store: GateSource, { known, window, begin }: Going): Promise<Kept> {
  if (known !== undefined) {
    const cursor = await inTime(store, known, window);
    if (cursor !== undefined) return { ...known, cursor };
    known.counter.end();
    return await beginning(store, begin, 2 * known.lagMs);
  }
  return await beginning(store, begin, LAG_MS);
}

async function beginning(store: GateSource, begin: () => GateCounter, lagMs: number): Promise<Kept> {
  // The present comes first: what is stored while everything is read is then looked at by the next look.
  const { cursor } = await store.arrivals({ limit: 1 });
  return { counter: begin(), settledMs: -Infinity, cursor, lagMs };
}

/**
 * Reads on in the stream of arrivals to the present, whose place it returns; undefined when some call came too late to be
 * counted, or when that cannot be told.
 */
async function inTime(store: GateSource, { cursor, settledMs }: Kept, window: GateWindow): Promise<string | undefined> {
  if (settledMs === -Infinity) return (await store.arrivals({ limit: 1 })).cursor;
  // A clock that went back: of what is counted, some has not begun yet.
  if (window.nowMs < settledMs) return undefined;
  for (let place = cursor; ;) {
    const page = await store.arrivals({ limit: ARRIVALS, cursor: place });
    const spans = page.arrivals.map(({ span }) => span);
    if (page.isGap || earliestCall(spans, window) < settledMs) return undefined;
    if (spans.length < ARRIVALS) return page.cursor;
    place = page.cursor;
    await turn();
  }
}

/** Counts what has come since, and judges. */
async function read(
  store: GateSource,
  { counter, settledMs, cursor, lagMs }: Kept,
  window: GateWindow,
): Promise<{ readonly seen: GateSeen; readonly next: Kept }> {
  const { target, sha, startedMs, beforeMs, nowMs } = window;
  const part = (sinceMs: number, untilMs: number): GatePart => ({ target, sha, startedMs, sinceMs, untilMs });
  const begin = Math.max(settledMs, Math.floor(startedMs - beforeMs));
  const settle = Math.floor(nowMs - lagMs);
  // Before that the calls that the limits are taken from are not complete.
  const end = settle > startedMs && settle > begin ? settle : begin;
  if (end > begin) {
    for await (const page of gatePages(store, part(begin, end))) {
      await counter.settle(page);
      await turn();
    }
  }
  for await (const page of gatePages(store, part(end, Math.floor(nowMs) + 1))) {
    await counter.tail(page);
    await turn();
  }
  const seen = await counter.look(nowMs);
  return { seen, next: { counter, settledMs: end > begin ? end : settledMs, cursor, lagMs } };
}

/** Everybody else's turn: an embedded store reads without a pause. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
