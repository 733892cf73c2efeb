import type { ObservedOperation } from "../learn/held.ts";
import { mergeIntoSketch } from "../stats/sketch.ts";
import type { SpanStore } from "./port.ts";

/** Calls of a service's tools as their server saw them, by the tool's name, in a window (ns since the Unix epoch). */
export async function observedOperations(
  store: Pick<SpanStore, "rollups">,
  window: { readonly service: string; readonly sinceNs: bigint; readonly untilNs: bigint },
): Promise<readonly ObservedOperation[]> {
  const found = new Map<string, { calls: number; errors: number; durations: Map<number, number> }>();
  for await (const rows of store.rollups(window)) {
    for (const { kind, operation, status, count, durations } of rows.filter((row) => row.kind === "server")) {
      const name = operation.replace(/^tools\/call /, "");
      const own = found.get(name) ?? { calls: 0, errors: 0, durations: new Map<number, number>() };
      found.set(name, own);
      own.calls += count;
      if (status === "error" && kind === "server") own.errors += count;
      mergeIntoSketch(own.durations, durations);
    }
  }
  return [...found].map(([operation, own]) => ({ operation, ...own }));
}
