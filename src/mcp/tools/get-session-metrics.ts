import { z } from "zod";
import { formatInstant } from "../../model/time.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { type Iteration, loadSession, SessionId, type SessionRecord } from "../session-record.ts";
import { shownName, shownText } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

const Round = z.strictObject({
  round: z.int(),
  at: z.string(),
  what: z.enum(["run", "check"]),
  verdict: z.string(),
  reason: z.string(),
  violations: z.int(),
  spans: z.int(),
  durationMs: z.number(),
  exitCode: z.int().nullable(),
});

/** `get_session_metrics`: how a development session goes. */
export const getSessionMetrics = defineTool({
  name: "get_session_metrics",
  alias: "get_session_progress",
  title: "Progress of a development session",
  description:
    "Sums up a development session: rounds, how many passed, violations in the first and the last checked round, whether it gets better, and the rounds themselves, newest first.",
  toolset: "sessions",
  effects: READS,
  input: z.strictObject({ session_id: SessionId, max_tokens: MaxTokens }),
  output: z.strictObject({
    session_id: z.string(),
    project: z.string(),
    spec: z.string().optional(),
    rounds: z.int(),
    passed: z.int(),
    failed: z.int(),
    violations: z.strictObject({ first: z.int().nullable(), last: z.int().nullable() }),
    trend: z.enum(["better", "worse", "same", "unknown"]),
    passing: z.boolean().describe("Whether the last checked round passed."),
    iterations: z.array(Round),
    ...Envelope,
  }),
  run: async ({ session_id, max_tokens }, context) => {
    const { record } = await loadSession(context, session_id);
    const newest = record.iterations
      .map((iteration, at) => ({ iteration, round: record.rounds - record.iterations.length + at + 1 }))
      .reverse();
    return compose({
      maxTokens: max_tokens,
      facts: factsOf(record),
      lists: {
        iterations: sectionOf(newest, ({ iteration, round }) => roundRow(iteration, round), { total: record.rounds }),
      },
      how: "The record keeps the newest 100 rounds; ask with a greater max_tokens.",
      hint: record.rounds === 0 ? "No round yet: run or check something with this session_id." : undefined,
    });
  },
});

function factsOf(record: SessionRecord) {
  const checked = record.iterations.filter(({ verdict }) => verdict !== "not_checked");
  const [first, last] = [checked[0], checked.at(-1)];
  const violations = { first: first ? violationsOf(first) : null, last: last ? violationsOf(last) : null };
  return {
    session_id: record.id,
    project: shownName(record.project),
    ...(record.spec !== undefined && { spec: shownName(record.spec) }),
    rounds: record.rounds,
    passed: checked.filter(({ verdict }) => verdict === "pass").length,
    failed: checked.filter(({ verdict }) => verdict === "fail").length,
    violations,
    trend: trendOf(violations.first, violations.last, checked.length),
    passing: last?.verdict === "pass",
  };
}

/** Violations of a round, all lists together. */
export function violationsOf({ issues }: Iteration): number {
  return Object.values(issues).reduce((sum, count) => sum + count, 0);
}

function trendOf(first: number | null, last: number | null, checked: number) {
  if (first === null || last === null || checked < 2) return "unknown" as const;
  return last === first ? ("same" as const) : last < first ? ("better" as const) : ("worse" as const);
}

function roundRow(iteration: Iteration, round: number): z.input<typeof Round> {
  const { what, verdict, reason, spans, durationMs, exitCode } = iteration;
  return {
    round,
    at: formatInstant(BigInt(iteration.atNs)),
    what,
    verdict,
    reason: shownText(reason, 160),
    violations: violationsOf(iteration),
    spans,
    durationMs,
    exitCode,
  };
}
