import { admissionOf, judgeAdmission } from "../learn/admission.ts";
import { latestPerDossier } from "../learn/trials.ts";
import type { ProposalMemory } from "../model/admission.ts";
import { DossierManifest } from "../model/dossier.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Evidence } from "../model/finding.ts";
import type { Outcome, Rule } from "../model/outcome.ts";
import type { Proposal } from "../model/proposal.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import { readOutcomes, readRecords } from "../protect/outcomes.ts";
import type { SessionRunner } from "../session/port.ts";
import { readRules } from "../session/rules.ts";
import type { LoopRun } from "./run.ts";

/** What a session would be started on. */
export type AdmissionRequest = {
  /** Who would be asked: kinds of findings rest only where that costs. */
  readonly runner: Pick<SessionRunner, "kind">;
  readonly base: { readonly worktree: string };
  readonly evidence: Evidence;
};

/**
 * Asks the outcomes and the hard rules before a session is started. Undefined when it may start; else how the stage ends,
 * with what it was judged from in the dossier.
 * @throws WhetstoneError `config_invalid` for rules that cannot be used; `ledger_broken`
 */
export async function refuseSession(
  { workspace, files }: Pick<LoopRun, "workspace" | "files">,
  { runner, base, evidence }: AdmissionRequest,
): Promise<Stage<undefined> | undefined> {
  const { clock, state, targetName, config } = workspace;
  const now = formatInstant(clock.now());
  const rules = await hardRules(workspace, base.worktree);
  const outcomes = runner.kind !== "replay" ? await readOutcomes(await state.view(), targetName) : [];
  if (rules.length === 0 && outcomes.length === 0) return undefined;
  const { cooldownHours, cooldownAfter } = config.learning;
  const findings = evidence.findings.map(({ kind }) => kind);
  const admission = admissionOf({ outcomes, rules, findings, now, cooldownHours, cooldownAfter });
  const { verdict, reasons, details } = judgeAdmission(admission);
  if (verdict === "pass") return undefined;
  files.set("session/admission.json", `${JSON.stringify(admission, undefined, 2)}\n`);
  const [reason, ...others] = reasons;
  if (reason === undefined) throw new WhetstoneError("defect", "A session was refused without a reason.");
  return { verdict, reasons: [reason, ...others], summary: `no session: ${details.join("; ")}`, value: undefined };
}

/** What is remembered that may speak against a proposal: outcomes of the same change, and the hard rules of its base. */
export async function memoryOf(
  { workspace }: Pick<LoopRun, "workspace">,
  { proposal, worktree }: { readonly proposal: Proposal; readonly worktree: string },
): Promise<ProposalMemory> {
  const { state, targetName } = workspace;
  const view = await state.view();
  const outcomes = await readOutcomes(view, targetName);
  const same = [...latestPerDossier(outcomes).values()].filter(
    ({ fingerprint }) => fingerprint === proposal.fingerprint,
  );
  const bases = new Map<string, string>();
  if (same.some(isStopped)) {
    for (const { digest, baseSha } of await readRecords(view, "dossiers/", DossierManifest)) bases.set(digest, baseSha);
  }
  const earlier = same.filter(isStopped).map(({ id, at, status, reasons, dossier }) => ({
    outcome: id,
    at,
    status,
    reasons,
    sameBase: bases.get(dossier) === proposal.baseSha,
  }));
  const constraints = (await hardRules(workspace, worktree)).flatMap(({ id, hard }) =>
    hard ? [{ rule: id, ...hard }] : [],
  );
  return { earlier: earlier.toSorted((a, b) => (a.outcome < b.outcome ? -1 : 1)), constraints };
}

type Stopped = Outcome & { readonly status: ProposalMemory["earlier"][number]["status"] };

function isStopped(outcome: Outcome): outcome is Stopped {
  return outcome.status === "rejected" || outcome.status === "closed" || outcome.status === "rolled_back";
}

async function hardRules({ targetName, clock }: LoopRun["workspace"], worktree: string): Promise<Rule[]> {
  const rules = await readRules(worktree, { target: targetName, now: formatInstant(clock.now()) });
  return rules.filter(({ hard }) => hard !== undefined);
}
