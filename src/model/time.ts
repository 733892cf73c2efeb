import { WhetstoneError } from "./error.ts";

/**
 * The one source of time. Wall time orders and labels; monotonic time measures.
 * Adapters: the system clock in `wire.ts`, {@link ManualClock} in tests.
 */
export type Clock = {
  /** Wall clock: nanoseconds since the Unix epoch, UTC. */
  readonly now: () => bigint;
  /** Monotonic clock: milliseconds with fraction from an arbitrary origin. */
  readonly monotonicMs: () => number;
};

/** Memory twin of {@link Clock}: stands still until `advance` is called. */
export type ManualClock = Clock & { readonly advance: (ms: number) => void };

/** A clock that a test moves by hand; starts at `start` (ns since the Unix epoch). */
export function manualClock(start = 1_700_000_000_000_000_000n): ManualClock {
  let elapsedMs = 0;
  return {
    now: () => start + BigInt(Math.round(elapsedMs * 1e6)),
    monotonicMs: () => elapsedMs,
    advance: (ms) => {
      elapsedMs += ms;
    },
  };
}

const NS_PER: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3_600e9,
  d: 86_400e9,
};

/** RFC 3339 in UTC with as many fraction digits as needed (ms at least): `2026-11-20T10:00:00.000Z`. */
export function formatInstant(ns: bigint): string {
  // Towards the past, also before 1970.
  const rest = ((ns % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const ms = (ns - rest) / 1_000_000n;
  const text = new Date(Number(ms)).toISOString();
  return rest === 0n ? text : text.replace("Z", `${rest.toString().padStart(6, "0").replace(/0+$/, "")}Z`);
}

/** A duration as text: a number with a unit. */
export const DURATION = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)$/;

/**
 * Parses a duration such as `250us`, `10ms`, `2s`, `5m`, `1.5h` into nanoseconds.
 * @throws WhetstoneError `usage` when the text is no duration.
 */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text.trim());
  const scale = match?.[2] === undefined ? undefined : NS_PER[match[2]];
  if (match?.[1] === undefined || scale === undefined) {
    throw new WhetstoneError("usage", `"${text}" is not a duration.`, {
      remedy: "Write a number with a unit, such as 250us, 10ms, 2s or 5m.",
    });
  }
  return Number(match[1]) * scale;
}

/**
 * Parses an RFC 3339 instant, or a time relative to `now` such as `-15m` or `-7d`, into ns since the Unix epoch.
 * @throws WhetstoneError `usage` when the text is neither.
 */
export function parseInstant(text: string, now: bigint): bigint {
  const trimmed = text.trim();
  if (trimmed.startsWith("-")) return before(now, trimmed);
  const match = /^(\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/.exec(trimmed);
  const seconds = match ? Date.parse(`${match[1]?.replace(" ", "T")}${match[3]?.toUpperCase()}`) : Number.NaN;
  if (!match || Number.isNaN(seconds) || !isOnCalendar(match[1] ?? "")) {
    throw new WhetstoneError("usage", `"${text}" is not a time.`, {
      remedy: "Write RFC 3339 such as 2026-11-20T10:00:00Z, or a relative time such as -15m or -7d.",
    });
  }
  return BigInt(seconds) * 1_000_000n + BigInt((match[2] ?? "").padEnd(9, "0"));
}

/** Start of year 1, the earliest that RFC 3339 can write. */
const EARLIEST_NS = -62_135_596_800_000_000_000n;

function before(now: bigint, text: string): bigint {
  const ns = parseDuration(text.slice(1));
  const instant = Number.isFinite(ns) ? now - BigInt(Math.round(ns)) : undefined;
  if (instant !== undefined && instant >= EARLIEST_NS) return instant;
  throw new WhetstoneError("usage", `"${text}" lies before the first year.`, { remedy: "Give a later time." });
}

/** `Date.parse` takes 30 February for 2 March, and 24:00 for the next day. */
function isOnCalendar(local: string): boolean {
  const day = local.slice(0, 10);
  return new Date(Date.parse(`${day}T${local.slice(11)}Z`)).toISOString().startsWith(day);
}
