import type { Call } from "../calls.ts";

/** Kinds of signs that a fault began in an operation. */
export type SignKind = "slower" | "fails" | "absent" | "extra_calls" | "new_operation" | "no_longer_called";

/** One sign that a fault began in an operation, with what it is measured by. */
export type Sign = {
  readonly kind: SignKind;
  /** Any call of the operation: its service and name count. */
  readonly call: Call;
  /** Standard errors by which the incident differs from the baseline. */
  readonly z: number;
  /** How much it matters, 0 to 1; see the detectors of signs. */
  readonly impact: number;
  /** A sentence with the numbers; names in it are cleaned. */
  readonly reason: string;
  /** Calls of the incident that show it, worst first where they differ. */
  readonly shownBy: readonly Call[];
};

/** The impact of added time: r / (r + ½), where r is the added time as a share of the usual length of the traces concerned. */
export function impactOfTime(ratio: number): number {
  return ratio <= 0 ? 0 : ratio / (ratio + 0.5);
}

/**
 * The impact of added failures: the square root of the added share of failing calls. A failure weighs more than a delay
 * of the same share: half of a call's time lost is a nuisance, half of the calls lost is an outage.
 */
export function impactOfFailures(rate: number): number {
  return rate <= 0 ? 0 : Math.sqrt(Math.min(1, rate));
}
