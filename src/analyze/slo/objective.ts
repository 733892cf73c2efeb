import type { SloSettings } from "../../config/slo.ts";
import type { SloKind } from "../../model/slo.ts";
import { parseDuration } from "../../model/time.ts";

/** A service-level objective over the calls of one service. */
export type Objective = {
  readonly target: string;
  readonly name: string;
  readonly service: string;
  /** Only calls of this operation; all where absent. */
  readonly operation?: string;
  readonly sli: SloKind;
  /** Latency: longest good call, ns. */
  readonly thresholdNs?: number;
  /** Share of good calls that is wanted, 0 to 1, both excluded. */
  readonly objective: number;
  /** Length of the period, ns. */
  readonly windowNs: number;
};

/** Calls of a stretch of time. */
export type SliCounts = { readonly total: number; readonly bad: number; readonly uncertain: number };

export const NO_CALLS: SliCounts = { total: 0, bad: 0, uncertain: 0 };

export function addCounts(a: SliCounts, b: SliCounts): SliCounts {
  return { total: a.total + b.total, bad: a.bad + b.bad, uncertain: a.uncertain + b.uncertain };
}

/** The objective that `targets.<target>.slos` of the configuration describes; its service is the target's name by default. */
export function objectiveOf(target: string, settings: SloSettings): Objective {
  const { name, sli, threshold, objective, window, operation, service = target } = settings;
  return {
    target,
    name,
    service,
    sli,
    objective: objective / 100,
    windowNs: parseDuration(window),
    ...(operation === undefined ? {} : { operation }),
    ...(threshold === undefined ? {} : { thresholdNs: parseDuration(threshold) }),
  };
}
