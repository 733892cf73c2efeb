import { nameInText } from "../../analyze/names.ts";
import type { SpanNode } from "../../analyze/tree.ts";
import type { Json } from "../../model/json.ts";
import type { Finding } from "../issue.ts";
import type { Captures } from "../selector/select.ts";
import type { ErrorRule } from "../spec.ts";
import { failureOf, failureText, type Failure } from "./failure.ts";
import { isWanted, shownValue, wantedInText, wantedText } from "./value.ts";

/** One span and where it stands. */
export type Placed = { readonly at: number; readonly node: SpanNode };

/** What is wrong with a span's status by a rule: it failed and must not, did not and must, or failed otherwise. */
export function errorFindings(rule: ErrorRule, { at, node }: Placed, captures: Captures): Finding[] {
  const failure = failureOf(node.span);
  const { name, service } = node.span;
  const base = { list: "error_issues", spans: [at], operation: name, service, violation: true } as const;
  if (rule.mode === "must_not" && failure !== undefined) {
    return [
      {
        ...base,
        code: "error_unexpected",
        clause: rule.clause,
        message: `${nameInText(name)} failed (${nameInText(failureText(failure))}) and must not fail.`,
        expected: "no error",
        actual: shownFailure(failure),
      },
    ];
  }
  if (rule.mode !== "must") return [];
  if (failure === undefined) {
    const expected = "error";
    const message = `${nameInText(name)} must fail and did not.`;
    return [{ ...base, code: "error_absent", clause: rule.clause, message, expected, actual: node.span.status }];
  }
  return (["type", "code", "message"] as const).flatMap((part) => {
    const wanted = rule[part];
    if (wanted === undefined || isWanted(wanted, failure[part], captures)) return [];
    const expected = wantedText(wanted, captures);
    const message = `The error's ${part} of ${nameInText(name)} must be ${wantedInText(wanted, captures)}.`;
    const clause = `${rule.clause}.${part}`;
    return [{ ...base, code: "error_differs", clause, message, expected, actual: shownValue(failure[part]) }];
  });
}

/** A failure with the parts that are known. */
function shownFailure(failure: Failure): Json {
  const parts = Object.entries(failure).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, shownValue(value)]],
  );
  return parts.length === 0 ? "error" : (Object.fromEntries(parts) as Json);
}
