import { nameInText } from "../analyze/names.ts";
import { ISSUE_LISTS, type IssueCode, type IssueList } from "./issue.ts";
import type { Issue } from "./result.ts";

/**
 * What to do about the violations, one sentence per clause, the most frequent first. Names are reduced to plain
 * characters: a sentence never carries text of the telemetry that could be read as an instruction.
 */
export function suggestionsFor(lists: Readonly<Record<IssueList, readonly Issue[]>>): string[] {
  const byClause = new Map<string, { readonly issue: Issue; count: number }>();
  for (const list of ISSUE_LISTS) {
    for (const issue of lists[list]) {
      if (!issue.violation) continue;
      const known = byClause.get(issue.clause);
      if (known === undefined) byClause.set(issue.clause, { issue, count: 1 });
      else known.count += 1;
    }
  }
  const ranked = [...byClause.values()].sort((a, b) => b.count - a.count);
  return ranked.map(
    ({ issue, count }) => `${ADVICE[issue.code](wordsOf(issue))}${count > 1 ? ` (${count} times)` : ""}`,
  );
}

type Words = { readonly operation: string; readonly clause: string; readonly near: string; readonly expected: string };

function wordsOf({ operation_name: name, clause, nearest, expected }: Issue): Words {
  const near =
    nearest === undefined
      ? ""
      : ` The nearest span is ${nameInText(nearest.operation_name)} of ${nameInText(nearest.service_name)}: ${nearest.differs.join(", ")} differs.`;
  return {
    operation: name === undefined ? "the operation" : nameInText(name),
    clause: nameInText(clause.replaceAll("[", " ").replaceAll("]", "")),
    near,
    expected: nameInText(JSON.stringify(expected)),
  };
}

const ADVICE: Readonly<Record<IssueCode, (words: Words) => string>> = {
  span_missing: ({ operation, near }) =>
    `Make sure that ${operation} is called and traced, and that its context is passed on.${near}`,
  span_unexpected: ({ operation, clause }) =>
    `Remove ${operation}, or add it to the specification (${clause} forbids additional spans).`,
  span_repeated: ({ operation, clause }) =>
    `Call ${operation} less often: batch it, keep its result, or look for a retry; if the repetition is meant, raise ${clause}.`,
  span_forbidden: ({ operation }) => `Do not call ${operation} on this path.`,
  order_broken: ({ operation, clause }) =>
    `Start ${operation} only when what it waits for has ended (${clause}); await the earlier call.`,
  selection_too_small: ({ clause }) =>
    `Nothing, or too little, is selected by ${clause}: check the selector and the instrumentation.`,
  selection_too_large: ({ operation, clause }) => `Too many spans are selected by ${clause}, among them ${operation}.`,
  condition_broken: ({ operation, clause }) => `Look at ${operation}: it does not meet ${clause}.`,
  duration_too_long: ({ operation, clause }) =>
    `Make ${operation} faster, or, if the time is justified, raise ${clause}; its children and its own time show where it goes.`,
  duration_too_short: ({ operation, clause }) =>
    `Check whether ${operation} does all of its work: it ends sooner than ${clause} expects.`,
  total_out_of_range: ({ clause, expected }) => `Bring the total of ${clause} within ${expected}.`,
  rate_out_of_range: ({ clause, expected }) => `Bring the rate of ${clause} within ${expected}.`,
  attribute_missing: ({ operation, clause }) => `Set the attribute of ${clause} on ${operation}.`,
  attribute_differs: ({ operation, clause }) =>
    `Correct the attribute of ${clause} on ${operation}, or the specification.`,
  attribute_forbidden: ({ operation, clause }) => `Remove the attribute of ${clause} from ${operation}, or redact it.`,
  capture_failed: ({ operation, clause }) => `Record the value of ${clause} once on ${operation}.`,
  error_unexpected: ({ operation }) => `Mend the error of ${operation}; its error type and events say what happened.`,
  error_absent: ({ operation, clause }) =>
    `${operation} should fail here (${clause}): check that the faulty input is refused.`,
  error_differs: ({ operation, clause }) =>
    `${operation} fails, but not as ${clause} says: check the error type and code.`,
};
