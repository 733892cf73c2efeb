import { z } from "zod";
import { Json } from "../model/json.ts";
import { ISSUE_CODES, type IssueCode, type IssueList } from "./issue.ts";

const Count = z.number().int().nonnegative();
const Verdict = z.enum(["pass", "fail", "inconclusive"]);

const Nearest = z.strictObject({
  span_id: z.string(),
  operation_name: z.string(),
  service_name: z.string(),
  differs: z.array(z.string()),
});

/** One thing that is wrong, or (in `unexpected_spans` with `violation: false`) merely there. Names are the telemetry's own. */
export const Issue = z.strictObject({
  code: z.enum(Object.keys(ISSUE_CODES) as [IssueCode, ...IssueCode[]]),
  /** Where in the specification. */
  clause: z.string(),
  /** For people; names in it hold only plain characters. */
  message: z.string(),
  /** Absent for what is found over all traces together. */
  trace_id: z.string().optional(),
  /** Evidence. */
  span_ids: z.array(z.string()),
  operation_name: z.string().optional(),
  service_name: z.string().optional(),
  expected: Json,
  actual: Json,
  /** The span that comes closest to what is missing, and how it differs. */
  nearest: Nearest.optional(),
  violation: z.boolean(),
});
export type Issue = z.infer<typeof Issue>;

/** The verdict of one trace, with the number of violations by list. */
export const TraceResult = z.strictObject({
  trace_id: z.string(),
  matches: z.boolean(),
  verdict: z.enum([...Verdict.options, "not_applicable"]),
  issues: z.strictObject({
    missing_spans: Count.optional(),
    unexpected_spans: Count.optional(),
    structure_issues: Count.optional(),
    performance_issues: Count.optional(),
    attribute_issues: Count.optional(),
    error_issues: Count.optional(),
  }),
});
export type TraceResult = z.infer<typeof TraceResult>;

/** A number over all traces that a clause is about. */
export const PopulationNumber = z.strictObject({
  clause: z.string(),
  value: z.number().nullable(),
  samples: Count,
  limit: Json,
  verdict: Verdict,
});
export type PopulationNumber = z.infer<typeof PopulationNumber>;

const Evidence = z.strictObject({
  spans: Count,
  /** The trace that `matched` is of: the first that fails, or else the first that applies. */
  trace_id: z.string().nullable(),
  matched: z.array(z.strictObject({ clause: z.string(), span_ids: z.array(z.string()), count: Count })),
  /** Clauses whose condition held in none of the traces. */
  skipped: z.array(z.string()),
  notes: z.array(z.string()),
  population: z.array(PopulationNumber),
});

/** What a check of one or several traces says. Lists hold violations first and are cut at a limit; `omitted` says where. */
export const CheckResult = z.strictObject({
  matches: z.boolean(),
  verdict: Verdict,
  /** Why, in one sentence. */
  reason: z.string(),
  spec: z.strictObject({ name: z.string(), version: Count.optional() }),
  traces: z.strictObject({
    total: Count,
    matching: Count,
    failing: Count,
    inconclusive: Count,
    not_applicable: Count,
  }),
  missing_spans: z.array(Issue),
  unexpected_spans: z.array(Issue),
  structure_issues: z.array(Issue),
  performance_issues: z.array(Issue),
  attribute_issues: z.array(Issue),
  error_issues: z.array(Issue),
  suggestions: z.array(z.string()),
  evidence: Evidence,
  results: z.array(TraceResult),
  /** Entries that the limit left out, by list. */
  omitted: z.record(z.string(), Count),
});
export type CheckResult = z.infer<typeof CheckResult>;

/** An empty list for each kind of issue. */
export function emptyLists(): Record<IssueList, Issue[]> {
  return {
    missing_spans: [],
    unexpected_spans: [],
    structure_issues: [],
    performance_issues: [],
    attribute_issues: [],
    error_issues: [],
  };
}
