/**
 * Consistent probability sampling (OpenTelemetry specification, `trace/tracestate-probability-sampling`): a trace is
 * kept when its 56 random bits are at least the rejection threshold, so that every process that samples at the same or
 * a higher probability keeps it too. Both are 14 hexadecimal digits here and compare as text.
 */
export type Threshold = string;

const DIGITS = 14;
const STEPS = 2 ** (4 * DIGITS);

/** The threshold that keeps this share of traces; undefined when it keeps none. */
export function thresholdOf(probability: number): Threshold | undefined {
  const rejected = Math.round((1 - Math.min(1, probability)) * STEPS);
  return rejected >= STEPS ? undefined : rejected.toString(16).padStart(DIGITS, "0");
}

/** How many traces a kept one stands for. */
export function weightOfThreshold(threshold: Threshold): number {
  return STEPS / (STEPS - Number.parseInt(threshold, 16));
}

/** Whether a trace is kept; `randomness` overrides the random bits of the trace id. */
export function isKept(traceId: string, threshold: Threshold, randomness?: string): boolean {
  return (randomness ?? traceId.slice(-DIGITS)) >= threshold;
}

/** What the `ot` member of a tracestate says: `th` (threshold), `rv` (randomness), and the rest as it came. */
export type OtState = { readonly th?: Threshold; readonly rv?: string; readonly rest: readonly string[] };

/** Reads the `ot` member; malformed parts are dropped. */
export function parseOtState(member: string | undefined): OtState {
  const state: { th?: Threshold; rv?: string; rest: string[] } = { rest: [] };
  for (const part of member?.split(";") ?? []) {
    const [, key, value] = /^([a-z][a-z0-9]*):([\w.-]*)$/.exec(part) ?? [];
    if (key === "th") {
      if (/^[0-9a-f]{1,14}$/.test(value ?? "")) state.th = (value ?? "").padEnd(DIGITS, "0");
    } else if (key === "rv") {
      if (/^[0-9a-f]{14}$/.test(value ?? "")) state.rv = value ?? "";
    } else if (key !== undefined) state.rest.push(part);
  }
  return state;
}

/** Writes the `ot` member; trailing zeros of the threshold are left out. */
export function formatOtState({ th, rv, rest }: OtState): string {
  const parts = [
    ...(th === undefined ? [] : [`th:${th.replace(/0+$/, "") || "0"}`]),
    ...(rv === undefined ? [] : [`rv:${rv}`]),
    ...rest,
  ];
  return parts.join(";");
}
