import type { DetectInputs } from "../model/detect.ts";
import type { Hypothesis } from "../model/proposal.ts";
import type { StageVerdict } from "../model/verdict.ts";

/**
 * What a change claims, by {@link judgeHypothesis}. People may change something and claim nothing: of a
 * pull request it is enough that the recorded calls can show no harm.
 */
export function judgeClaim(
  { hypothesis }: { readonly hypothesis: Hypothesis },
  { calls, pull }: Pick<DetectInputs, "calls" | "pull">,
): StageVerdict {
  const claimsNothing = hypothesis.expectedChange === 0;
  if (pull !== undefined && claimsNothing && Object.hasOwn(calls, hypothesis.operation)) {
    const details = [`#${pull.number} claims no effect; no recorded call may get worse.`];
    return { verdict: "pass", reasons: ["ok"], details };
  }
  return judgeHypothesis(hypothesis, calls);
}

/**
 * Can the recorded calls show what the change claims? The hypothesis has to name a tool that they call, and an
 * improvement of it (less of a duration, or of an error rate above zero) of a size that agrees with its direction. What
 * was found in the traces is no measure: a recorded answer is judged on later traces too.
 */
export function judgeHypothesis(hypothesis: Hypothesis, calls: DetectInputs["calls"]): StageVerdict {
  const { metric, operation, direction, expectedChange } = hypothesis;
  const recorded = Object.hasOwn(calls, operation) ? calls[operation] : undefined;
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
  ].filter((fault) => fault !== false);
  if (faults.length > 0) return { verdict: "fail", reasons: ["hypothesis_untestable"], details: faults };
  const detail = `${metric} of ${operation}, ${direction} by ${expectedChange}, on ${recorded?.calls ?? 0} recorded calls.`;
  return { verdict: "pass", reasons: ["ok"], details: [detail] };
}
