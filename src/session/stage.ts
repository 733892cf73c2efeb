import { countOf } from "../model/count-of.ts";
import type { Evidence } from "../model/finding.ts";
import type { Arm } from "../model/assignment.ts";
import type { CommitSha } from "../model/json.ts";
import type { Outcome, Rule } from "../model/outcome.ts";
import type { Proposal, SessionMode, SessionRecord } from "../model/proposal.ts";
import type { DossierFiles, Stage } from "../model/stage.ts";
import { digestOf, sha256 } from "../protect/digest.ts";
import { fingerprintInput, parsePatch } from "../protect/patch.ts";
import { assembleContext, type ContextParts } from "./context.ts";
import type { SessionRunner } from "./port.ts";
import { withFacts } from "./record.ts";

/** What the session stage needs. */
export type SessionDeps = {
  readonly runner: SessionRunner;
  readonly target: string;
  readonly source: readonly string[];
  readonly baseSha: CommitSha;
  readonly rules: readonly Rule[];
  /** What was drawn for the session, before it; a recording keeps its own. */
  readonly arms?: readonly Arm[];
  readonly outcomes: readonly Outcome[];
  readonly dossier: DossierFiles;
  /** Default: refinement. */
  readonly mode?: SessionMode;
  /** Id of the cut-off session that this one goes on with. */
  readonly continues?: string | undefined;
} & Pick<ContextParts, "sessions" | "guidance" | "question" | "limits">;

/** A session's record and, when it changed something, the proposal bound to its base. */
export type SessionResult = { readonly record: SessionRecord; readonly proposal?: Proposal };

/** Runs one session on the evidence and binds its answer to the base commit. */
export async function sessionStage(deps: SessionDeps, evidence: Evidence): Promise<Stage<SessionResult>> {
  const { runner, target, baseSha, rules, mode = "refinement", continues, question } = deps;
  const context = assembleContext({ ...deps, mode, evidence });
  const given = await runner.run({ mode, target, baseSha, evidence, rules, context: context.text });
  // A recording says what it was told itself when it was made.
  const facts = { context: context.account, ...(continues && { continues }), ...(question && { question }) };
  const record =
    runner.kind === "replay" ? given : withFacts({ ...given, arms: [...(deps.arms ?? given.arms)] }, facts);
  deps.dossier.set("session/context.md", context.text);
  deps.dossier.set("session/context.json", `${JSON.stringify(context.account, undefined, 2)}\n`);
  deps.dossier.set("session/record.json", `${JSON.stringify(record, undefined, 2)}\n`);
  const head = judgeSession(record);
  const proposal = head.verdict === "pass" ? bindProposal(record, baseSha) : undefined;
  if (!proposal) return { ...head, value: { record } };
  deps.dossier.set("proposal.json", `${JSON.stringify(proposal, undefined, 2)}\n`);
  deps.dossier.set("change.patch", proposal.answer.patch);
  const origin = runner.kind === "replay" ? `recorded answer (${record.model})` : record.model;
  return { ...head, summary: `${head.summary}; ${origin}`, value: { record, proposal } };
}

/** Did the session answer, in mode `refinement` with a whole change? */
export function judgeSession({ mode, partial, answer, run }: SessionRecord): Omit<Stage<SessionResult>, "value"> {
  if (partial) {
    return { verdict: "inconclusive", reasons: ["agent_partial"], summary: "the session was cut off by a limit" };
  }
  if (mode === "analysis" && run?.analysis !== undefined) {
    const { length } = run.analysis.findings;
    const summary = `${countOf(length, "finding")} explained`;
    return { verdict: "pass", reasons: ["analysis_only"], summary };
  }
  if (!answer) {
    return { verdict: "inconclusive", reasons: ["agent_no_change"], summary: "the session proposed no change" };
  }
  return { verdict: "pass", reasons: ["ok"], summary: answer.title };
}

/** Binds a session's answer to the base it is about to be judged on; undefined when the session changed nothing. */
export function bindProposal(record: SessionRecord, baseSha: CommitSha): Proposal | undefined {
  const { answer } = record;
  if (answer === undefined) return undefined;
  const parsed = parsePatch(answer.patch);
  // A patch that does not parse still needs an identity: validation refuses it by name.
  const fingerprint = parsed.ok ? sha256(fingerprintInput(parsed.patch)) : sha256(answer.patch);
  return {
    schema: "whetstone.proposal/1",
    id: `p-${digestOf({ fingerprint, baseSha }).slice(0, 12)}`,
    target: record.target,
    session: record.id,
    baseSha,
    answer,
    patchDigest: sha256(answer.patch),
    fingerprint,
  };
}
