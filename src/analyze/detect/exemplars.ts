import { compareText } from "../parents.ts";

/** A trace and how bad it is; greater is worse. */
export type Exemplar = { readonly traceId: string; readonly badness: number };

const MAX_EXEMPLARS = 5;

/** Ids of the worst traces, worst first, each once, at most five; ties by trace id. */
export function worstTraces(exemplars: readonly Exemplar[]): string[] {
  const ranked = exemplars.toSorted((a, b) => b.badness - a.badness || compareText(a.traceId, b.traceId));
  return [...new Set(ranked.map(({ traceId }) => traceId))].slice(0, MAX_EXEMPLARS);
}
