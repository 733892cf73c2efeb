import type { DetectInputs } from "../model/detect.ts";
import type { Evidence } from "../model/finding.ts";
import type { SessionAnswer } from "../model/proposal.ts";
import type { StageVerdict } from "../model/verdict.ts";

/** What a hypothesis is held against. */
export type Measurable = { readonly evidence: Evidence; readonly calls: DetectInputs["calls"] };

/**
 * Can the recorded calls show what the change claims? The hypothesis has to name a tool that they call, an improvement
 * (less of a duration, or of an error rate above zero) of a size that agrees with its direction, and the proposal a
 * finding that the evidence holds.
 */
export function judgeHypothesis(
  { hypothesis, findings }: SessionAnswer,
  { evidence, calls }: Measurable,
): StageVerdict {
  const { metric, operation, direction, expectedChange } = hypothesis;
  const recorded = Object.hasOwn(calls, operation) ? calls[operation] : undefined;
  const known = new Set(evidence.findings.map(({ kind }) => kind));
  const faults = [
    recorded === undefined && `No recorded call is of ${JSON.stringify(operation)}: nothing of it can be measured.`,
    direction === "increase" && `${metric} is to increase, which is no improvement.`,
    !Number.isFinite(expectedChange) && `The expected change is no number.`,
    expectedChange === 0 && "The expected change is nothing.",
    expectedChange < 0 !== (direction === "decrease") &&
      expectedChange !== 0 &&
      `A change of ${expectedChange} is no ${direction}.`,
    metric === "error_rate" &&
      recorded?.failed === 0 &&
      `None of the ${recorded.calls} recorded calls of ${operation} fails, so no fewer can.`,
    !findings.some((kind) => known.has(kind)) &&
      `The evidence holds no finding of the kinds that the proposal answers (${findings.join(", ")}).`,
  ].filter((fault) => fault !== false);
  if (faults.length > 0) return { verdict: "fail", reasons: ["hypothesis_untestable"], details: faults };
  const detail = `${metric} of ${operation}, ${direction} by ${expectedChange}, on ${recorded?.calls ?? 0} recorded calls.`;
  return { verdict: "pass", reasons: ["ok"], details: [detail] };
}
