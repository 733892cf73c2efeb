import { type GateCalls, type GateRules, type GateSeen, startGateCount } from "./gate-count.ts";

/** Counts the calls of a gate, here or elsewhere. What it is told comes in order of time. */
export type GateCounter = {
  /** Counts calls for good. */
  readonly settle: (page: GateCalls) => Promise<void>;
  /** Counts calls for the next look alone: others may yet come between them. */
  readonly tail: (page: GateCalls) => Promise<void>;
  /** The verdict on all of them; the tail is forgotten then. `nowMs`: since the Unix epoch. */
  readonly look: (nowMs: number) => Promise<GateSeen>;
  /** Forgets everything. */
  readonly end: () => void;
};

/** Counts where it is called. */
export function gateCounter(rules: GateRules): GateCounter {
  const settled = startGateCount(rules);
  let tail: ReturnType<typeof startGateCount> | undefined;
  return {
    settle: async (page) => settled.add(page),
    tail: async (page) => (tail ??= settled.fork()).add(page),
    look: async (nowMs) => {
      const seen = (tail ?? settled).look(nowMs);
      tail = undefined;
      return seen;
    },
    end: () => undefined,
  };
}
