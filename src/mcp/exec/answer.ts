import { z } from "zod";
import type { TraceTree } from "../../analyze/tree.ts";
import { ISSUE_LISTS } from "../../specs/issue.ts";
import type { CheckResult } from "../../specs/result.ts";
import { compose, Envelope, sectionOf } from "../budget.ts";
import { type Iteration, ofCheck } from "../session-record.ts";
import { shownName, shownText } from "../shown.ts";
import type { ShownIds } from "../shown-ids.ts";
import { ms } from "../span-rows.ts";
import type { CapturedRun } from "./capture.ts";
import type { Output } from "./output.ts";

/** What `execute_and_capture` answers. */
export const RunAnswer = z.strictObject({
  run: z.string(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  timedOut: z.boolean(),
  leftBehind: z.boolean().describe("Whether the command left processes, which were ended."),
  durationMs: z.number(),
  stdout: z.string(),
  stderr: z.string(),
  spans: z.strictObject({ received: z.int(), stored: z.int(), rejected: z.int(), dropped: z.int() }),
  verdict: z.enum(["pass", "fail", "inconclusive", "not_checked"]),
  reason: z.string(),
  traces: z.array(
    z.strictObject({
      traceId: z.string(),
      root: z.string(),
      spans: z.int(),
      errors: z.int(),
      durationMs: z.number(),
    }),
  ),
  issues: z.array(z.strictObject({ list: z.string(), code: z.string(), clause: z.string(), message: z.string() })),
  suggestions: z.array(z.string()),
  ...Envelope,
});

/** A run with what it sent, and what a specification says of it. */
export type JudgedRun = {
  readonly run: CapturedRun;
  readonly trees: readonly TraceTree[];
  readonly check: CheckResult | undefined;
};

const NO_SPAN =
  "No span arrived. Start the OpenTelemetry SDK in the program (for Node: --import whetstone/register), export over OTLP/HTTP, and let the program end by itself or on SIGTERM so that it flushes.";

/** The answer of a run. */
export function runAnswer(
  { run, trees, check }: JudgedRun,
  ids: ShownIds,
  maxTokens: number,
): z.input<typeof RunAnswer> {
  const { end, totals } = run;
  const { received, stored, rejected, dropped } = totals;
  // Output gets a quarter of the budget; a character takes up to three bytes.
  const length = Math.floor(maxTokens / 6);
  const issues = ISSUE_LISTS.flatMap((list) =>
    (check?.[list] ?? []).filter(({ violation }) => violation).map((issue) => ({ list, issue })),
  );
  return compose({
    maxTokens,
    facts: {
      run: run.run,
      exitCode: end.exitCode,
      signal: end.signal,
      timedOut: end.timedOut,
      leftBehind: end.leftBehind,
      durationMs: Math.round(run.durationMs),
      stdout: shownOutput(end.stdout, length),
      stderr: shownOutput(end.stderr, length),
      spans: { received, stored, rejected, dropped },
      verdict: check?.verdict ?? ("not_checked" as const),
      reason: shownText(check?.reason ?? "No specification was named.", 200),
    },
    lists: {
      traces: sectionOf(trees, (tree) => traceRow(tree, ids)),
      issues: sectionOf(issues, ({ list, issue }) => ({
        list,
        code: issue.code,
        clause: shownText(issue.clause, 120),
        message: shownText(issue.message, 200),
      })),
      suggestions: sectionOf(check?.suggestions ?? [], (text) => shownText(text, 240)),
    },
    hint: trees.length === 0 ? NO_SPAN : undefined,
  });
}

/** Beginning and end of what a stream said, within `length` characters, and how much there was. */
function shownOutput({ head, tail, bytes, cut }: Output, length: number): string {
  const whole = head + tail;
  if (!cut && whole.length <= length) return shownText(whole, length);
  const half = Math.max(40, Math.floor(length / 2) - 40);
  const end = tail === "" ? head : tail;
  return `${shownText(head.slice(0, half), half)}\n[cut: ${bytes} bytes in all]\n${shownText(end.slice(-half), half)}`;
}

function traceRow(tree: TraceTree, ids: ShownIds) {
  const root = tree.roots[0]?.span;
  return {
    traceId: ids.shorten(tree.traceId),
    root: shownName(`${root?.service ?? ""} ${root?.name ?? ""}`),
    spans: tree.nodes.length,
    errors: tree.nodes.filter(({ span }) => span.status === "error").length,
    durationMs: ms(tree.durationNs),
  };
}

/** A run as a round of a development session. */
export function roundOf({ run, trees, check }: JudgedRun, atNs: bigint): Iteration {
  const unchecked = {
    verdict: "not_checked",
    reason: "No specification was named.",
    issues: {},
    suggestions: [],
  } as const;
  return {
    atNs: String(atNs),
    what: "run",
    ...(check === undefined ? { ...unchecked, suggestions: [] } : ofCheck(check)),
    traceIds: [...run.traceIds],
    spans: trees.reduce((sum, { nodes }) => sum + nodes.length, 0),
    durationMs: Math.round(run.durationMs),
    exitCode: run.end.exitCode,
  };
}
