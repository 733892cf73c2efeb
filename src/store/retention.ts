import { WhetstoneError } from "../model/error.ts";
import type { Prunable, PruneCount, PruneKind, SpanStore } from "./port.ts";

/** What is kept: ages in ns (or Infinity) of traces without and with an error and of rollups, and the size of all data. */
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
  const step = async (what: Prunable): Promise<PruneCount | undefined> => {
    run.signal?.throwIfAborted();
    const count = await store.prune(what);
    removed[what.kind] = sum(removed[what.kind], count);
    if (count.traces + count.rows === 0) return undefined;
    run.onStep?.({ ...removed });
    await run.rest();
    return count;
  };
  for (const [kind, age] of AGES) while (await step({ kind, beforeNs: before(now, policy[age]) }));
  if (policy.maxBytes !== undefined) await shrink(store, { policy, now, maxBytes: policy.maxBytes, step });
  return removed;
}

type Shrinking = Pick<RetentionRun, "policy" | "now"> & {
  readonly maxBytes: number;
  readonly step: (what: Prunable) => Promise<PruneCount | undefined>;
};

/** Spans of the first step of shrinking, before it is known what a span takes. */
const FIRST_STEP = 50;

/** Removes the oldest until the size is met, in steps that do not go far beyond it. */
async function shrink(store: SpanStore, { policy, now, maxBytes, step }: Shrinking): Promise<void> {
  let spans = FIRST_STEP;
  for (let used = await usedBytes(store); used > maxBytes;) {
    const kind = await longestKept(store, policy, now);
    const count = kind && (await step({ kind, beforeNs: LAST, spans }));
    if (!count) return;
    const left = await usedBytes(store);
    const perSpan = Math.max(1, (used - left) / Math.max(1, count.spans));
    // Half of what seems needed, so that both kinds get their turns up to the end.
    spans = Math.max(1, Math.min(spans * 4, (left - maxBytes) / perSpan / 2));
    used = left;
  }
}

/** After every time that a store holds. */
const LAST = 2n ** 63n;

/** `ageNs` before now; infinite is before all time. */
const before = (now: bigint, ageNs: number): bigint => (ageNs === Infinity ? -LAST : now - BigInt(Math.round(ageNs)));

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
