import { ATTR } from "./span.ts";

/** Greatest weight that is believed: a sender that keeps fewer than one trace in a million states this much. */
export const GREATEST_WEIGHT = 1_000_000;

/**
 * How many spans a kept one stands for: the inverse of the probability that it was kept. 1 when none, or nothing
 * usable, is stated. Counts and rates over sampled spans are sums of weights.
 */
export function weightOf(attributes: Readonly<Record<string, unknown>>): number {
  const stated = attributes[ATTR.sampleWeight];
  return typeof stated === "number" && stated >= 1 ? Math.min(stated, GREATEST_WEIGHT) : 1;
}

const FNV_PRIME = 0x01000193;
const FNV_BASIS = 0x811c9dc5;

/**
 * The weight as a whole number, for counters: rounded up or down by chance in proportion to its fraction, where the
 * chance is a hash of the span's id. The expectation is the weight itself (rounding to the nearest would make 10/3 into
 * 3 each time, a tenth too few), and every store counts the same span alike.
 */
export function countOf(attributes: Readonly<Record<string, unknown>>, spanId: string): number {
  const weight = weightOf(attributes);
  const whole = Math.floor(weight);
  return whole === weight ? whole : whole + Number(uniform(spanId) < weight - whole);
}

/** FNV-1a of the text with MurmurHash3's finaliser, as a number in [0, 1). */
function uniform(text: string): number {
  let hash = FNV_BASIS;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
