import type { ReasonCode } from "../model/codes.ts";
import type { EventName } from "./arm-count.ts";
import type { CanaryMetric } from "../model/verdict.ts";

/** What a metric says at one look. */
export type MetricVerdict = CanaryMetric["verdict"];

/** Calls per arm that a metric is judged on. */
export type Exposure = { readonly control: number; readonly experiment: number };

/** A judged metric. */
export type JudgedMetric = {
  readonly name: EventName | "latency";
  readonly verdict: MetricVerdict;
  readonly reasons: CanaryMetric["reasons"];
  /** Its numbers; some cost far more than the verdict. */
  readonly describe: () => Omit<CanaryMetric, "verdict" | "reasons">;
  /** What it would say of `factor` times as much data at the same rates. */
  readonly verdictAt: (factor: number) => MetricVerdict;
};

/** Why calls of these numbers allow no decision at all; undefined when they do. */
export function exposureReason(exposure: Exposure, minimum: number): ReasonCode | undefined {
  if (exposure.experiment === 0) return "no_canary_traffic";
  if (exposure.control === 0) return "no_baseline_traffic";
  return Math.min(exposure.control, exposure.experiment) < minimum ? "below_minimum_exposure" : undefined;
}
