import { z } from "zod";
import { ISSUE_LISTS, type IssueList } from "../specs/issue.ts";
import type { CheckResult, Issue } from "../specs/result.ts";
import { compose, Envelope, sectionOf } from "./budget.ts";
import { shownName, shownText } from "./shown.ts";
import type { ShownIds } from "./shown-ids.ts";

const IssueRow = z.strictObject({
  code: z.string(),
  clause: z.string().describe("Where in the specification."),
  message: z.string(),
  operation: z.string().optional(),
  service: z.string().optional(),
  expected: z.string(),
  actual: z.string(),
  nearest: z.string().optional().describe("The span that comes closest, and how it differs."),
  traceId: z.string().optional(),
  spanIds: z.array(z.string()).describe("Evidence, at most 3."),
  violation: z.boolean().describe("False: told, but nothing against the trace."),
});

const lists = Object.fromEntries(ISSUE_LISTS.map((list) => [list, z.array(IssueRow)])) as Record<
  IssueList,
  z.ZodArray<typeof IssueRow>
>;

/** What tools answer that compare traces with a specification. */
export const CheckAnswer = z.strictObject({
  matches_specification: z.boolean(),
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  reason: z.string(),
  spec: z.strictObject({ name: z.string(), version: z.int().optional() }),
  traces: z.strictObject({
    total: z.int(),
    matching: z.int(),
    failing: z.int(),
    inconclusive: z.int(),
    not_applicable: z.int(),
  }),
  ...lists,
  suggestions: z.array(z.string()),
  results: z.array(z.strictObject({ traceId: z.string(), verdict: z.string(), issues: z.int() })).optional(),
  population: z
    .array(z.strictObject({ clause: z.string(), value: z.number().nullable(), samples: z.int(), verdict: z.string() }))
    .optional()
    .describe("Numbers over all traces."),
  notes: z.array(z.string()),
  ...Envelope,
});

/** How much of a check is answered. */
export type CheckShown = {
  readonly maxTokens: number;
  readonly ids: ShownIds;
  /** Verdicts per trace and numbers over all traces. */
  readonly population: boolean;
  readonly notes?: readonly string[];
};

/** A check as an answer: violations first, the lists taking turns. */
export function checkAnswer(result: CheckResult, shown: CheckShown): z.input<typeof CheckAnswer> {
  const { maxTokens, ids } = shown;
  const issues = Object.fromEntries(
    ISSUE_LISTS.map((list) => {
      const total = result[list].length + (result.omitted[list] ?? 0);
      return [list, sectionOf(result[list], (issue) => issueRow(issue, ids), { total })];
    }),
  ) as Record<IssueList, ReturnType<typeof sectionOf<Issue, z.input<typeof IssueRow>>>>;
  const totalOf = (list: "results" | "suggestions") => ({ total: result[list].length + (result.omitted[list] ?? 0) });
  const results = sectionOf(
    result.results,
    ({ trace_id, verdict, issues: counts }) => ({
      traceId: ids.shorten(trace_id),
      verdict,
      issues: Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0),
    }),
    totalOf("results"),
  );
  const population = sectionOf(result.evidence.population, ({ clause, value, samples, verdict }) => ({
    clause: shownText(clause, 120),
    value,
    samples,
    verdict,
  }));
  const notes = firstNotes([...(shown.notes ?? []), ...result.evidence.notes]);
  return compose({
    maxTokens,
    facts: {
      matches_specification: result.matches,
      verdict: result.verdict,
      reason: shownText(result.reason, 300),
      spec: { ...result.spec, name: shownName(result.spec.name) },
      traces: result.traces,
      notes: notes.map((note) => shownText(note, 200)),
    },
    lists: {
      ...issues,
      suggestions: sectionOf(result.suggestions, (text) => shownText(text, 300), totalOf("suggestions")),
      ...(shown.population && { results, population }),
    },
  });
}

const MOST_NOTES = 5;

/** The first notes, and how many more there are. */
const firstNotes = (notes: readonly string[]): readonly string[] =>
  notes.length <= MOST_NOTES
    ? notes
    : [...notes.slice(0, MOST_NOTES), `${notes.length - MOST_NOTES} more notes are left out.`];

function issueRow(issue: Issue, ids: ShownIds): z.input<typeof IssueRow> {
  const { code, clause, message, trace_id: traceId, operation_name: operation, service_name: service, nearest } = issue;
  return {
    code,
    clause: shownText(clause, 160),
    message: shownText(message, 240),
    ...(operation !== undefined && { operation: shownName(operation) }),
    ...(service !== undefined && { service: shownName(service) }),
    expected: shownText(JSON.stringify(issue.expected), 120),
    actual: shownText(JSON.stringify(issue.actual), 120),
    ...(nearest !== undefined && {
      nearest: shownText(`${nearest.operation_name} of ${nearest.service_name}: ${nearest.differs.join(", ")}`, 200),
    }),
    ...(traceId !== undefined && { traceId: ids.shorten(traceId) }),
    spanIds: issue.span_ids.slice(0, 3),
    violation: issue.violation,
  };
}
