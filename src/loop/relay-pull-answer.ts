import type { LoopReport } from "../flow.ts";
import { codeOf } from "../model/error.ts";
import type { PullValidation } from "../model/pull-change.ts";
import { formatInstant } from "../model/time.ts";
import type { ValidationReport } from "../model/verdict.ts";
import { takeAskedRun } from "../protect/asked-runs.ts";
import type { OpenDossier } from "../protect/dossier.ts";
import { keepPullValidation } from "../protect/pull-validations.ts";
import { coverageGap } from "../propose/stage.ts";
import type { RelayOrder } from "./relay-order.ts";
import type { RelayRequest } from "./relay-request.ts";
import { recompute } from "./replay.ts";
import type { LoopRun } from "./run.ts";

/** How a run ended that proved a pull request. */
export type PullEnd = {
  readonly request: Pick<RelayRequest, "workflow" | "startedBy">;
  readonly order: RelayOrder;
  /** The dossier that the furthest job left. */
  readonly earlier: OpenDossier;
  readonly report: LoopReport;
};

/**
 * Tells the App, where it was asked for the run by a comment, what became of the pull request: beside the wish on the state
 * branch, from where it shows it. Nothing else is recorded of a run that writes nothing.
 * @throws WhetstoneError `api_failed`, `ledger_broken`
 */
export async function answerPull(run: LoopRun, end: PullEnd): Promise<void> {
  const { state, targetName: target, hosted } = run.workspace;
  const { workflow, startedBy = [] } = end.request;
  const { session } = end.order.asked;
  if (session?.kind !== "pull" || hosted === undefined || workflow === undefined) return;
  for (const app of startedBy.filter((login) => login.endsWith("[bot]"))) {
    const arrival = { app, run: workflow.id, target, loop: run.id, mark: false };
    const comment = (await takeAskedRun(state, arrival))?.asked.comment;
    if (comment === undefined) continue;
    const found = validationOf(run, end);
    const { number: pull, headSha } = session;
    await keepPullValidation(state, { ...found, pull, headSha, target, comment, run: workflow.id });
    return;
  }
}

type Found = Omit<PullValidation, "pull" | "headSha" | "target" | "comment" | "run">;

function validationOf({ workspace: { clock } }: Pick<LoopRun, "workspace">, end: PullEnd): Found {
  const { order, report } = end;
  const { validation } = report;
  const { isBelieved, ...verdict } = verdictOf(end);
  // Of what does not follow from its records nothing is passed on: neither its numbers nor its words.
  const left = isBelieved ? AFTERWARDS : UNBELIEVED;
  return {
    schema: "whetstone.pull-validation/1",
    at: formatInstant(clock.now()),
    ...verdict,
    stages: report.stages.filter(({ stage }) => !left.has(stage)).map((one) => ({ ...one, summary: cut(one.summary) })),
    patchDigest: order.pull?.patchDigest ?? null,
    baseSha: order.baseSha,
    report: validation === undefined || !isBelieved ? null : shortened(validation),
  };
}

const AFTERWARDS: ReadonlySet<string> = new Set(["record", "learn"]);
const UNBELIEVED: ReadonlySet<string> = new Set([...AFTERWARDS, "validate"]);

type Judged = Pick<PullValidation, "verdict" | "reasons"> & { readonly isBelieved: boolean };

/**
 * A pass is believed as the job believes it that opens pull requests: every stage passed on just this patch and base, and
 * every verdict follows from what was recorded.
 */
function verdictOf({ order, earlier, report }: PullEnd): Judged {
  const { status, reasons, proposal, validation } = report;
  if (status === "rejected") return { verdict: "fail", reasons: [...reasons], isBelieved: true };
  const isProved = status === "no_change" && earlier.manifest.stages.at(-1)?.stage === "validate";
  if (!isProved || proposal === undefined || validation === undefined)
    return { verdict: "inconclusive", reasons: [...reasons], isBelieved: true };
  const isBound = proposal.patchDigest === order.pull?.patchDigest && proposal.baseSha === order.baseSha;
  if (!isBound || coverageGap(proposal, validation) !== undefined || !isRecomputed(earlier))
    return { verdict: "inconclusive", reasons: ["digest_mismatch"], isBelieved: false };
  return { verdict: "pass", reasons: validation.reasons, isBelieved: true };
}

function isRecomputed(dossier: OpenDossier): boolean {
  try {
    return recompute(dossier).every(({ equal }) => equal);
  } catch (error) {
    if (codeOf(error) !== "dossier_mismatch") throw error;
    return false;
  }
}

/** The change ran on the machine that wrote the report: it may be as long as it likes there. */
const MOST = { details: 5, effects: 60, characters: 400 };

function shortened({ stages, effects, ...rest }: ValidationReport): ValidationReport {
  const short = stages.slice(0, 10).map((one) => ({ ...one, details: one.details.slice(0, MOST.details).map(cut) }));
  const named = effects.slice(0, MOST.effects).map((one) => ({ ...one, operation: cut(one.operation) }));
  return { ...rest, proposal: cut(rest.proposal), stages: short, effects: named };
}

function cut(text: string): string {
  return text.length <= MOST.characters ? text : `${text.slice(0, MOST.characters)} … (cut, ${text.length} characters)`;
}
