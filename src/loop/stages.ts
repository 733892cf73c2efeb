import type { LoopStages } from "../flow.ts";
import { WhetstoneError } from "../model/error.ts";
import type { ReportParts } from "../propose/report.ts";
import { proposeStage } from "../propose/stage.ts";
import { formatInstant } from "../model/time.ts";
import { readOutcomes } from "../protect/outcomes.ts";
import type { SessionRunner } from "../session/port.ts";
import { readRules } from "../session/rules.ts";
import { sessionStage } from "../session/stage.ts";
import type { CaptureResult } from "../capture/stage.ts";
import { analyze } from "./analyze.ts";
import { canary } from "./canary.ts";
import { capture } from "./capture.ts";
import { gate } from "./gate.ts";
import { learn } from "./learn.ts";
import { record, recordFailure } from "./record.ts";
import type { LoopRun } from "./run.ts";
import { validate } from "./validate.ts";

/** How the stages are told what kind of run this is. */
export type StageOptions = { readonly runner: SessionRunner; readonly record: boolean };

/** What one stage leaves for a later one, beside what the flow passes on. */
type Carried = {
  baseSha?: string;
  base?: string;
  captured?: CaptureResult;
  decided?: Omit<ReportParts, "validation">;
  branch?: { readonly branch: string; readonly sha: string };
  recorded?: boolean;
};

/** The stages of the flow over a run's real parts. */
export function loopStages(run: LoopRun, options: StageOptions): LoopStages {
  const { workspace, files } = run;
  const { target, targetName, forge } = workspace;
  const carried: Carried = {};
  return {
    gate: async () => {
      const result = await gate(run, options);
      carried.baseSha = result.value.baseSha;
      if (options.record) run.defer(() => (carried.recorded === true ? Promise.resolve() : recordFailure(run)));
      return result;
    },
    capture: async () => {
      carried.base = await run.worktree("base", required(carried.baseSha));
      const result = await capture(run, carried.base);
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
      const view = await workspace.state.view();
      const outcomes = (await readOutcomes(view, targetName)).toReversed();
      const now = formatInstant(workspace.clock.now());
      const rules = await readRules(required(carried.base), { target: targetName, now });
      const context = {
        target: targetName,
        source: target.source,
        baseSha: required(carried.baseSha),
        rules,
        outcomes,
      };
      const result = await sessionStage({ ...context, runner: options.runner, dossier: files }, evidence);
      const { record: session, proposal } = result.value;
      if (proposal) carried.decided = { proposal, session, evidence, dossier: run.dossierId };
      return result;
    },
    validate: (proposal) =>
      validate(run, { proposal, base: required(carried.base), reference: required(carried.captured).results }),
    propose: async (_proposal, validation) => {
      const announce = async (opened: { branch: string; sha: string }): Promise<void> => {
        await run.lease.addBranch({ branch: opened.branch, sha: opened.sha });
        // An error between here and the record must not leave a branch that nobody decided on.
        run.defer(
          async () => void (carried.recorded === true || (await forge.closeProposal(opened.branch, opened.sha))),
        );
      };
      const result = await proposeStage({ forge, announce }, { ...required(carried.decided), validation });
      carried.branch = result.value;
      files.set("report.md", result.value.report);
      return result;
    },
    canary: (worktree) => canary(run, { baseline: required(carried.base), canary: worktree }),
    withdraw: async () => {
      const { branch, sha } = required(carried.branch);
      await forge.closeProposal(branch, sha);
    },
    record: async (decision) => {
      const result = await record(run, decision, { record: options.record, baseSha: required(carried.baseSha) });
      carried.recorded = true;
      return result;
    },
    learn: async () =>
      options.record
        ? learn(run)
        : {
            verdict: "pass",
            reasons: ["dry_run"],
            summary: "nothing was recorded to learn from",
            value: { explanation: [] },
          },
  };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new WhetstoneError("defect", "A stage ran before the one that it needs.");
  return value;
}
