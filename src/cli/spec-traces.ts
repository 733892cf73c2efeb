import { groupTraces, type TraceTree } from "../analyze/tree.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import type { Store } from "../store/store.ts";
import { readTraceSource } from "./trace-source.ts";

/** Traces for a specification, and what was left out of them. */
export type SpecTraces = { readonly traces: readonly TraceTree[]; readonly notes: readonly string[] };

type Context = { readonly cwd: string; readonly now: bigint; readonly openStore: () => Promise<Store> };

/** A trace id as people type it. */
const TRACE_ID = /^[0-9a-fA-F]{32}$/;

/**
 * Reads traces by what the command line names: ids of stored traces, trace files, windows of the store. Parts of a trace
 * that come from several of them are one trace. Files and windows without a trace give none, so that the check can say
 * so; an unknown id is an error.
 * @throws WhetstoneError `usage`, `input_unreadable`, `not_found` for an id, and what the store rejects with
 */
export async function readSpecTraces(words: readonly string[], context: Context): Promise<SpecTraces> {
  const ids = words.filter((word) => TRACE_ID.test(word));
  const sources = words.filter((word) => !TRACE_ID.test(word));
  const spans = await storedSpans(ids, context);
  const notes: string[] = [];
  for (const source of sources) {
    const read = await sourceTraces(source, context);
    notes.push(...read.notes);
    for (const { nodes } of read.traces) for (const { span } of nodes) spans.push(span);
  }
  return { traces: groupTraces(spans), notes };
}

async function storedSpans(ids: readonly string[], { openStore }: Context): Promise<Span[]> {
  if (ids.length === 0) return [];
  await using store = await openStore();
  const found: Span[] = [];
  for (const id of ids) {
    const spans = await store.trace(id.toLowerCase());
    if (spans.length === 0) {
      throw new WhetstoneError("not_found", `There is no trace ${id} in the store.`, {
        remedy: "List traces with `whetstone traces search`, or name another store with --db.",
      });
    }
    for (const span of spans) found.push(span);
  }
  return found;
}

async function sourceTraces(source: string, context: Context): Promise<SpecTraces> {
  try {
    return await readTraceSource(source, context);
  } catch (error) {
    if (!(error instanceof WhetstoneError) || error.code !== "not_found") throw error;
    return { traces: [], notes: [error.message] };
  }
}
