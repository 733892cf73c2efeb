import { z } from "zod";
import { SPAN_KINDS } from "../model/span.ts";
import { VALUE_TYPES } from "./condition.ts";

/** Version of the format that this code reads; a file without `version` is of version 1. */
export const SPEC_VERSION = 1;

const Plain = z.union([z.string(), z.number(), z.boolean()]);
const Share = z.number().min(0).max(1);
const Millis = z.number().nonnegative();
const Whole = z.number().int().nonnegative();
const DurationText = z.string().regex(/^\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d)$/);
/** Text with a unit, or a number of milliseconds. */
const Duration = z.union([Millis, DurationText]);
const Selector = z.string().min(1).describe('A selector such as { span:name = "x" && span:duration > 2s }.');

/** How often: a number, `"1..3"`, `"1.."`, `"..3"`, or `{min, max}`. */
const Count = z.union([
  Whole,
  z.string().regex(/^(\d{1,9}|\d{0,9}\.\.\d{1,9}|\d{1,9}\.\.)$/),
  z.strictObject({ min: Whole.optional(), max: Whole.optional() }),
]);

const CONDITION = {
  "=": Plain.optional(),
  "!=": Plain.optional(),
  "<": Plain.optional(),
  "<=": Plain.optional(),
  ">": Plain.optional(),
  ">=": Plain.optional(),
  in: z.array(Plain).min(1).optional(),
  not_in: z.array(Plain).min(1).optional(),
  matches: z.string().optional().describe("A regular expression for the whole text."),
  not_matches: z.string().optional(),
  contains: Plain.optional(),
  not_contains: Plain.optional(),
  exists: z.boolean().optional(),
  type: z.enum(VALUE_TYPES).optional(),
};
/** Questions about a value; all must be met. */
const Condition = z.strictObject({
  ...CONDITION,
  path: z.string().optional().describe("JSON path into the value, such as $.items[0].id."),
  not: z.strictObject(CONDITION).optional(),
});
export type ConditionText = z.infer<typeof Condition>;

const TagValue = z.union([Plain, Condition]);
/** Attributes by name, with a value or a condition; a list of names asks that they exist. */
const Tags = z.union([z.record(z.string(), TagValue), z.array(z.string())]);
export type TagsText = z.infer<typeof Tags>;

/** A name as it stands, or a condition on it. `template`: the name with ids replaced, such as `GET /users/{id}`. */
const Name = z.union([
  z.string().min(1),
  z.strictObject({
    matches: z.string().optional(),
    in: z.array(z.string()).min(1).optional(),
    contains: z.string().optional(),
    template: z.string().optional(),
  }),
]);
export type NameText = z.infer<typeof Name>;

const MillisRange = z.strictObject({ min: Millis.optional(), max: Millis.optional() });
const DurationRange = z.union([Duration, z.strictObject({ min: Duration.optional(), max: Duration.optional() })]);
const Text = z.union([z.string(), Condition]);

/** Whether a span may fail (status error), must, or must not, and with what. */
const ErrorRule = z.union([
  z.enum(["forbidden", "allowed", "required"]),
  z.strictObject({ type: Text.optional(), code: TagValue.optional(), message: Text.optional() }),
]);
export type ErrorRuleText = z.infer<typeof ErrorRule>;

const World = z.enum(["allowed", "forbidden"]);
const Order = z.enum(["any", "sequential", "by_start"]);
const OneOrMore = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** One span that is expected. */
export const ExpectedSpan = z.strictObject({
  id: z.string().min(1).optional().describe("A name for `after` and `starts_after`."),
  operation_name: Name,
  service_name: Name.optional(),
  kind: z.enum(SPAN_KINDS).optional(),
  where: Selector.optional().describe("What else makes a span this one."),
  relation: z.enum(["anywhere", "root", "child", "descendant"]).optional(),
  count: Count.optional().describe("How often, 1 unless told; 0 forbids the span."),
  optional: z.boolean().optional(),
  when: Selector.optional().describe("Expected only in traces in which this selects a span."),
  unless: Selector.optional(),
  expected_duration_ms: MillisRange.optional(),
  duration: DurationRange.optional().describe("The most, or {min, max}; text with units."),
  required_tags: Tags.optional(),
  optional_tags: Tags.optional().describe("Checked where present."),
  forbidden_tags: z.array(z.string()).optional(),
  satisfies: OneOrMore.optional().describe("Questions that the span must answer with yes."),
  error: ErrorRule.optional(),
  after: OneOrMore.optional().describe("Ids of spans that end before this one starts."),
  starts_after: OneOrMore.optional().describe("Ids of spans that start before this one does."),
  capture: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string()).optional(),
  order: Order.optional().describe("Order of the children."),
  additional_children: World.optional(),
  get children() {
    return z.array(ExpectedSpan).optional();
  },
});
export type ExpectedSpan = z.infer<typeof ExpectedSpan>;

const Latency = {
  mean_ms: Millis.optional(),
  p50_ms: Millis.optional(),
  p75_ms: Millis.optional(),
  p90_ms: Millis.optional(),
  p95_ms: Millis.optional(),
  p99_ms: Millis.optional(),
  max_ms: Millis.optional(),
};

const OperationConstraint = z.strictObject({
  operation_name: Name,
  service_name: Name.optional(),
  ...Latency,
  max_calls: Whole.optional().describe("Most calls in one trace."),
  max_total_ms: Millis.optional().describe("Most time of all its calls in one trace."),
  max_error_rate: Share.optional(),
  min_samples: Whole.optional().describe("With fewer calls nothing is decided."),
});
export type OperationConstraint = z.infer<typeof OperationConstraint>;

/** Totals of each trace, and latency of operations over all checked traces. */
export const PerformanceConstraints = z.strictObject({
  max_total_duration_ms: Millis.optional(),
  min_total_duration_ms: Millis.optional(),
  max_duration: Duration.optional(),
  max_span_count: Whole.optional(),
  span_count: Count.optional(),
  service_count: Count.optional(),
  max_depth: Whole.optional(),
  max_error_count: Whole.optional(),
  max_error_rate: Share.optional().describe("Failed spans of all spans of a trace."),
  totals: z
    .array(z.strictObject({ attribute: z.string(), min: z.number().optional(), max: z.number().optional() }))
    .optional()
    .describe("Sums of an attribute over the spans of a trace, such as gen_ai.usage.input_tokens."),
  operations: z.array(OperationConstraint).optional(),
});
export type PerformanceConstraints = z.infer<typeof PerformanceConstraints>;

/** Which spans must, must not or may fail, and with what. */
export const ErrorCondition = z.strictObject({
  name: z.string().optional(),
  description: z.string().optional(),
  operation_name: Name.optional(),
  service_name: Name.optional(),
  where: Selector.optional(),
  must: z.enum(["fail", "not_fail"]).optional(),
  may: z.literal("fail").optional(),
  expected: z.boolean().optional().describe("true: must fail; false: must not fail."),
  error_type: Text.optional(),
  error_code: TagValue.optional(),
  error_message: Text.optional(),
  count: Count.optional().describe("How many spans, for must: fail; 1.. unless told."),
});
export type ErrorCondition = z.infer<typeof ErrorCondition>;

const ASSERTION = {
  name: z.string().optional(),
  description: z.string().optional(),
  select: Selector,
  count: Count.optional().describe("How many spans are selected, 1.. unless told; 0 forbids them."),
  each: OneOrMore.optional().describe("Questions that every selected span must answer with yes."),
  some: OneOrMore.optional(),
  none: OneOrMore.optional(),
  before: Selector.optional().describe("All selected spans end before any of these starts."),
  after: Selector.optional(),
};
/** A statement about all spans that a selector selects. */
export const Assertion = z.strictObject({ ...ASSERTION, when: Selector.optional(), unless: Selector.optional() });
export type Assertion = z.infer<typeof Assertion>;

/** What holds for the checked traces together. */
export const Population = z.strictObject({
  min_traces: Whole.optional().describe("With fewer traces nothing is decided."),
  min_match_rate: Share.optional().describe("Share of traces that match, 1 unless told."),
  max_error_rate: Share.optional().describe("Share of traces with a failed span."),
  duration: z.strictObject(Latency).optional().describe("Latency of whole traces."),
  rates: z
    .array(
      z.strictObject({
        name: z.string().optional(),
        select: Selector,
        min: Share.optional(),
        max: Share.optional(),
      }),
    )
    .optional()
    .describe("Share of traces in which a selector selects a span."),
});
export type Population = z.infer<typeof Population>;

const Tolerance = z.strictObject({ rel: z.number().min(0).optional(), abs: z.number().min(0).optional() });

const Parameter = z.strictObject({
  description: z.string().optional(),
  default: Plain.optional(),
  type: z.enum(["string", "number", "bool"]).optional(),
});
/** A parameter of a template; without default it must be given. */
export type Parameter = z.infer<typeof Parameter>;
export const Parameters = z.record(z.string().regex(/^[A-Za-z_]\w*$/), Parameter);

/** A trace specification as its file holds it. */
export const TraceSpecFile = z.strictObject({
  version: z.literal(SPEC_VERSION).optional().describe("Version of the format; 1 when absent."),
  name: z.string().min(1).max(200),
  description: z.string().optional(),
  parameters: Parameters.optional(),
  applies_to: Selector.optional().describe("Traces in which this selects nothing are left out."),
  additional_spans: World.optional().describe("Whether spans that are not expected may be there; allowed unless told."),
  errors: z
    .enum(["forbidden", "expected_spans", "allowed"])
    .optional()
    .describe("Which spans must not fail unless told: all, the expected ones (default), or none."),
  order: Order.optional(),
  tolerances: z
    .strictObject({
      duration: z.strictObject({ rel: z.number().min(0).optional(), abs: Duration.optional() }).optional(),
      order: Duration.optional().describe("How much spans that follow each other may overlap."),
      attributes: z.record(z.string(), Tolerance).optional(),
    })
    .optional(),
  captures: z
    .record(z.string().regex(/^[A-Za-z_]\w*$/), z.strictObject({ select: Selector, value: z.string() }))
    .optional(),
  expected_spans: z.array(ExpectedSpan).optional(),
  assertions: z.array(Assertion).optional(),
  performance_constraints: PerformanceConstraints.optional(),
  error_conditions: z.array(ErrorCondition).optional(),
  population: Population.optional(),
});
export type TraceSpecFile = z.infer<typeof TraceSpecFile>;
