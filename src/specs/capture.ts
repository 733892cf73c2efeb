import { nameInText } from "../analyze/names.ts";
import { canonicalJson, type Json } from "../model/json.ts";
import type { Finding } from "./issue.ts";
import { shownValue } from "./judge/value.ts";
import { fieldValue, type Field } from "./selector/field.ts";
import { selectSpans, type Captures } from "./selector/select.ts";
import type { TraceSpec } from "./spec.ts";
import type { TraceIndex } from "./trace-index.ts";

/** The captured values of one trace, and why some could not be captured. */
export type Captured = { readonly values: Captures; readonly findings: readonly Finding[] };

type Source = {
  readonly clause: string;
  readonly name: string;
  readonly field: Field;
  readonly spans: readonly number[];
};

/**
 * Captures the values that other clauses refer to. A capture needs one value: none, or several different ones, is a
 * finding, unless the expected span that it stands at is not there and need not be.
 */
export function captureValues(
  spec: TraceSpec,
  index: TraceIndex,
  byRule: ReadonlyMap<number, readonly number[]>,
): Captured {
  const sources: Source[] = [
    ...spec.rules.flatMap(({ clause, number, captures }) =>
      captures.map(({ name, field }) => {
        return { clause: `${clause}.capture.${name}`, name, field, spans: byRule.get(number) ?? [] };
      }),
    ),
    ...spec.captures.map(({ clause, name, select, field }) => ({
      clause,
      name,
      field,
      spans: selectSpans(select, index),
    })),
  ];
  const values = new Map<string, Json>();
  const findings = sources.flatMap((source) => {
    const found = distinctValues(source, index);
    const [only] = found;
    if (found.length === 1 && only !== undefined) values.set(source.name, only);
    const absent = source.spans.length === 0 && !source.clause.startsWith("captures.");
    return found.length === 1 || absent ? [] : [failedCapture(source, found, index)];
  });
  return { values, findings };
}

function distinctValues({ spans, field }: Source, index: TraceIndex): Json[] {
  const found = new Map<string, Json>();
  for (const at of spans) {
    const node = index.nodes[at];
    const value = node === undefined ? undefined : fieldValue(field, node, index);
    if (value !== undefined) found.set(canonicalJson(value), value);
  }
  return [...found.values()];
}

function failedCapture({ clause, name, spans }: Source, found: readonly Json[], index: TraceIndex): Finding {
  const first = index.nodes[spans[0] ?? -1]?.span;
  const why = found.length === 0 ? "there is no value" : `there are ${found.length} different values`;
  return {
    list: "attribute_issues",
    code: "capture_failed",
    clause,
    message: `"${nameInText(name)}" cannot be captured: ${why}.`,
    spans: spans.slice(0, 20),
    ...(first === undefined ? {} : { operation: first.name, service: first.service }),
    expected: "one value",
    actual: found.slice(0, 5).map(shownValue),
    violation: true,
  };
}
