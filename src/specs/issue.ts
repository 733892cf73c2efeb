import type { Json } from "../model/json.ts";

/** The lists of a check's answer. */
export const ISSUE_LISTS = [
  "missing_spans",
  "unexpected_spans",
  "structure_issues",
  "performance_issues",
  "attribute_issues",
  "error_issues",
] as const;
export type IssueList = (typeof ISSUE_LISTS)[number];

/** What can be wrong, with one line each. */
export const ISSUE_CODES = {
  span_missing: "An expected span is not there, or too few of it.",
  span_unexpected: "A span is not expected where only expected ones are allowed, or merely not spoken of.",
  span_repeated: "More spans than expected.",
  span_forbidden: "A span that must not be there.",
  order_broken: "Spans do not follow each other as they should.",
  selection_too_small: "A selector selects fewer spans than it should.",
  selection_too_large: "A selector selects more spans than it should.",
  condition_broken: "A selected span does not answer a question as it should.",
  duration_too_long: "A span, a trace or an operation takes longer than it may.",
  duration_too_short: "A span or a trace takes less time than it must.",
  total_out_of_range: "A total of a trace is out of its bounds.",
  rate_out_of_range: "A share of the calls or traces is out of its bounds.",
  attribute_missing: "A required attribute is not there.",
  attribute_differs: "An attribute has another value than it should.",
  attribute_forbidden: "An attribute that must not be there.",
  capture_failed: "A value that others are compared with cannot be captured.",
  error_unexpected: "A span failed that must not.",
  error_absent: "No span failed that must.",
  error_differs: "A span failed in another way than it should.",
} as const satisfies Record<string, string>;
export type IssueCode = keyof typeof ISSUE_CODES;

/** A span that comes closest to what is missing, and how it differs. */
export type Nearest = {
  readonly span_id: string;
  readonly operation_name: string;
  readonly service_name: string;
  readonly differs: string[];
};

/** What a check found before it is told: spans by position. */
export type Finding = {
  readonly list: IssueList;
  readonly code: IssueCode;
  /** Where in the specification: `expected_spans[0].required_tags.tenant`. */
  readonly clause: string;
  readonly message: string;
  /** Positions of the spans concerned. */
  readonly spans: readonly number[];
  readonly operation?: string;
  readonly service?: string;
  readonly expected: Json;
  readonly actual: Json;
  readonly nearest?: Nearest;
  /** False: told, but no reason against the trace. */
  readonly violation: boolean;
};
