import type { Arm, CallSample, Workload } from "../model/call.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Progress } from "../model/stage.ts";
import type { CanaryVerdict } from "../model/verdict.ts";

type Session = Workload["sessions"][number];

/** What the split of traffic needs. */
export type SplitDeps = {
  readonly sessions: readonly Session[];
  /** Share of sessions that go to the canary. */
  readonly weight: number;
  readonly maxSessions: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Plays one client session on one arm through the proxy and returns its calls as the proxy measured them. */
  readonly play: (arm: Arm, session: Session) => Promise<readonly CallSample[]>;
  /** Judges everything so far; asked after each session. */
  readonly judge: (samples: readonly CallSample[]) => CanaryVerdict;
  readonly progress: Progress;
};

/** What the traffic showed. `canaryFailure`: the canary's server did not start or died. */
export type SplitResult = {
  readonly samples: readonly CallSample[];
  readonly verdict: CanaryVerdict;
  readonly sessions: { readonly baseline: number; readonly canary: number };
  readonly canaryFailure?: string;
};

/**
 * Routes client sessions at random to baseline or canary, session by session as a proxy in front of both would, and
 * asks the judge after each. Ends at the first decision, at the first failure of the canary's server, or undecided
 * after `maxSessions`. A baseline that fails is an error of the run.
 */
export async function splitTraffic(deps: SplitDeps): Promise<SplitResult> {
  const samples: CallSample[] = [];
  const sessions = { baseline: 0, canary: 0 };
  let verdict = deps.judge(samples);
  for (let index = 0; index < deps.maxSessions && verdict.verdict === "continue"; index += 1) {
    const session = deps.sessions[index % deps.sessions.length];
    if (!session) break;
    const arm: Arm = deps.random() < deps.weight ? "canary" : "baseline";
    deps.progress({ label: `${samples.length} calls`, done: index, total: deps.maxSessions });
    sessions[arm] += 1;
    try {
      samples.push(...(await deps.play(arm, { ...session, id: `${session.id}#${index}` })));
    } catch (error) {
      if (arm === "baseline" || !isServerFailure(error)) throw error;
      return { samples, verdict, sessions, canaryFailure: error.message };
    }
    verdict = deps.judge(samples);
  }
  return { samples, verdict, sessions };
}

function isServerFailure(error: unknown): error is WhetstoneError {
  return error instanceof WhetstoneError && (error.code === "server_start_failed" || error.code === "server_died");
}
