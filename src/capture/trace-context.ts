import { SpanId, TraceId } from "../model/span.ts";

/** Source of random bytes: `crypto.randomBytes` in production, a seeded one in tests. */
export type RandomBytes = (bytes: number) => Uint8Array;

/** A W3C trace context: ids in lower-case hexadecimal, flags as two digits. */
export type TraceContext = { readonly traceId: string; readonly spanId: string; readonly flags: string };

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * Reads a `traceparent` (W3C Trace Context, section 3.2.2): version 00 exactly, later versions by their known prefix,
 * version ff and all-zero ids never. Undefined when it is no valid one; the caller then starts a new trace.
 */
export function parseTraceparent(value: unknown): TraceContext | undefined {
  if (typeof value !== "string") return undefined;
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(value) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (!TraceId.safeParse(traceId).success || !SpanId.safeParse(spanId).success) return undefined;
  return { traceId, spanId, flags };
}

/** The `traceparent` of a context, version 00. */
export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.flags}`;
}

/** A span below `parent`, or the root of a new, sampled trace. */
export function childContext(parent: TraceContext | undefined, random: RandomBytes): TraceContext {
  return {
    traceId: parent?.traceId ?? randomId(random, 16),
    spanId: randomId(random, 8),
    flags: parent?.flags ?? "01",
  };
}

/**
 * The same source, asked for many bytes at a time: a call of the operating system's generator costs more than all else
 * about an id.
 */
export function pooledRandom(random: RandomBytes, poolBytes = 4_096): RandomBytes {
  let pool: Uint8Array = new Uint8Array();
  return (bytes) => {
    if (pool.length < bytes) pool = random(Math.max(poolBytes, bytes));
    const taken = pool.subarray(0, bytes);
    pool = pool.subarray(bytes);
    return taken;
  };
}

/** A random id in hexadecimal, never all zero. */
export function randomId(random: RandomBytes, bytes: number): string {
  const taken = random(bytes);
  const id = Buffer.from(taken.buffer, taken.byteOffset, taken.length).toString("hex");
  return /^0+$/.test(id) ? id.replace(/0$/, "1") : id;
}
