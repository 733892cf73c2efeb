import type { StateView } from "../github/state-port.ts";
import { WhetstoneError } from "../model/error.ts";
import { sha256 } from "./digest.ts";
import { CHAIN_START, chainFault, type ChainTip, type ChainVerdict } from "./ledger-chain.ts";
import {
  type Checkpoints,
  readCheckpoints,
  type SignedCheckpoint,
  type UncountedCheckpoint,
} from "./ledger-checkpoint.ts";
import { recordsOf, segments, type TornLine } from "./ledger-segment.ts";
import { readTip, TIP } from "./ledger-tip.ts";

/** What is signed: all records up to the newest checkpoint that counts; null when none does. */
export type Signed = {
  readonly upTo: SignedCheckpoint | null;
  /** Records behind it, which only the chain holds. */
  readonly unsigned: number;
  readonly uncounted: readonly UncountedCheckpoint[];
};

/** Whether the ledger is as it was written, what of it is signed, and a half-written last line, which is no break. */
export type LedgerVerdict = ChainVerdict & { readonly signed: Signed; readonly torn?: TornLine };

/** What the ledger is held against besides itself. */
export type VerifyOptions = {
  /** A record that was noted elsewhere: the ledger has to have it. */
  readonly anchor?: ChainTip | undefined;
  /** Only checkpoints of this key count, and there has to be one. */
  readonly kid?: string | undefined;
};

/**
 * Whether the whole ledger is as it was written. It must be one chain without a fault, reach the record that its tip
 * names, and hold what every signed checkpoint and the anchor say. Reads it file by file, whatever its length.
 * Errors: those of the view.
 */
export async function verifyLedger(view: StateView, options: VerifyOptions = {}): Promise<LedgerVerdict> {
  const checkpoints = await readCheckpoints(view, options.kid);
  const walk: Walk = { tip: CHAIN_START, upTo: null, torn: undefined, anchored: options.anchor === undefined };
  const fault =
    (await walked(view, walk, { checkpoints, anchor: options.anchor })) ??
    (await missing(view, walk, { checkpoints, options }));
  const { seq, digest } = walk.tip;
  const verdict: ChainVerdict =
    fault === undefined ? { ok: true, records: seq, tip: { seq, digest } } : { ok: false, ...fault };
  const signed: Signed = { upTo: walk.upTo, unsigned: seq - (walk.upTo?.seq ?? 0), uncounted: checkpoints.uncounted };
  return { ...verdict, signed, ...(walk.torn === undefined ? {} : { torn: walk.torn }) };
}

/** How far verifying has come. */
type Walk = { tip: ChainTip; upTo: SignedCheckpoint | null; torn: TornLine | undefined; anchored: boolean };
type Fault = { readonly seq: number; readonly detail: string };
type Expected = { readonly checkpoints: Checkpoints; readonly anchor: ChainTip | undefined };

/** The first fault on the way through the records. */
async function walked(view: StateView, walk: Walk, expected: Expected): Promise<Fault | undefined> {
  try {
    for await (const segment of segments(view)) {
      walk.torn = segment.torn;
      for (const { record, covered } of recordsOf(segment, walk.tip.seq)) {
        const seq = walk.tip.seq + 1;
        const detail =
          chainFault(record, { last: walk.tip, covered, hash: sha256 }) ?? otherwise(record, walk, expected);
        if (detail !== undefined) return { seq, detail };
        walk.tip = { seq: record.seq, digest: record.digest };
      }
    }
  } catch (error) {
    if (!(error instanceof WhetstoneError) || error.code !== "ledger_broken") throw error;
    return { seq: Number(error.data["seq"] ?? 0), detail: error.message };
  }
  return undefined;
}

/** A record that fits into the chain, but is another than the one that was signed or noted. */
function otherwise({ seq, digest }: ChainTip, walk: Walk, { checkpoints, anchor }: Expected): string | undefined {
  for (const checkpoint of checkpoints.counted.get(seq) ?? []) {
    if (checkpoint.digest !== digest) return `record ${seq} is not the one that ${checkpoint.kid} signed`;
    walk.upTo = checkpoint;
  }
  if (anchor?.seq !== seq) return undefined;
  walk.anchored = true;
  return anchor.digest === digest ? undefined : `record ${seq} is not the one that was noted`;
}

type Against = { readonly checkpoints: Checkpoints; readonly options: VerifyOptions };

/** What a whole chain may still lack: its end, and signatures that were asked for. */
async function missing(view: StateView, walk: Walk, { checkpoints, options }: Against): Promise<Fault | undefined> {
  const seq = walk.tip.seq + 1;
  const [damaged] = checkpoints.damaged;
  if (damaged !== undefined) return damaged;
  const beyond = Math.max(0, ...checkpoints.counted.keys());
  if (beyond >= seq)
    return { seq, detail: `the ledger ends with record ${walk.tip.seq}, but record ${beyond} was signed` };
  if (!walk.anchored)
    return { seq, detail: `the ledger ends before record ${options.anchor?.seq ?? 0}, which was noted` };
  if (options.kid !== undefined && walk.upTo === null)
    return { seq, detail: `the key ${options.kid} signed nothing here` };
  const tip = await readTip(view);
  if (tip.kind === "named" && tip.seq === walk.tip.seq && tip.digest === walk.tip.digest) return undefined;
  if (tip.kind !== "missing") {
    const named = tip.kind === "named" ? tip.seq : "nothing readable";
    return { seq, detail: `the ledger ends with record ${walk.tip.seq}, but ${TIP} names record ${named}` };
  }
  const started = walk.tip.seq > 0 || (await view.list("outcomes/")).length > 0;
  return started ? { seq, detail: `${TIP}, which names the last record, is missing` } : undefined;
}
