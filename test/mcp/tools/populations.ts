import { memoryStore } from "../../../src/store/memory.ts";
import type { Span } from "../../../src/model/span.ts";
import type { Store } from "../../../src/store/store.ts";
import { span, spanId, traceId } from "../../store/spans.ts";
import { NOW } from "../hostile-store.ts";

export const MINUTE = 60_000_000_000n;
const MS = 1_000_000;

/** How one call of the shop goes. Times in ms. */
export type ShopCall = {
  /** Minutes before now. */
  readonly ago: number;
  /** What the database takes. */
  readonly queryMs?: number;
  /** Queries, one after the other. */
  readonly queries?: number;
  readonly fails?: boolean;
};

/**
 * Traces of a shop: `gateway` asks `shop` for a checkout, which asks `db`. A little of every duration comes from the
 * number of the trace, so that statistics have something to measure.
 */
export function shopTrace(n: number, { ago, queryMs = 4, queries = 1, fails = false }: ShopCall): readonly Span[] {
  const at = NOW - BigInt(Math.round(ago * 60_000)) * BigInt(MS);
  const jitter = ((n * 7_919) % 97) / 97;
  const query = queryMs * (0.9 + jitter * 0.2);
  const work = 3 + jitter;
  const length = queries * query + work;
  const of = (id: number, changes: Partial<Span>): Span =>
    span({ traceId: traceId(n), spanId: spanId(id), ...changes });
  const status = fails ? ({ status: "error", attributes: { "error.type": "timeout" } } as const) : {};
  const ns = (ms: number): number => Math.round(ms * MS) + 1;
  return [
    of(1, {
      service: "gateway",
      name: "POST /checkout",
      kind: "server",
      startNs: at,
      durationNs: ns(length + 2),
      ...status,
    }),
    of(2, {
      parentSpanId: spanId(1),
      service: "shop",
      name: "checkout",
      kind: "server",
      startNs: at + 1_000_000n,
      durationNs: ns(length),
      ...status,
    }),
    ...Array.from({ length: queries }, (_, q) =>
      of(3 + q, {
        parentSpanId: spanId(2),
        service: "db",
        name: "SELECT cart",
        kind: "server",
        startNs: at + 2_000_000n + BigInt(ns(q * query)),
        durationNs: ns(query),
        ...status,
      }),
    ),
  ];
}

/** A store of such traces, the nth after `call`. */
export async function shop(count: number, call: (n: number) => ShopCall): Promise<Store> {
  const store = memoryStore();
  await store.append(Array.from({ length: count }, (_, n) => shopTrace(n, call(n))).flat());
  return store;
}
