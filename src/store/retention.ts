import { WhetstoneError } from "../model/error.ts";
import type { PruneCount, PruneKind, SpanStore } from "./port.ts";

/** What is kept: ages in ns of traces without and with an error and of rollups, and the size of all data. */
export type RetentionPolicy = {
  readonly plainNs: number;
  readonly errorNs: number;
  readonly rollupsNs: number;
  /** Bytes in use; above it the oldest traces go before their age, the ages of both kinds shortened in proportion. */
  readonly maxBytes?: number;
};

/** What a run removed, or would remove, of each kind. */
export type RetentionCounts = Readonly<Record<PruneKind, PruneCount>>;

/** What the run works with. */
export type RetentionRun = {
  readonly policy: RetentionPolicy;
  /** Wall time, ns since the Unix epoch. */
  readonly now: bigint;
  /** Takes its time before the next step, so that writers get their turn. */
  readonly rest: () => Promise<void>;
  readonly signal?: AbortSignal;
  readonly onStep?: (removed: RetentionCounts) => void;
};

const NOTHING: PruneCount = { traces: 0, spans: 0, rows: 0 };
const AGES: readonly (readonly [PruneKind, "plainNs" | "errorNs" | "rollupsNs"])[] = [
  ["plain", "plainNs"],
  ["error", "errorNs"],
  ["rollups", "rollupsNs"],
];

/** What {@link retain} would remove by age. */
export async function retainable(store: SpanStore, policy: RetentionPolicy, now: bigint): Promise<RetentionCounts> {
  const counts = { plain: NOTHING, error: NOTHING, rollups: NOTHING };
  for (const [kind, age] of AGES) counts[kind] = await store.prunable({ kind, beforeNs: before(now, policy[age]) });
  return counts;
}

/**
 * Removes what the policy does not keep, in many short transactions; may be ended between any two and run again.
 * @throws WhetstoneError `usage` for a limit of size on a store that cannot tell what it uses; what the store throws;
 * the signal's reason
 */
export async function retain(store: SpanStore, run: RetentionRun): Promise<RetentionCounts> {
  const { policy, now } = run;
  if (policy.maxBytes !== undefined) await usedBytes(store);
  const removed = { plain: NOTHING, error: NOTHING, rollups: NOTHING };
  const step = async (kind: PruneKind, beforeNs: bigint): Promise<boolean> => {
    run.signal?.throwIfAborted();
    const count = await store.prune({ kind, beforeNs });
    removed[kind] = sum(removed[kind], count);
    if (count.traces + count.rows === 0) return false;
    run.onStep?.({ ...removed });
    await run.rest();
    return true;
  };
  for (const [kind, age] of AGES) while (await step(kind, before(now, policy[age])));
  while (policy.maxBytes !== undefined && (await usedBytes(store)) > policy.maxBytes) {
    const kind = await longestKept(store, policy, now);
    if (kind === undefined || !(await step(kind, LAST))) break;
  }
  return removed;
}

/** After every time that a store holds. */
const LAST = 2n ** 63n;

const before = (now: bigint, ageNs: number): bigint => now - BigInt(Math.round(ageNs));

const sum = (a: PruneCount, b: PruneCount): PruneCount => ({
  traces: a.traces + b.traces,
  spans: a.spans + b.spans,
  rows: a.rows + b.rows,
});

async function usedBytes(store: SpanStore): Promise<number> {
  const { usedBytes: used } = await store.extent();
  if (used !== undefined) return used;
  throw new WhetstoneError("usage", "This store cannot tell how much of its size is in use, so it cannot be limited.", {
    remedy: "Limit the ages instead; a limit of size needs a SQLite store.",
  });
}

/** The kind whose oldest trace has outlived more of the age that it is kept for. */
async function longestKept(
  store: SpanStore,
  policy: RetentionPolicy,
  now: bigint,
): Promise<"plain" | "error" | undefined> {
  const { plain, error } = (await store.extent()).oldestNs;
  if (plain === undefined) return error === undefined ? undefined : "error";
  if (error === undefined) return "plain";
  return Number(now - plain) / policy.plainNs >= Number(now - error) / policy.errorNs ? "plain" : "error";
}
