import { judgeCanary, type CanaryOptions } from "../canary/judge.ts";
import { slowLimits } from "../canary/slow-limits.ts";
import { canaryStage } from "../capture/canary-stage.ts";
import { callSamples } from "../capture/samples.ts";
import type { Arm, CallSample, Workload } from "../model/call.ts";
import type { Span } from "../model/span.ts";
import type { Stage } from "../model/stage.ts";
import type { CanaryVerdict } from "../model/verdict.ts";
import { createRandom } from "../stats/random.ts";
import type { LoopRun } from "./run.ts";

/** Sessions of the baseline alone under load, before the canary: enough calls of every tool to freeze its limits. */
const WARM_UP_SESSIONS = 4;

/** Baseline and canary side by side under concurrent load, judged after every session. */
export function canary(run: LoopRun, versions: Readonly<Record<Arm, string>>): Promise<Stage<CanaryVerdict>> {
  const settings = run.workspace.target.canary;
  const random = createRandom(run.id);
  return canaryStage<CanaryOptions>({
    sessions: run.workload.sessions,
    weight: settings.weight,
    maxSessions: settings.maxSessions,
    minimumSessions: settings.minimumSessions,
    alpha: settings.alpha,
    warmUp: WARM_UP_SESSIONS,
    random: random.uniform,
    play: (arm, session) => playUnderLoad(run, { arm, session, cwd: versions[arm] }),
    freeze: (baseline) => ({
      weight: settings.weight,
      alpha: settings.alpha,
      beta: settings.beta,
      margin: settings.margin,
      slowdown: settings.slowdown,
      unit: settings.unit,
      maxErrorRate: settings.maxErrorRate,
      maxSlowRate: settings.maxSlowRate,
      latencyLimitsMs: slowLimits(baseline, settings.slowMs),
    }),
    judge: judgeCanary,
    dossier: run.files,
    progress: run.progress,
  });
}

type UnderLoad = { readonly arm: Arm; readonly session: Workload["sessions"][number]; readonly cwd: string };

async function playUnderLoad(run: LoopRun, request: UnderLoad): Promise<CallSample[]> {
  const spans: Span[] = [];
  const { concurrency } = run.workspace.target.canary;
  await run.play({ ...request, concurrency, collect: (batch) => void spans.push(...batch) });
  return callSamples(spans);
}
