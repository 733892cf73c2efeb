import { WhetstoneError } from "../model/error.ts";
import type { PointValue } from "../model/metric.ts";

/** First byte of every code. */
const FORMAT = 1;

/** Bits of the byte after it: which of sum, min and max follow. */
const HAS = [1, 2, 4] as const;

type Histogram = PointValue & { readonly kind: "histogram" };
type Exponential = PointValue & { readonly kind: "exponential_histogram" };
type Summary = PointValue & { readonly kind: "summary" };

/** A point's value that is not a single number. */
export type DistributionValue = Histogram | Exponential | Summary;

/**
 * Code of a distribution: whole numbers as LEB128 varints (signed ones folded: 0, −1, 1, −2, …), others as 8 bytes. What
 * kind it is, and a histogram's bounds, stand with the series.
 */
export function encodePoint(value: DistributionValue): Uint8Array {
  const into: number[] = [FORMAT];
  switch (value.kind) {
    case "histogram":
      putObserved(into, value);
      putCounts(into, value.counts);
      break;
    case "exponential_histogram":
      putObserved(into, value);
      putSigned(into, value.scale);
      putWhole(into, value.zeroCount);
      putDouble(into, value.zeroThreshold);
      for (const { offset, counts } of [value.positive, value.negative]) {
        putSigned(into, offset);
        putCounts(into, counts);
      }
      break;
    case "summary":
      putWhole(into, value.count);
      putDouble(into, value.sum);
      for (const one of value.quantiles) {
        putDouble(into, one.quantile);
        putDouble(into, one.value);
      }
      break;
  }
  return Uint8Array.from(into);
}

/**
 * The value that {@link encodePoint} was given.
 * @throws WhetstoneError `store_read_failed` when the bytes are no such code
 */
export function decodePoint(kind: DistributionValue["kind"], bytes: Uint8Array): DistributionValue {
  if (bytes[0] !== FORMAT) throw damaged();
  const from: Reader = { bytes, at: 1 };
  const value = takeValue(kind, from);
  if (from.at !== bytes.length) throw damaged();
  return value;
}

function takeValue(kind: DistributionValue["kind"], from: Reader): DistributionValue {
  switch (kind) {
    case "histogram":
      return { kind, ...takeObserved(from), counts: takeCounts(from) };
    case "exponential_histogram": {
      const head = { kind, ...takeObserved(from), scale: takeSigned(from), zeroCount: takeWhole(from) };
      const zeroThreshold = takeDouble(from);
      const takeBuckets = () => ({ offset: takeSigned(from), counts: takeCounts(from) });
      return { ...head, zeroThreshold, positive: takeBuckets(), negative: takeBuckets() };
    }
    case "summary": {
      const head = { kind, count: takeWhole(from), sum: takeDouble(from) };
      const quantiles: Summary["quantiles"] = [];
      while (from.at < from.bytes.length) quantiles.push({ quantile: takeDouble(from), value: takeDouble(from) });
      return { ...head, quantiles };
    }
  }
}

type Observed = Pick<Histogram, "count" | "sum" | "min" | "max">;

function putObserved(into: number[], { count, sum, min, max }: Observed): void {
  const values = [sum, min, max];
  into.push(HAS.reduce((bits: number, bit, at) => (values[at] === undefined ? bits : bits | bit), 0));
  putWhole(into, count);
  for (const value of values) if (value !== undefined) putDouble(into, value);
}

function takeObserved(from: Reader): Observed {
  const has = from.bytes[from.at++] ?? 0;
  const count = takeWhole(from);
  const [sum, min, max] = HAS.map((bit) => ((has & bit) === 0 ? undefined : takeDouble(from)));
  return {
    count,
    ...(sum !== undefined && { sum }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  };
}

function putCounts(into: number[], counts: readonly number[]): void {
  putWhole(into, counts.length);
  for (const count of counts) putWhole(into, count);
}

function takeCounts(from: Reader): number[] {
  const length = takeWhole(from);
  // A count is a byte at least: more of them than bytes are damage, not a reason to ask for memory.
  if (length > from.bytes.length - from.at) throw damaged();
  return Array.from({ length }, () => takeWhole(from));
}

function putWhole(into: number[], value: number): void {
  // By division: bit operators would cut numbers beyond 32 bits.
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) into.push((rest % 0x80) | 0x80);
  into.push(rest);
}

const putSigned = (into: number[], value: number): void => putWhole(into, value < 0 ? -2 * value - 1 : 2 * value);

function putDouble(into: number[], value: number): void {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  for (let at = 0; at < 8; at += 1) into.push(view.getUint8(at));
}

type Reader = { readonly bytes: Uint8Array; at: number };

function takeWhole(from: Reader): number {
  let value = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = from.bytes[from.at];
    if (byte === undefined || scale > 2 ** 49) throw damaged();
    from.at += 1;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
}

function takeSigned(from: Reader): number {
  const folded = takeWhole(from);
  return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
}

function takeDouble(from: Reader): number {
  if (from.bytes.length - from.at < 8) throw damaged();
  const view = new DataView(from.bytes.buffer, from.bytes.byteOffset, from.bytes.byteLength);
  from.at += 8;
  return view.getFloat64(from.at - 8, true);
}

const damaged = (): WhetstoneError =>
  new WhetstoneError("store_read_failed", "The store holds a metric point that cannot be read.", {
    remedy: "The store is damaged: restore a backup.",
  });
