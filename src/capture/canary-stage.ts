import type { Arm, CallSample, Workload } from "../model/call.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { DossierFiles, Progress, Stage } from "../model/stage.ts";
import type { CanaryVerdict } from "../model/verdict.ts";
import { splitTraffic, type SplitDeps, type SplitResult } from "./split.ts";

type Session = Workload["sessions"][number];

/** What the canary stage needs; `Options` are the judge's, frozen from the warm-up before the canary starts. */
export type CanaryDeps<Options> = Pick<
  SplitDeps,
  "sessions" | "weight" | "maxSessions" | "minimumSessions" | "alpha" | "random"
> & {
  readonly play: (arm: Arm, session: Session) => Promise<readonly CallSample[]>;
  /** Sessions that the baseline plays alone before the canary, under the same load, to freeze the judge's limits. */
  readonly warmUp: number;
  readonly freeze: (baseline: readonly CallSample[]) => Options;
  readonly judge: (samples: readonly CallSample[], options: Options) => CanaryVerdict;
  readonly dossier: DossierFiles;
  readonly progress: Progress;
};

/** Runs baseline and canary side by side through the proxy until the judge decides. */
export async function canaryStage<Options>(deps: CanaryDeps<Options>): Promise<Stage<CanaryVerdict>> {
  const before: CallSample[] = [];
  const sessions = deps.sessions.slice(0, deps.warmUp);
  for (let at = 0; at < sessions.length; at += 2) {
    deps.progress({ label: "warm-up", done: at, total: sessions.length });
    // Two at once, as in the canary: limits frozen under another load would be wrong for it.
    const pair = sessions.slice(at, at + 2).map((session) => ({ ...session, id: `${session.id}#warm-up` }));
    before.push(...(await allEnded(pair.map((session) => deps.play("baseline", session)))).flat());
  }
  const options = deps.freeze(before);
  const result = await splitTraffic({ ...deps, judge: (samples) => deps.judge(samples, options) });
  const verdict = withFailure(result);
  deps.dossier.set("canary/options.json", json(options));
  deps.dossier.set("canary/samples.json", json(result.samples));
  deps.dossier.set("canary/verdict.json", json(verdict));
  if (result.canaryFailure !== undefined) deps.dossier.set("canary/failure.txt", `${result.canaryFailure}\n`);
  return conclude(verdict, result);
}

/** All results, or the first error, but never before all have ended: none may work on when the run gives up its worktree. */
async function allEnded<T>(playing: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(playing);
  return await Promise.all(playing);
}

/** A canary whose server does not start or dies is rolled back, whatever the counts say. */
export function withFailure({ verdict, canaryFailure }: Pick<SplitResult, "verdict" | "canaryFailure">): CanaryVerdict {
  if (canaryFailure === undefined) return verdict;
  return { ...verdict, verdict: "rollback", reasons: ["server_failed"] };
}

function conclude(verdict: CanaryVerdict, { sessions, samples }: SplitResult): Stage<CanaryVerdict> {
  const head = judgeStage(verdict);
  const traffic = `${samples.length} calls in ${sessions.baseline} + ${sessions.canary} sessions`;
  const summary = `${verdict.verdict} after ${traffic} (false-rollback rate at most ${verdict.errorRates.rollback})`;
  const undecided = `undecided after ${traffic}`;
  return { ...head, summary: head.verdict === "inconclusive" ? undecided : summary, value: verdict };
}

/** What a judge's verdict means for the stage. */
export function judgeStage(verdict: CanaryVerdict): Pick<Stage<CanaryVerdict>, "verdict" | "reasons"> {
  const reasons = verdict.reasons as [ReasonCode, ...ReasonCode[]];
  switch (verdict.verdict) {
    case "promote":
      return { verdict: "pass", reasons };
    case "rollback":
      return { verdict: "fail", reasons };
    case "continue":
      return { verdict: "inconclusive", reasons: ["deadline_reached", ...reasons] };
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 1)}\n`;
}
