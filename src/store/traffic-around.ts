import type { HeldEvidence, ObservedOperation } from "../learn/held.ts";
import { mergeIntoSketch } from "../stats/sketch.ts";
import type { SpanStore } from "./port.ts";

/** A change of a service and the traffic to be read around it; ns, instants since the Unix epoch. */
export type ChangeWindow = {
  readonly service: string;
  readonly changedNs: bigint;
  /** Length of the traffic before the change, and of the latest after it. */
  readonly windowNs: bigint;
  readonly nowNs: bigint;
};

const MINUTE_NS = 60_000_000_000n;

/**
 * Calls of a service's tools before a change, and the latest after it. The minute of the change belongs to neither:
 * rollups count whole minutes, and in this one both versions were called.
 */
export async function trafficAround(
  store: Pick<SpanStore, "rollups">,
  { service, changedNs, windowNs, nowNs }: ChangeWindow,
): Promise<HeldEvidence> {
  const begin = changedNs - (changedNs % MINUTE_NS);
  const end = begin + MINUTE_NS;
  const latest = nowNs - windowNs > end ? nowNs - windowNs : end;
  return {
    before: await observedOperations(store, { service, sinceNs: begin - windowNs, untilNs: begin }),
    after: latest < nowNs ? await observedOperations(store, { service, sinceNs: latest, untilNs: nowNs }) : [],
  };
}

/** Calls of a service's tools as their server saw them, by the tool's name. */
async function observedOperations(
  store: Pick<SpanStore, "rollups">,
  window: { readonly service: string; readonly sinceNs: bigint; readonly untilNs: bigint },
): Promise<readonly ObservedOperation[]> {
  const found = new Map<string, { calls: number; errors: number; durations: Map<number, number> }>();
  for await (const rows of store.rollups(window)) {
    for (const { kind, operation, status, count, durations } of rows) {
      if (kind !== "server") continue;
      const name = operation.replace(/^tools\/call /, "");
      const own = found.get(name) ?? { calls: 0, errors: 0, durations: new Map<number, number>() };
      found.set(name, own);
      own.calls += count;
      own.errors += status === "error" ? count : 0;
      mergeIntoSketch(own.durations, durations);
    }
  }
  return [...found].map(([operation, own]) => ({ operation, ...own }));
}
