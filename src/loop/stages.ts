import type { LoopStages } from "../flow.ts";
import type { Amount } from "../model/budget.ts";
import { WhetstoneError } from "../model/error.ts";
import type { SessionMode } from "../model/proposal.ts";
import type { PullAtHead } from "../model/pull-change.ts";
import { recordingDenials } from "../protect/authorization/denial.ts";
import type { ReportParts } from "../propose/report.ts";
import type { Reviewer } from "../detect/reviewer.ts";
import type { SessionRunner } from "../session/port.ts";
import type { CaptureResult } from "../capture/stage.ts";
import { refuseSession } from "./admission.ts";
import { analyze } from "./analyze.ts";
import { baseWorktree } from "./base.ts";
import { canary } from "./canary.ts";
import { capture } from "./capture.ts";
import { detect } from "./detect.ts";
import { gate } from "./gate.ts";
import { learn } from "./learn.ts";
import { propose } from "./propose.ts";
import type { Steps } from "./publish.ts";
import { record, recordFailure } from "./record.ts";
import type { LoopRun } from "./run.ts";
import { session } from "./session.ts";
import { paidFor } from "./session-budget.ts";
import { validate } from "./validate.ts";

/** How the stages are told what kind of run this is. */
export type StageOptions = {
  readonly runner: SessionRunner;
  readonly record: boolean;
  /** Of the session; default: refinement. */
  readonly mode?: SessionMode | undefined;
  /** What a person asks the session. */
  readonly question?: string | undefined;
  /** Who looks at the change besides; nobody when absent. */
  readonly reviewer?: Reviewer | undefined;
  /** The pull request whose change is proved in the place of a session's. */
  readonly pull?: PullAtHead | undefined;
  /** Present when every stage is a job of its own: what those of earlier jobs left, to which this job adds. */
  readonly carried?: Carried;
};

/** What one stage leaves for a later one, beside what the flow passes on. */
export type Carried = {
  baseSha?: string;
  base?: string;
  captured?: Pick<CaptureResult, "results" | "loaded">;
  decided?: Omit<ReportParts, "validation">;
  branch?: { readonly branch: string; readonly sha: string };
  recorded?: boolean;
  /** The session's answer was a recording. */
  replayed?: boolean;
  /** What the jobs between session and write job said. */
  steps?: Steps;
  /** What a live session cost; `unknown` where nobody counted, absent where none was to run. */
  spent?: Amount | "unknown";
};

/** The stages of the flow over a run's real parts. */
export function loopStages(run: LoopRun, options: StageOptions): LoopStages {
  const { forge } = run.workspace;
  const { reviewer, carried = {} } = options;
  const reference = () => required(carried.captured).results;
  const relayed = options.carried !== undefined;
  const base = () => baseOf(run, carried);
  return {
    mayGoOn: () => mayGoOn(run, { begun: carried.baseSha !== undefined, record: options.record }),
    gate: async () => {
      const result = await paidFor(await gate(run, options), options.runner);
      carried.baseSha = result.value.baseSha;
      if (options.record && !relayed)
        run.defer(() => (carried.recorded === true ? Promise.resolve() : recordFailure(run)));
      return result;
    },
    capture: async () => {
      const result = await capture(run, (await base()).worktree);
      carried.captured = result.value;
      return result;
    },
    analyze: async () => {
      const captured = required(carried.captured);
      // The spans are in store and dossier; only the results are needed further on.
      carried.captured = { ...captured, loaded: [] };
      return analyze(run, captured.loaded);
    },
    session: async (evidence) => {
      const asked = { ...options, base: await base(), evidence };
      const result = (await refuseSession(run, asked)) ?? (await session(run, asked));
      if (result.value === undefined) return { ...result, value: undefined };
      carried.replayed = options.runner.kind === "replay";
      const { record: answered, proposal } = result.value;
      if (proposal) carried.decided = { proposal, session: answered, evidence, dossier: run.dossierId };
      return result;
    },
    detect: async (proposal, evidence) => {
      // A job of its own has the base checked out, and no worktree to prepare for this.
      const remembering = options.record ? (carried.base ?? run.workspace.root) : undefined;
      const { pull } = options;
      return await detect(run, { proposal, evidence, reference: reference(), reviewer, remembering, pull });
    },
    validate: async (proposal) =>
      await validate(run, { proposal, base: (await base()).worktree, reference: reference() }),
    propose: async (_proposal, validation) => {
      const parts = { ...required(carried.decided), validation };
      const result = await propose(run, { parts, recorded: () => relayed || carried.recorded === true });
      carried.branch = result.value;
      return result;
    },
    canary: async (worktree) => await canary(run, { baseline: (await base()).worktree, canary: worktree }),
    withdraw: async () => {
      const { branch, sha } = required(carried.branch);
      await forge.closeProposal(branch, sha);
    },
    record: async (decision) => {
      const result = await record(run, decision, { record: options.record, baseSha: required(carried.baseSha) });
      carried.recorded = true;
      return result;
    },
    // The rules of the commit that was measured, not what lies in the folder by now.
    learn: () => (options.record ? learn(run, carried.base) : Promise.resolve(NOTHING_TO_LEARN)),
  };
}

/** The base commit and a worktree of it, made when it is first needed. */
async function baseOf(run: LoopRun, carried: Carried): Promise<{ readonly worktree: string; readonly sha: string }> {
  const sha = required(carried.baseSha);
  carried.base ??= await baseWorktree(run, sha);
  return { worktree: carried.base, sha };
}

/** Reads the kill switch. That a run was refused its start is on record; later stages are recorded with the run. */
function mayGoOn(run: LoopRun, { begun, record: recorded }: { begun: boolean; record: boolean }): Promise<void> {
  const { killSwitch, state, clock, targetName } = run.workspace;
  if (begun || !recorded) return killSwitch.assertRunning();
  const attempt = { actor: run.actor, operation: "loop.start", target: targetName, run: run.id, parameters: {} };
  return recordingDenials({ state, clock }, attempt, killSwitch.assertRunning);
}

const NOTHING_TO_LEARN: Awaited<ReturnType<LoopStages["learn"]>> = {
  verdict: "pass",
  reasons: ["dry_run"],
  summary: "nothing was recorded to learn from",
  value: { explanation: [] },
};

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new WhetstoneError("defect", "A stage ran before the one that it needs.");
  return value;
}
