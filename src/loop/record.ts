import { join } from "node:path";
import type { Decision } from "../flow.ts";
import { changeKindOf, type ChangedFile } from "../learn/change-kind.ts";
import { WhetstoneError } from "../model/error.ts";
import type { LedgerEntry } from "../model/ledger.ts";
import type { Outcome } from "../model/outcome.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import { writeDossier } from "../protect/dossier.ts";
import { appendLedger } from "../protect/ledger.ts";
import { recordRun } from "../protect/outcomes.ts";
import { parsePatch } from "../protect/patch.ts";
import type { FilePatch } from "../protect/patch-form.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

/** What recording needs of a run. */
type Recording = Pick<LoopRun, "id" | "dossierId" | "actor" | "workspace" | "files">;

const NO_FINGERPRINT = "0".repeat(64);

/** Writes the dossier, then outcome, session, manifest and ledger records in one commit of the state branch. */
export async function record(
  run: Recording,
  decision: Decision,
  options: { readonly record: boolean; readonly baseSha: string },
): Promise<Stage<{ outcome: Outcome; dossier: string }>> {
  const { clock, folder, targetName, state } = run.workspace;
  const at = formatInstant(clock.now());
  const manifest = await writeDossier(
    join(folder, "dossiers"),
    {
      id: run.dossierId,
      run: run.id,
      target: targetName,
      createdAt: at,
      baseSha: options.baseSha,
      recorded: decision.session ? ["session/record.json"] : [],
      verdict: decision.status,
      reasons: [...decision.reasons],
      stages: [...decision.stages],
    },
    run.files,
  );
  const outcome = describe(run, decision, { at, dossier: manifest.digest });
  const value = { outcome, dossier: join(folder, "dossiers", manifest.id) };
  if (!options.record)
    return { verdict: "pass", reasons: ["dry_run"], summary: "dossier written, nothing recorded", value };
  const session = decision.session;
  await recordRun(state, { outcome, manifest, entries: acts(run, decision), ...(session ? { session } : {}) }, clock);
  return { verdict: "pass", reasons: ["recorded"], summary: `outcome ${outcome.status} in the ledger`, value };
}

/** Ends a run in the ledger that failed before it had an outcome. */
export async function recordFailure(run: Pick<Recording, "id" | "actor" | "workspace">): Promise<void> {
  const act = { operation: "loop.end", decision: "none", reasonCode: "run_failed", result: "no outcome" } as const;
  const { state, clock } = run.workspace;
  await appendLedger(state, [ledgerEntry(run, { ...act, parameters: {} })], { clock });
}

function describe(run: Recording, decision: Decision, facts: { at: string; dossier: string }): Outcome {
  const { proposal, session, validation } = decision;
  const parsed = proposal ? parsePatch(proposal.answer.patch) : undefined;
  const paths = parsed?.ok ? parsed.patch.files.map((file) => file.newPath ?? file.oldPath) : [];
  return {
    schema: "whetstone.outcome/1",
    id: `o-${run.id.slice(2)}`,
    target: run.workspace.targetName,
    proposal: proposal?.id ?? "none",
    session: session?.id ?? "none",
    fingerprint: proposal?.fingerprint ?? NO_FINGERPRINT,
    status: decision.status,
    reasons: [...decision.reasons],
    findings: proposal?.answer.findings ?? [],
    paths: paths.filter((path) => path !== undefined),
    effects: validation?.effects ?? [],
    costUsd: session?.usage.costUsd ?? 0,
    ...(proposal ? { validated: validation?.verdict === "pass" } : {}),
    ...(parsed?.ok ? { change: changeKindOf(parsed.patch.files.map(changedLines)) } : {}),
    ...facts,
  };
}

function changedLines({ oldPath, newPath, hunks }: FilePatch): ChangedFile {
  const lines = hunks.flatMap((hunk) => hunk.lines);
  const of = (kind: "add" | "remove"): string[] => lines.filter((line) => line.kind === kind).map(({ text }) => text);
  return { path: newPath ?? oldPath ?? "", added: of("add"), removed: of("remove") };
}

/** How the proposal is taken back: on GitHub with its pull request, where a deleted local branch would change nothing. */
function undoing({ workspace }: Recording, branch: string): string {
  return workspace.hosted === undefined ? `git branch -D ${branch}` : `gh pr close ${branch} --delete-branch`;
}

/** One ledger entry per decision of the run, and its end. */
function acts(run: Recording, decision: Decision): LedgerEntry[] {
  const decisive = new Set(["detect", "validate", "propose", "canary"]);
  const stages = decision.stages.filter(({ stage }) => decisive.has(stage));
  const entries = stages.map(({ stage, verdict, reasons }) => {
    const [reasonCode] = reasons;
    if (reasonCode === undefined) throw new WhetstoneError("defect", `Stage ${stage} gave no reason.`);
    const { branch } = decision;
    const rollback = stage === "propose" && branch !== undefined ? undoing(run, branch) : undefined;
    const parameters = { patch: decision.proposal?.patchDigest ?? null };
    const act = {
      operation: stage,
      decision: verdict === "pass" ? "allow" : "deny",
      reasonCode,
      result: verdict,
    } as const;
    return ledgerEntry(run, { ...act, parameters, ...(rollback === undefined ? {} : { rollback }) });
  });
  const end = {
    operation: "loop.end",
    decision: "none",
    reasonCode: decision.reasons[0],
    result: decision.status,
  } as const;
  return [...entries, ledgerEntry(run, { ...end, parameters: { dossier: run.dossierId } })];
}
