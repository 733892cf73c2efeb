import type { Flow, LoopStages, Seen } from "../flow.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Proposal } from "../model/proposal.ts";
import type { Stage } from "../model/stage.ts";
import type { StepVerdict } from "../model/step-verdict.ts";
import { admitActors } from "./admit-actor.ts";
import { judgeEvidence } from "./analyze.ts";
import { type MadeIn, publish } from "./publish.ts";
import { type GateRequest, giveOrder } from "./relay-gate.ts";
import type { RelayOrder } from "./relay-order.ts";
import { PULL_FILE } from "./relay-pull.ts";
import { assertGatesChange, pullSession } from "./relay-pull-session.ts";
import { endOfSession } from "./relay-session.ts";
import type { LoopRun } from "./run.ts";
import type { Carried } from "./stages.ts";

/**
 * The loop as a relay of jobs, each on a machine of its own. A job runs its stages and hands on the dossier as far as it
 * got; the next one takes it only with the digest that it was told by another way. What a job does is what the stages of
 * `flow.ts` do.
 */
export const RELAY_JOBS = ["gate", "evidence", "session", "detect", "validate", "propose", "record"] as const;
export type RelayJob = (typeof RELAY_JOBS)[number];

/** What a job works with. */
export type JobParts = {
  readonly run: LoopRun;
  readonly stages: LoopStages;
  readonly flow: Flow;
  /** What the jobs before left. */
  readonly seen: Seen;
  /** To which this job adds. */
  readonly carried: Carried;
  /** Names of the accounts that started the workflow run. */
  readonly startedBy: readonly string[];
  /** Absent outside a workflow run. */
  readonly madeIn: MadeIn | undefined;
  /** What the gate is asked to let through. */
  readonly asked: GateRequest;
  /** What the gate let through; absent at the gate itself, and where the job goes by verdicts alone. */
  readonly order: RelayOrder | undefined;
};

/** What each job does, but for the one that records. */
export const JOBS: Readonly<Record<Exclude<RelayJob, "record">, (parts: JobParts) => Promise<unknown>>> = {
  gate: ({ run, stages, flow, startedBy, asked }) =>
    flow.run("gate", async () => {
      const { made: workflow, dryRun } = asked;
      const arrived = await admitActors(run, { logins: startedBy, workflow, dryRun });
      const gated = await stages.gate();
      return gated.verdict === "pass" ? await giveOrder(run, gated, { ...asked, arrived }) : gated;
    }),
  evidence: async ({ stages, flow, order }) => {
    const captured = await flow.run("capture", stages.capture);
    if (captured.verdict !== "pass") return;
    await flow.run("analyze", async () => {
      const analysed = await stages.analyze();
      // What people changed is proved on a server that nothing hurts as well.
      const { value } = analysed;
      return order?.pull === undefined ? analysed : { ...judgeEvidence(value, { isPull: true }), value };
    });
  },
  session: ({ run, stages, flow, seen, carried, order }) =>
    flow.run("session", async () => {
      const evidence = needed(seen.evidence);
      if (order?.pull === undefined) return await endOfSession(stages, evidence, carried);
      return await pullSession(run, { pull: order.pull, baseSha: order.baseSha, evidence, carried });
    }),
  detect: async (parts) => {
    const proposal = needed(parts.seen.proposal);
    const evidence = needed(parts.seen.evidence);
    assertGatesChange(parts.order ?? {}, proposal);
    step("detect", parts, await parts.flow.run("detect", () => parts.stages.detect(proposal, evidence)));
  },
  validate: async (parts) => {
    const proposal = needed(parts.seen.proposal);
    assertGatesChange(parts.order ?? {}, proposal);
    step("validate", parts, await parts.flow.run("validate", () => parts.stages.validate(proposal)));
  },
  propose: async (parts) => {
    if (parts.run.files.has(PULL_FILE)) {
      const remedy = "Set `dry-run: true`; the pull request is there already.";
      throw new WhetstoneError("usage", "What a pull request changes is proved, not proposed again.", { remedy });
    }
    await parts.flow.run("propose", () => (parts.run.workspace.hosted ? openPullRequest(parts) : openBranch(parts)));
  },
};

function openBranch({ stages, seen }: JobParts): ReturnType<LoopStages["propose"]> {
  return stages.propose(needed(seen.proposal), needed(seen.validation));
}

async function openPullRequest({ run, seen, carried, madeIn }: JobParts): ReturnType<LoopStages["propose"]> {
  const parts = needed(carried.decided);
  const { steps = {} } = carried;
  const result = await publish(run, { parts, steps, validation: needed(seen.validation), madeIn: needed(madeIn) });
  if (result.verdict === "pass") carried.branch = result.value;
  return result;
}

/** Puts down what the job says of the proposal, bound to run, artifact and patch. */
function step(name: StepVerdict["step"], { seen, carried, madeIn }: JobParts, said: Stage<unknown>): void {
  if (madeIn === undefined) return;
  const { verdict, reasons, summary } = said;
  const { patchDigest }: Pick<Proposal, "patchDigest"> = needed(seen.proposal);
  carried.steps = {
    ...carried.steps,
    [name]: {
      schema: "whetstone.step-verdict/1",
      step: name,
      verdict,
      reasons: [...reasons],
      details: [summary],
      run: madeIn.run,
      artifactDigest: madeIn.artifact.digest,
      patchDigest,
    },
  };
}

/** What the job before should have left. @throws WhetstoneError `dossier_mismatch` when it did not */
export function needed<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new WhetstoneError("dossier_mismatch", "The dossier lacks what the job before this one should have left.", {
    remedy: "Run the whole workflow again.",
  });
}
