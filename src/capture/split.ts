import type { Arm, CallSample, Workload } from "../model/call.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Progress } from "../model/stage.ts";
import type { CanaryVerdict } from "../model/verdict.ts";
import { isOverwhelming, looksDisastrous, type Routing } from "./disaster.ts";

type Session = Workload["sessions"][number];

/** What the split of traffic needs. */
export type SplitDeps = {
  readonly sessions: readonly Session[];
  /** Share of sessions that go to the canary, in (0, 1). */
  readonly weight: number;
  readonly maxSessions: number;
  /** Sessions per arm before the judge is asked: calls of one session share a process and are not independent. */
  readonly minimumSessions: number;
  /** Greatest probability of a false rollback. */
  readonly alpha: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Plays one client session on one arm through the proxy and returns its calls as the proxy measured them. */
  readonly play: (arm: Arm, session: Session) => Promise<readonly CallSample[]>;
  /** Judges everything so far; asked after each block from the minimum on, and before it when all looks like a disaster. */
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

/** Sessions side by side: one of each arm on an even split, so that both meet the same load. */
const SIDE_BY_SIDE = 2;
/** Largest block; a weight finer than a hundredth is rounded to it. */
const LARGEST_BLOCK = 100;

/**
 * Permuted-block randomisation (Hill 1951): every block plays one recorded session as often as it takes for the weight
 * to be exact, in random order of the arms. Both arms thus get the same mix of calls, and the routing stays random.
 * The judge is asked after each block once both arms have their minimum of sessions; the run ends at the first decision, at the first failure of the canary's server,
 * or undecided after `maxSessions`. Before the minimum it ends at a disaster only: whole sessions of the canary and no other
 * ones are bad, which by itself is as rare as `alpha` says, and the calls show overwhelming evidence. A baseline that fails is an error of the run.
 */
export async function splitTraffic(deps: SplitDeps): Promise<SplitResult> {
  const samples: CallSample[] = [];
  const sessions = { baseline: 0, canary: 0 };
  const block = blockOf(deps.weight);
  let verdict = deps.judge(samples);
  let played = 0;
  for (let index = 0; verdict.verdict === "continue" && played + block.length <= deps.maxSessions; index += 1) {
    const session = deps.sessions[index % deps.sessions.length];
    if (!session) break;
    deps.progress({ label: `${samples.length} calls`, done: played, total: deps.maxSessions });
    const arms = shuffled(block, deps.random);
    for (let at = 0; at < arms.length; at += SIDE_BY_SIDE) {
      const pair = arms.slice(at, at + SIDE_BY_SIDE);
      const results = await Promise.allSettled(
        pair.map((arm, offset) => deps.play(arm, { ...session, id: `${session.id}#${played + offset}` })),
      );
      played += pair.length;
      for (const [offset, result] of results.entries()) {
        const arm = pair[offset] ?? "baseline";
        sessions[arm] += 1;
        if (result.status === "fulfilled") samples.push(...result.value);
      }
      const canaryFailure = failureOf(pair, results);
      if (canaryFailure !== undefined) return { samples, verdict, sessions, canaryFailure };
    }
    verdict = look(samples, { deps, verdict, routing: { block, blocks: index + 1 }, sessions });
  }
  return { samples, verdict, sessions };
}

type Looking = {
  readonly deps: SplitDeps;
  readonly verdict: CanaryVerdict;
  readonly routing: Routing;
  readonly sessions: SplitResult["sessions"];
};

/** The judge's verdict, if it is time for one; otherwise the one before. */
function look(samples: readonly CallSample[], { deps, verdict, routing, sessions }: Looking): CanaryVerdict {
  if (Math.min(sessions.baseline, sessions.canary) >= deps.minimumSessions) return deps.judge(samples);
  if (!looksDisastrous(samples, routing, deps.alpha)) return verdict;
  const early = deps.judge(samples);
  return isOverwhelming(early) ? early : verdict;
}

/** The arms of one block: the smallest in which the weight is a whole number of sessions, each arm at least once. */
export function blockOf(weight: number): Arm[] {
  let size = 2;
  while (size < LARGEST_BLOCK && Math.abs(weight * size - Math.round(weight * size)) > 1e-9) size += 1;
  const canaries = Math.min(size - 1, Math.max(1, Math.round(weight * size)));
  return Array.from({ length: size }, (_, index) => (index < canaries ? "canary" : "baseline"));
}

/** Fisher-Yates. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [copy[last], copy[other]] = [copy[other] as T, copy[last] as T];
  }
  return copy;
}

/** The canary's failure, if its server failed. @throws the baseline's, and whatever is no failure of a server */
function failureOf(arms: readonly Arm[], results: readonly PromiseSettledResult<unknown>[]): string | undefined {
  let failure: string | undefined;
  for (const [index, result] of results.entries()) {
    if (result.status === "fulfilled") continue;
    if (arms[index] === "baseline" || !isServerFailure(result.reason)) throw result.reason;
    failure ??= result.reason.message;
  }
  return failure;
}

function isServerFailure(error: unknown): error is WhetstoneError {
  return error instanceof WhetstoneError && (error.code === "server_start_failed" || error.code === "server_died");
}
