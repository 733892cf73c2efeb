import type { Arm, CallSample } from "../model/call.ts";
import type { CanaryVerdict } from "../model/verdict.ts";

/** E-value of harm that calls must show for a canary to be rolled back before its minimum of sessions. */
const LEAST_E_VALUE = 1_000;

/** A session is bad when at least this share of its calls failed. */
const BAD_SHARE = 0.5;

/** How the sessions so far were routed. */
export type Routing = {
  /** Arms of one block, in any order; every block has the same. */
  readonly block: readonly Arm[];
  /** Whole blocks that have been played. */
  readonly blocks: number;
};

/**
 * Whether sessions look like a sudden disaster: every canary session was bad, and none of the baseline. Sessions of equal
 * versions do so with a probability of at most {@link chanceOf}, however calls within a session hang together.
 */
export function looksDisastrous(samples: readonly CallSample[], routing: Routing, alpha: number): boolean {
  if (chanceOf(routing) > alpha) return false;
  const sessions = Map.groupBy(samples, ({ arm, session }) => `${arm} ${session}`);
  const canaries = routing.block.filter((arm) => arm === "canary").length * routing.blocks;
  const [bad, good] = [new Set<string>(), new Set<string>()];
  for (const [key, calls] of sessions) {
    const failed = calls.filter(({ error }) => error).length;
    (failed >= BAD_SHARE * calls.length ? bad : good).add(key);
  }
  const isCanary = (key: string): boolean => key.startsWith("canary ");
  // A session without a call says nothing, and so does not count as bad.
  return [...bad].every(isCanary) && bad.size === canaries && ![...good].some(isCanary);
}

/**
 * The greatest probability that in all blocks every canary session is bad and no other one, when the sessions of a block
 * are bad with the same probability p, whatever it is: p^c·(1−p)^b is greatest at p = c/(c+b).
 */
export function chanceOf({ block, blocks }: Routing): number {
  const p = block.filter((arm) => arm === "canary").length / block.length;
  return block.reduce((chance, arm) => chance * (arm === "canary" ? p : 1 - p), 1) ** blocks;
}

/** Whether the judge's verdict rests on overwhelming evidence in the calls as well. */
export function isOverwhelming({ verdict, metrics }: Pick<CanaryVerdict, "verdict" | "metrics">): boolean {
  return verdict === "rollback" && metrics.some(({ eValue }) => (eValue ?? 0) >= LEAST_E_VALUE);
}
