import type { MeasuredEffect, RuleReview } from "../model/learning.ts";
import { SHOWN, WORTH_ITS_COST } from "./anytime.ts";
import { describeEValue } from "./decide.ts";

/** What the e-values of {@link explainReview} promise, for people. */
export const PROMISE =
  `An e-value of ${SHOWN} shows what it is for, however often one looks: of rules that raise no session's chance at most ` +
  `5 % are ever said to help, and of those that raise every session's by ${Math.round(100 * WORTH_ITS_COST)} points or more ` +
  "at most 5 % are ever retired for their effect.";

/** What is known of a rule, what follows, how sure that is, and how much more it takes: one line. */
export function explainReview(review: RuleReview): string {
  const { rule, version, standing, due, needs, validated, held } = review;
  const name = `Rule ${rule} (version ${version})`;
  const measured =
    validated === undefined
      ? "not measured yet"
      : describeEffect(validated, "passed validation") + evidenceOf(validated);
  const late = held === undefined ? "" : ` ${capital(describeEffect(held, "were kept"))}`;
  const more = needs === undefined ? "" : ` About ${needs} more sessions until it is decided.`;
  const then = due === undefined ? "" : ` Due: ${due.kind} (${due.detail}).`;
  switch (standing) {
    case "candidate":
      return `${name} is a candidate: no session sees it.`;
    case "retired":
      return `${name} is retired.`;
    case "hard":
      return `${name} is a constraint: every session sees it, the gate enforces it, and it is not measured.`;
    case "expired":
      return `${name} has expired: no session sees it; ${measured}.${late}${then}`;
    case "trial":
      return `${name} is in trial: ${measured}.${late}${more}${then}`;
    case "undecided":
      return `${name} is undecided: ${measured}.${late}${more}${then}`;
    case "helps":
      return `${name} helps: ${measured}.${late}${then}`;
    case "useless":
      return `${name} does not help: ${measured}.${late}${then}`;
  }
}

function evidenceOf({ evidence: { helps, wastes } }: MeasuredEffect): string {
  return `, e-values ${describeEValue(helps)} that it helps and ${describeEValue(wastes)} that it is not worth its tokens`;
}

/** Counts, effect and certainty: never a share without the number it is of. */
export function describeEffect({ shown, heldOut, delta, interval, helps }: MeasuredEffect, what: string): string {
  const arm = ({ successes, trials }: MeasuredEffect["shown"]): string => `${successes} of ${trials}`;
  const range = `${points(interval.low)} to ${points(interval.high)}`;
  const level = `${Math.round(100 * interval.level)} %`;
  return `${arm(shown)} ${what} with it, ${arm(heldOut)} without; effect ${points(delta)} points (${level} ${range}), P(effect > 0) = ${helps.toFixed(2)}`;
}

function points(share: number): string {
  const value = Math.round(100 * share);
  return value > 0 ? `+${value}` : `${value}`.replace("-", "−");
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
