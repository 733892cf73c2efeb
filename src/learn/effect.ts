import type { Interval } from "../model/finding.ts";
import type { EvidenceOfRule } from "../model/learning.ts";
import { normalCdf, normalQuantile } from "../stats/normal.ts";
import { anytimeEvidence } from "./anytime.ts";
import type { Success, Trial } from "./trials.ts";

/** Strength of the prior of an arm's share, in sessions: the repository's own share counts this many. */
const ARM_PRIOR = 10;

/** Standard deviation of rules' true effects before any is measured. */
const TAU = 0.1;

/** As many measured rules weigh as much as {@link TAU} does. */
const TAU_PRIOR = 20;

/** The pooled effect is itself shrunk towards none: the expected effect of a rule that a machine wrote. */
const POOLED_SD = 0.05;

const LEVEL = 0.9;

/** One arm of a rule: sessions, successes, and the mean of the Beta posterior of their share. */
export type ArmShare = { readonly trials: number; readonly successes: number; readonly share: number };

/** An estimate with its standard error. */
export type Estimate = { readonly delta: number; readonly se: number };

/** What is known of one version of a rule: difference of the shares of sessions that succeed, with it less without. */
export type RuleEffect = {
  readonly rule: string;
  readonly version: number;
  readonly shown: ArmShare;
  readonly heldOut: ArmShare;
  /** Before shrinkage; undefined while an arm is empty. */
  readonly raw: Estimate | undefined;
  /** Posterior mean and standard deviation of the effect, after shrinkage to the pooled one. */
  readonly delta: number;
  readonly sd: number;
  /** P(effect > 0). */
  readonly helps: number;
  /** Central 90 % of the posterior: its ends are where {@link RuleEffect.helps} crosses 5 % and 95 %. */
  readonly interval: Interval;
  /** What holds however often it is looked at; the posterior does not. */
  readonly evidence: EvidenceOfRule;
};

/**
 * The effect of every rule and version that was drawn, by assignment. Each arm's share is weighted by the inverse of the
 * probability it was drawn with (Hájek), so that q may have changed over time; its variance is that of the
 * beta-binomial posterior at the effective number of sessions. Effects are then shrunk to their pooled mean (normal, with
 * the spread τ). `trials` in the order of their draws. Sorted by rule and version.
 */
export function measureEffects(
  trials: readonly Trial[],
  success: Success = ({ validated }) => validated,
): RuleEffect[] {
  const groups = [...Map.groupBy(trials, ({ rule, version }) => `${rule}\n${String(version).padStart(9, "0")}`)];
  const measured = groups.sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, group]) => measure(group, success) ?? []);
  const prior = poolEffects(measured.flatMap(({ raw }) => (raw === undefined ? [] : [raw])));
  return measured.map((arms) => ({ ...arms, ...posterior(arms.raw, prior) }));
}

type Measured = Omit<RuleEffect, "delta" | "sd" | "helps" | "interval">;

function measure(all: readonly Trial[], success: Success): Measured | undefined {
  const group = all.filter((trial) => success(trial) !== undefined);
  const [first] = group;
  if (first === undefined) return undefined;
  const { rule, version } = first;
  const overall = group.filter((trial) => success(trial) === true).length / group.length;
  const shown = weigh(group, { assigned: true, overall, success });
  const heldOut = weigh(group, { assigned: false, overall, success });
  const raw =
    shown.trials === 0 || heldOut.trials === 0
      ? undefined
      : { delta: shown.weighted - heldOut.weighted, se: Math.sqrt(shown.variance + heldOut.variance) };
  const evidence = anytimeEvidence(all, success);
  return { rule, version, shown: shareOf(shown), heldOut: shareOf(heldOut), raw, evidence };
}

type Weighing = { readonly assigned: boolean; readonly overall: number; readonly success: Success };
type Weighed = ArmShare & { readonly weighted: number; readonly variance: number };

/** One arm, each session weighted by how improbable its draw was. */
function weigh(group: readonly Trial[], { assigned, overall, success }: Weighing): Weighed {
  const [arm, weights] = [group.filter((trial) => trial.assigned === assigned), [] as number[]];
  let [total, good, successes] = [0, 0, 0];
  for (const trial of arm) {
    const weight = 1 / (assigned ? trial.q : 1 - trial.q);
    weights.push(weight);
    total += weight;
    if (success(trial) !== true) continue;
    good += weight;
    successes += 1;
  }
  const squares = weights.reduce((sum, weight) => sum + weight * weight, 0);
  const effective = squares === 0 ? 0 : (total * total) / squares;
  const weighted = total === 0 ? overall : good / total;
  const share = (ARM_PRIOR * overall + effective * weighted) / (ARM_PRIOR + effective);
  // A share of 0 or 1 in the whole group leaves no variance; half a session of doubt does.
  const doubt = Math.max(share * (1 - share), 0.5 / (ARM_PRIOR + effective));
  return { trials: arm.length, successes, share, weighted, variance: effective === 0 ? Infinity : doubt / effective };
}

function shareOf({ trials, successes, share }: Weighed): ArmShare {
  return { trials, successes, share };
}

/** What rules' effects have in common: their mean, and the standard deviation around it. */
export type Pool = { readonly mean: number; readonly tau: number };

/** The pooled effect, precision-weighted and shrunk towards none; τ by moments, shrunk towards 0.1. */
export function poolEffects(estimates: readonly Estimate[]): Pool {
  const moments = estimates.reduce((total, { delta, se }) => total + delta ** 2 - se ** 2, 0);
  const variance = (TAU_PRIOR * TAU ** 2 + moments) / (TAU_PRIOR + estimates.length);
  // Never none at all: the first rule that has an effect must be able to show it.
  const tau = Math.max(Math.sqrt(Math.max(0, variance)), TAU / 4);
  let [precision, sum] = [1 / POOLED_SD ** 2, 0];
  for (const { delta, se } of estimates) {
    const weight = 1 / (se ** 2 + tau ** 2);
    precision += weight;
    sum += weight * delta;
  }
  return { mean: sum / precision, tau };
}

/** An estimate shrunk to the pooled effect: normal prior, normal likelihood. Without an estimate, the prior itself. */
export function posterior(
  raw: Estimate | undefined,
  { mean, tau }: Pool,
): Pick<RuleEffect, "delta" | "sd" | "helps" | "interval"> {
  const precision = raw === undefined ? 0 : 1 / raw.se ** 2;
  const total = precision + 1 / tau ** 2;
  const delta = (precision * (raw?.delta ?? 0) + mean / tau ** 2) / total;
  const sd = 1 / Math.sqrt(total);
  const half = normalQuantile((1 + LEVEL) / 2) * sd;
  const interval = { low: delta - half, high: delta + half, level: LEVEL };
  return { delta, sd, helps: normalCdf(delta / sd), interval };
}
