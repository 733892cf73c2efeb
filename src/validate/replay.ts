import type { CallResult } from "../model/call.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Hypothesis } from "../model/proposal.ts";
import type { Progress } from "../model/stage.ts";
import type { Effect } from "../model/verdict.ts";
import { compareResults, learnNoise } from "./compare.ts";
import type { ReplayEvidence } from "./judge.ts";

/** What the replay of recorded calls needs. */
export type ReplayDeps = {
  /** Plays the whole workload once on one version, one call at a time. */
  readonly play: (version: "before" | "after") => Promise<CallResult[]>;
  /** Effects of all tools between two sets of calls. */
  readonly measure: (before: readonly CallResult[], after: readonly CallResult[]) => Effect[];
  readonly rounds: number;
  readonly slowdown: number;
  readonly hypothesis: Hypothesis;
  /** An earlier run of the unchanged code on the same calls, from which noise is learned too. */
  readonly reference: readonly CallResult[];
  readonly progress: Progress;
};

/** Results of the earlier run of the unchanged code, and of every round of both versions. */
export type ReplayRounds = {
  readonly reference: readonly CallResult[];
  readonly before: readonly (readonly CallResult[])[];
  readonly after: readonly (readonly CallResult[])[];
};

/**
 * Plays the recorded calls on both versions in turn (before, after, after, before, …), so that a drift of the machine
 * hits both alike, and prepares what the judge needs. A changed server that does not start or dies is a verdict on the
 * change, not a failure of the run; the unchanged one failing is an error.
 */
export async function replayCalls(deps: ReplayDeps): Promise<ReplayEvidence & { readonly results: ReplayRounds }> {
  const before: CallResult[][] = [];
  const after: CallResult[][] = [];
  let serverFailure: string | undefined;
  for (let round = 0; round < deps.rounds && serverFailure === undefined; round += 1) {
    const order = round % 2 === 0 ? (["before", "after"] as const) : (["after", "before"] as const);
    for (const version of order) {
      deps.progress({ label: `replay ${version}`, done: round, total: deps.rounds });
      if (version === "before") before.push(await deps.play(version));
      else serverFailure = await playChanged(deps, after);
      if (serverFailure !== undefined) break;
    }
  }
  const results = { reference: deps.reference, before, after };
  return { ...weighResults(results, { ...deps, serverFailure }), results };
}

/** What the rounds show: pure, so that a dossier can be weighed again. */
export function weighResults(
  { reference, before, after }: ReplayRounds,
  settings: Pick<ReplayDeps, "measure" | "hypothesis" | "slowdown"> & { readonly serverFailure: string | undefined },
): ReplayEvidence {
  const { measure, hypothesis, slowdown, serverFailure } = settings;
  const noise = learnNoise([reference, ...before].filter((run) => run.length > 0));
  const first = before[0] ?? reference;
  return {
    differences: after.flatMap((run) => compareResults(first, run, noise)),
    effects: serverFailure === undefined ? measure(before.flat(), after.flat()) : [],
    hypothesis,
    slowdown,
    noiseFields: noise.size,
    calls: first.length,
    ...(serverFailure === undefined ? {} : { serverFailure }),
  };
}

async function playChanged(deps: ReplayDeps, after: CallResult[][]): Promise<string | undefined> {
  try {
    after.push(await deps.play("after"));
    return undefined;
  } catch (error) {
    const isServer =
      error instanceof WhetstoneError && (error.code === "server_start_failed" || error.code === "server_died");
    if (!isServer) throw error;
    return error.message;
  }
}
