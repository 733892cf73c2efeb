import { ATTR, type Span, type SpanKind } from "../model/span.ts";

/** What {@link resolveParents} found: spans by start, who is whose parent, and what had to be repaired. */
export type Parentage = {
  /** Distinct spans in a total order: start, longer first, span id, kind. */
  readonly spans: readonly Span[];
  /** Parent of each span; roots are absent. */
  readonly parents: ReadonlyMap<Span, Span>;
  /** Copies of a span (same span id and kind) that were left out; the longest is kept. */
  readonly duplicates: number;
  /** Spans that name a parent which the trace does not hold; they are roots. */
  readonly orphans: number;
  /** Parent links that were cut because they led back to the span; the earliest span becomes a root. */
  readonly cycles: number;
};

/** Which half of a span id shared by several spans a child is under, when no half has the child's service. */
const PARENT_PREFERENCE: readonly SpanKind[] = ["server", "consumer", "internal", "client", "producer"];

/** The half of a Zipkin-style shared span id that the other half is under. */
const CALLER_OF: Partial<Record<SpanKind, SpanKind>> = { server: "client", consumer: "producer" };

/**
 * Finds the parent of every span of one trace. Accepts any set of spans: missing parents, several roots, cycles, span ids
 * shared by a client and a server span (Zipkin v2 `shared`), copies. The answer does not depend on the order of `spans`.
 */
export function resolveParents(spans: readonly Span[]): Parentage {
  const byId = distinctById(spans);
  const distinct = [...byId.values()].flat().sort(bySpanStart);
  const parents = new Map<Span, Span>();
  let orphans = 0;
  let selfLinks = 0;
  for (const span of distinct) {
    const parent = parentOf(span, byId);
    if (parent !== undefined) parents.set(span, parent);
    else if (span.parentSpanId === span.spanId) selfLinks += 1;
    else if (span.parentSpanId !== undefined) orphans += 1;
  }
  const cycles = selfLinks + cutCycles(distinct, parents);
  return { spans: distinct, parents, duplicates: spans.length - distinct.length, orphans, cycles };
}

function parentOf(span: Span, byId: ReadonlyMap<string, readonly Span[]>): Span | undefined {
  const callerKind = CALLER_OF[span.kind];
  const caller = callerKind && byId.get(span.spanId)?.find((other) => other.kind === callerKind);
  if (caller !== undefined) return caller;
  if (span.parentSpanId === undefined || span.parentSpanId === span.spanId) return undefined;
  const candidates = byId.get(span.parentSpanId) ?? [];
  const sameService = candidates.filter((candidate) => candidate.service === span.service);
  const pool = sameService.length > 0 ? sameService : candidates;
  for (const kind of PARENT_PREFERENCE) {
    const found = pool.find((candidate) => candidate.kind === kind);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Removes one link of every cycle, the one of its earliest span, and returns how many were removed. */
function cutCycles(spans: readonly Span[], parents: Map<Span, Span>): number {
  const visitedIn = new Map<Span, Span>();
  let cut = 0;
  for (const start of spans) {
    let span: Span | undefined = start;
    while (span !== undefined && !visitedIn.has(span)) {
      visitedIn.set(span, start);
      span = parents.get(span);
    }
    if (span === undefined || visitedIn.get(span) !== start) continue;
    parents.delete(earliestOfCycle(span, parents));
    cut += 1;
  }
  return cut;
}

function earliestOfCycle(member: Span, parents: ReadonlyMap<Span, Span>): Span {
  let earliest = member;
  for (let span = parents.get(member); span !== undefined && span !== member; span = parents.get(span)) {
    if (bySpanStart(span, earliest) < 0) earliest = span;
  }
  return earliest;
}

/** The distinct spans of each span id: one per kind, the fullest. */
function distinctById(spans: readonly Span[]): ReadonlyMap<string, readonly Span[]> {
  const byId = new Map<string, Span[]>();
  for (const span of spans) {
    const known = byId.get(span.spanId);
    if (known === undefined) {
      byId.set(span.spanId, [span]);
      continue;
    }
    const same = known.findIndex(({ kind }) => kind === span.kind);
    if (same < 0) known.push(span);
    else if (byFullness(span, known[same] as Span) < 0) known[same] = span;
  }
  return byId;
}

function bySpanStart(a: Span, b: Span): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  return b.durationNs - a.durationNs || compareText(a.spanId, b.spanId) || compareText(a.kind, b.kind);
}

/** Orders copies of one span so that the same one is kept whatever order they came in: the longest, then the earliest. */
function byFullness(a: Span, b: Span): number {
  return b.durationNs - a.durationNs || bySpanStart(a, b) || compareText(contentKey(a), contentKey(b));
}

function contentKey(span: Span): string {
  return JSON.stringify([span.service, span.name, span.status, span.parentSpanId, span.attributes[ATTR.errorType]]);
}

/** Orders by UTF-16 code unit, the same on every machine. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
