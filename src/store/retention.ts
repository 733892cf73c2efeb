import { WhetstoneError } from "../model/error.ts";
import type { PruneCount, PruneKind, SpanStore } from "./port.ts";
import type { Store } from "./store.ts";

/**
 * What is kept: ages in ns (or Infinity) of traces without and with an error, of rollups, metric points and log records,
 * and the size of all data.
 */
export type RetentionPolicy = {
  readonly plainNs: number;
  readonly errorNs: number;
  readonly rollupsNs: number;
  readonly metricsNs: number;
  readonly logsNs: number;
  /** Bytes in use; above it the oldest go before their age, the ages of all but rollups shortened in proportion. */
  readonly maxBytes?: number;
};

/** What a run removed, or would remove, of each kind. */
export type RetentionCounts = Readonly<Record<PruneKind, PruneCount>> & {
  readonly metrics: { readonly points: number };
  readonly logs: { readonly records: number };
};

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
const NO_COUNTS: RetentionCounts = {
  plain: NOTHING,
  error: NOTHING,
  rollups: NOTHING,
  metrics: { points: 0 },
  logs: { records: 0 },
};

type Kind = keyof RetentionCounts;
const KINDS: readonly Kind[] = ["plain", "error", "rollups", "metrics", "logs"];

/** Kinds that a limit of size takes from. */
type Shrinkable = Exclude<Kind, "rollups">;

/** What {@link retain} would remove by age. */
export async function retainable(store: Store, policy: RetentionPolicy, now: bigint): Promise<RetentionCounts> {
  const of = (kind: Kind): bigint => before(now, policy[`${kind}Ns`]);
  return {
    plain: await store.prunable({ kind: "plain", beforeNs: of("plain") }),
    error: await store.prunable({ kind: "error", beforeNs: of("error") }),
    rollups: await store.prunable({ kind: "rollups", beforeNs: of("rollups") }),
    metrics: { points: await store.metrics.prunable(of("metrics")) },
    logs: { records: await store.logs.prunable(of("logs")) },
  };
}

/** One step of removal: `spans` bounds a step of traces. */
type Removal = { readonly kind: Kind; readonly beforeNs: bigint; readonly spans?: number };
type Step = (what: Removal) => Promise<number>;

/**
 * Removes what the policy does not keep, in many short transactions; may be ended between any two and run again.
 * @throws WhetstoneError `usage` for a limit of size on a store that cannot tell what it uses; what the store throws;
 * the signal's reason
 */
export async function retain(store: Store, run: RetentionRun): Promise<RetentionCounts> {
  const { policy, now } = run;
  if (policy.maxBytes !== undefined) await usedBytes(store);
  let removed = NO_COUNTS;
  const step: Step = async (what) => {
    run.signal?.throwIfAborted();
    const { counts, items } = await remove(store, what);
    removed = { ...removed, ...sums(removed, counts) };
    if (items === 0) return 0;
    run.onStep?.(removed);
    await run.rest();
    return items;
  };
  for (const kind of KINDS) while ((await step({ kind, beforeNs: before(now, policy[`${kind}Ns`]) })) > 0);
  if (policy.maxBytes !== undefined) await shrink(store, { policy, now, maxBytes: policy.maxBytes, step });
  return removed;
}

/** Removes one step; says how many items (spans, rows, points or records) it removed. */
async function remove(store: Store, { kind, beforeNs, spans }: Removal) {
  switch (kind) {
    case "metrics": {
      const points = await store.metrics.prune(beforeNs);
      return { counts: { metrics: { points } }, items: points };
    }
    case "logs": {
      const records = await store.logs.prune(beforeNs);
      return { counts: { logs: { records } }, items: records };
    }
    case "plain":
    case "error":
    case "rollups": {
      const count = await store.prune({ kind, beforeNs, ...(spans !== undefined && { spans }) });
      return { counts: { [kind]: count }, items: count.spans + count.rows };
    }
  }
}

/** The counts that a step changed, added to what was removed before. */
function sums(removed: RetentionCounts, step: Partial<RetentionCounts>): Partial<RetentionCounts> {
  const both = (Object.keys(step) as Kind[]).map((kind) => {
    const [a, b]: Readonly<Record<string, number>>[] = [removed[kind], step[kind] ?? {}];
    return [kind, Object.fromEntries(Object.entries(a ?? {}).map(([name, count]) => [name, count + (b?.[name] ?? 0)]))];
  });
  return Object.fromEntries(both) as Partial<RetentionCounts>;
}

type Shrinking = Pick<RetentionRun, "policy" | "now"> & { readonly maxBytes: number; readonly step: Step };

/** Spans of the first step of shrinking, before it is known what a span takes. */
const FIRST_STEP = 50;

/** Removes the oldest until the size is met, in steps that do not go far beyond it. */
async function shrink(store: Store, { policy, now, maxBytes, step }: Shrinking): Promise<void> {
  let spans = FIRST_STEP;
  let perSpan = 1;
  for (let used = await usedBytes(store); used > maxBytes;) {
    const kind = await longestKept(store, policy, now);
    const count = kind === undefined ? 0 : await step({ kind, beforeNs: LAST, spans });
    if (count === 0) return;
    const left = await usedBytes(store);
    if (kind === "plain" || kind === "error") perSpan = Math.max(1, (used - left) / count);
    // Half of what seems needed, so that all kinds get their turns up to the end.
    spans = Math.max(1, Math.min(spans * 4, (left - maxBytes) / perSpan / 2));
    used = left;
  }
}

/** After every time that a store holds. */
const LAST = 2n ** 63n;

/** `ageNs` before now; infinite is before all time. */
const before = (now: bigint, ageNs: number): bigint => (ageNs === Infinity ? -LAST : now - BigInt(Math.round(ageNs)));

async function usedBytes(store: SpanStore): Promise<number> {
  const { usedBytes: used } = await store.extent();
  if (used !== undefined) return used;
  throw new WhetstoneError("usage", "This store cannot tell how much of its size is in use, so it cannot be limited.", {
    remedy: "Limit the ages instead; a limit of size needs a SQLite store.",
  });
}

/** The kind whose oldest item has outlived more of the age that it is kept for; the older one where all is kept. */
async function longestKept(store: Store, policy: RetentionPolicy, now: bigint): Promise<Shrinkable | undefined> {
  const { plain, error } = (await store.extent()).oldestNs;
  const oldest: Readonly<Record<Shrinkable, bigint | undefined>> = {
    plain,
    error,
    metrics: await store.metrics.oldestNs(),
    logs: await store.logs.oldestNs(),
  };
  const kept = (Object.keys(oldest) as Shrinkable[]).flatMap((kind) => {
    const ns = oldest[kind];
    if (ns === undefined) return [];
    const age = Number(now - ns);
    return [{ kind, age, share: age / policy[`${kind}Ns`] }];
  });
  return kept.sort((a, b) => b.share - a.share || b.age - a.age)[0]?.kind;
}
