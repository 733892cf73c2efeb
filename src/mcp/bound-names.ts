import { boundedName } from "../analyze/names.ts";
import type { Span } from "../model/span.ts";

/** Longest name that is taken as it is, UTF-16 code units. */
const LONGEST = 160;
const KEPT = 100;

/**
 * A name of at most 160 characters: a longer one is cut, and says so with its length and a checksum, so that different
 * names stay different. Bounding twice changes nothing.
 */
export function boundName(name: string): string {
  if (name.length <= LONGEST) return name;
  const checksum = boundedName(name).slice(-8);
  return `${name.slice(0, KEPT).toWellFormed()} [cut: ${KEPT} of ${name.length} characters, ~${checksum}]`;
}

/**
 * Spans whose services and operations have bounded names: an analysis keeps names by the call, and a trace with names of
 * 10,000 characters would not fit into memory.
 */
export function boundNames(spans: readonly Span[]): readonly Span[] {
  const known = new Map<string, string>();
  const bound = (name: string): string => {
    if (name.length <= LONGEST) return name;
    const short = known.get(name) ?? boundName(name);
    known.set(name, short);
    return short;
  };
  return spans.map((span) =>
    span.name.length + span.service.length <= LONGEST
      ? span
      : { ...span, name: bound(span.name), service: bound(span.service) },
  );
}
