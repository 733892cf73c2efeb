import { injectionsIn } from "../detect/injection.ts";
import { byStrength } from "../learn/strength.ts";
import { admitWording, type Wording } from "../learn/wording.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Evidence } from "../model/finding.ts";
import type { Outcome, Rule } from "../model/outcome.ts";
import type { SessionRecord } from "../model/proposal.ts";
import { formatInstant } from "../model/time.ts";
import { appendLedger } from "../protect/ledger.ts";
import { recordCandidates } from "../protect/outcomes.ts";
import { forModel } from "../protect/sanitise.ts";
import { recordSession } from "../protect/session-records.ts";
import { MOST_WORDED, wordingContext, wordingsIn } from "../session/context/wording.ts";
import type { SessionRunner } from "../session/port.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

/** Which rules are to be worded, by whom. */
export type WordingRequest = {
  readonly runner: SessionRunner;
  /** Learned rules that no commit has yet. */
  readonly rules: readonly Rule[];
  /** Every rule that there is, for what they may not repeat or contradict. */
  readonly existing: readonly Rule[];
  readonly outcomes: readonly Outcome[];
};

/** One rule, what the session made of it, and why its words were not taken. */
export type WordedRule = Wording & { readonly taken: boolean; readonly why?: string };

/** What a session that words rules came to. */
export type WordingEnd = {
  readonly session: SessionRecord;
  readonly worded: readonly WordedRule[];
  /** The candidates that have new words now. */
  readonly rules: readonly Rule[];
  /** Those for which one session has no room. */
  readonly notAsked: readonly string[];
  /** What the session was told. */
  readonly context: string;
};

/**
 * Has a session in mode analysis word rules from their patterns. Only its words are taken, and only those that pass the
 * sanitiser, the search for injections and the rules of admission; where they do not, the rule keeps the words that its pattern
 * gives it. Scope, evidence and every number stay what the ledger says. Session, ledger and candidates are on record.
 * Undefined when there is nothing to word.
 * @throws WhetstoneError `stopped`, `session_failed`, `session_invalid`, `ledger_broken`, and those of the runner
 */
export async function wordRules(
  run: Pick<LoopRun, "id" | "actor" | "workspace">,
  { runner, rules, existing, outcomes }: WordingRequest,
): Promise<WordingEnd | undefined> {
  const { state, clock, forge, killSwitch, target, targetName } = run.workspace;
  const learned = rules.filter(({ evidence, hard }) => evidence !== undefined && hard === undefined);
  const asked = learned.toSorted(byStrength).slice(0, MOST_WORDED);
  if (asked.length === 0) return undefined;
  await killSwitch.assertRunning();
  await assertPaid(runner);
  const { sha: baseSha } = await forge.head();
  const context = wordingContext({ target: targetName, source: target.source, rules: asked, outcomes });
  const start = { operation: "session.start", decision: "allow", reasonCode: "ok", result: "started" } as const;
  const parameters = { base: baseSha, words: asked.map(({ id }) => id) };
  await appendLedger(state, [ledgerEntry(run, { ...start, parameters })], { clock });
  const session = await ended(run, () =>
    runner.run({ mode: "analysis", target: targetName, baseSha, evidence: nothing(run), rules: [], context }),
  );
  const judged = judge(session, { asked, existing });
  const end = { operation: "session.end", decision: "none", reasonCode: "analysis_only" } as const;
  const facts = { session: session.id, base: baseSha, costUsd: session.usage.costUsd };
  const result = session.partial ? "partial" : "answered";
  // Later sessions are told summaries: what this one would have rules say is for the draw to show, not for all of them.
  const record = { ...session, summary: "" };
  await recordSession(state, { record, entries: [ledgerEntry(run, { ...end, result, parameters: facts })] }, clock);
  const taken = judged.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  if (taken.length > 0) {
    const learn = { operation: "learn", decision: "allow", reasonCode: "candidate_learned", result: "worded" } as const;
    const entries = taken.map((rule) => ledgerEntry(run, { ...learn, parameters: rule }));
    await recordCandidates(state, { rules: taken, entries }, clock);
  }
  const notAsked = learned.filter((rule) => !asked.includes(rule)).map(({ id }) => id);
  return { session, worded: judged.map(({ worded }) => worded), rules: taken, notAsked, context };
}

async function assertPaid({ shortage }: SessionRunner): Promise<void> {
  const why = await shortage?.();
  if (why === undefined) return;
  throw new WhetstoneError("session_failed", why, {
    remedy: "Leave --session out: rules have the words of their patterns then. Or raise `budgets` in whetstone.yaml.",
    data: { reason: "budget_exhausted" },
  });
}

/** Does it; a session that failed has its end on record too. */
async function ended(
  run: Pick<LoopRun, "id" | "actor" | "workspace">,
  work: () => Promise<SessionRecord>,
): Promise<SessionRecord> {
  try {
    return await work();
  } catch (error) {
    const { state, clock } = run.workspace;
    const end = { operation: "session.end", decision: "none", reasonCode: "run_failed", result: "no record" } as const;
    await appendLedger(state, [ledgerEntry(run, { ...end, parameters: {} })], { clock });
    throw error;
  }
}

type Asked = { readonly asked: readonly Rule[]; readonly existing: readonly Rule[] };
type Judged = { readonly worded: WordedRule; readonly rule?: Rule };

function judge({ id, run, partial }: SessionRecord, { asked, existing }: Asked): Judged[] {
  // What a limit cut off may end in the middle of a word.
  const wordings = partial || run?.analysis === undefined ? [] : wordingsIn(run.analysis);
  const others = new Map(existing.map((rule) => [rule.id, rule]));
  return wordings.map((wording): Judged => {
    const rule = asked.find((one) => one.id === wording.rule);
    const refused = (why: string): Judged => ({ worded: { ...wording, taken: false, why } });
    if (rule === undefined) return refused("it was not asked for");
    const why = suspicionOf(wording.text);
    if (why !== undefined) return refused(why);
    const admitted = admitWording(rule, { text: wording.text, session: id, existing: [...others.values()] });
    if (!admitted.ok) return refused(admitted.why);
    others.set(rule.id, admitted.rule);
    return { worded: { ...wording, text: admitted.rule.text, taken: true }, rule: admitted.rule };
  });
}

/** What the sanitiser would have to change is not taken at all: a rule is read by every later session. */
function suspicionOf(text: string): string | undefined {
  const [found] = injectionsIn(text);
  if (found !== undefined) return `it holds ${found}`;
  return forModel(text, { maxLength: text.length }) === text ? undefined : "it holds what the sanitiser takes out";
}

/** A session that words rules is shown patterns, not telemetry. */
function nothing({ workspace }: Pick<LoopRun, "workspace">): Evidence {
  const at = formatInstant(workspace.clock.now());
  return {
    schema: "whetstone.evidence/1",
    target: workspace.targetName,
    window: { since: at, until: at },
    traces: 0,
    spans: 0,
    operations: [],
    findings: [],
    omitted: { operations: 0, findings: 0 },
  };
}
