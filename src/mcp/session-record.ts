import { z } from "zod";
import { codeOf, WhetstoneError } from "../model/error.ts";
import type { CheckResult } from "../specs/result.ts";
import { ISSUE_LISTS } from "../specs/issue.ts";
import type { ToolContext } from "./tool.ts";

/** One round of a development session: something ran or was checked. */
const Iteration = z.strictObject({
  atNs: z.string(),
  what: z.enum(["run", "check"]),
  spec: z.string().optional(),
  verdict: z.enum(["pass", "fail", "inconclusive", "not_checked"]),
  reason: z.string(),
  /** Violations by list. */
  issues: z.record(z.string(), z.int()),
  /** The first suggestions. */
  suggestions: z.array(z.string()),
  traceIds: z.array(z.string()),
  spans: z.int(),
  durationMs: z.number(),
  exitCode: z.int().nullable(),
});
export type Iteration = z.infer<typeof Iteration>;

/** A development session, as it is kept. */
export const SessionRecord = z.strictObject({
  schema: z.literal("whetstone.development-session/1"),
  id: z.string(),
  project: z.string(),
  spec: z.string().optional(),
  createdNs: z.string(),
  /** Rounds in all; the record keeps the newest. */
  rounds: z.int(),
  iterations: z.array(Iteration),
});
export type SessionRecord = z.infer<typeof SessionRecord>;

/** Rounds that a record keeps, and what it keeps of each. */
const MOST_ITERATIONS = 100;
const MOST_TRACES = 20;
const LONGEST_TEXT = 300;

export const SessionId = z
  .string()
  .regex(/^d-[0-9TZ]+-[0-9a-f]+$/)
  .describe("From create_development_session.");

type Kept = { readonly record: SessionRecord; readonly version: number };

/** @throws WhetstoneError `not_found`, `input_unreadable` */
export async function loadSession(context: ToolContext, id: string): Promise<Kept> {
  const { documents } = await context.store("read");
  const stored = await documents.get("development_session", id);
  if (stored === undefined) {
    throw new WhetstoneError("not_found", `There is no development session ${id}.`, {
      remedy: "Open one with create_development_session.",
    });
  }
  const parsed = SessionRecord.safeParse(JSON.parse(stored.body));
  if (parsed.success) return { record: parsed.data, version: stored.version };
  throw new WhetstoneError("input_unreadable", `The record of development session ${id} has another form.`, {
    remedy: "A newer Whetstone may have written it; open a new session.",
    cause: parsed.error,
  });
}

/** Keeps a new session. */
export async function openSession(context: ToolContext, record: SessionRecord): Promise<void> {
  const { documents } = await context.store("write");
  const write = { kind: "development_session", name: record.id, nowNs: context.clock.now(), after: 0 } as const;
  await documents.put({ ...write, body: JSON.stringify(record) });
}

/** Adds a round; of several writers at the same time none is lost. */
export async function addIteration(context: ToolContext, id: string, iteration: Iteration): Promise<void> {
  const { documents } = await context.store("write");
  for (;;) {
    context.signal.throwIfAborted();
    const { record, version } = await loadSession(context, id);
    const kept = { ...iteration, traceIds: iteration.traceIds.slice(0, MOST_TRACES) };
    const iterations = [...record.iterations, kept].slice(-MOST_ITERATIONS);
    const body = JSON.stringify({ ...record, rounds: record.rounds + 1, iterations });
    const write = { kind: "development_session", name: id, body, nowNs: context.clock.now(), after: version } as const;
    try {
      await documents.put(write);
      return;
    } catch (error) {
      if (codeOf(error) !== "conflict") throw error;
    }
  }
}

/** What a check adds to a round. */
export function ofCheck(
  result: CheckResult,
): Pick<Iteration, "spec" | "verdict" | "reason" | "issues" | "suggestions"> {
  const issues = ISSUE_LISTS.map((list) => [list, result[list].filter(({ violation }) => violation).length] as const);
  return {
    spec: result.spec.name,
    verdict: result.verdict,
    reason: result.reason.slice(0, LONGEST_TEXT),
    issues: Object.fromEntries(issues.filter(([, count]) => count > 0)),
    suggestions: result.suggestions.slice(0, 5).map((text) => text.slice(0, LONGEST_TEXT)),
  };
}
