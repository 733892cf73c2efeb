import type { StateChange, StateStore, StateView } from "../github/state-port.ts";
import { codeOf } from "../model/error.ts";
import type { Clock } from "../model/time.ts";
import { listKeys } from "./authorization/records.ts";
import { sha256 } from "./digest.ts";
import { chainFault, type ChainTip, formatMicroseconds } from "./ledger-chain.ts";
import {
  CHECKPOINTS,
  checkpointFile,
  checkpointPath,
  readCheckpoints,
  type SignedCheckpoint,
} from "./ledger-checkpoint.ts";
import { readSegment, recordsOf, type Segment, segmentPaths } from "./ledger-segment.ts";
import { readTip, TIP } from "./ledger-tip.ts";
import { verifyLedger } from "./ledger-verify.ts";
import type { SigningKey, SigningKeyFolder } from "./signing-key.ts";

/** What signs: the private keys of the person at this machine. */
export type LedgerSigning = { readonly keys: SigningKeyFolder; readonly clock: Clock };

/**
 * A state whose ledger is signed with every record that is added on a machine with a key in use. What was signed before
 * must still stand there, unchanged and followed by a whole chain: a ledger that somebody rewrote is never signed, and
 * the older signature stays, by which `audit verify` finds it. Of one month a key keeps its newest signature. A key that
 * cannot be used signs nothing and hinders nothing; `audit verify` says what is not signed.
 */
export function signingState(state: StateStore, signing: LedgerSigning): StateStore {
  return {
    view: state.view,
    update: (message, plan) =>
      state.update(message, async (view) => {
        const { change, value } = await plan(view);
        return { change: new Map([...change, ...(await signatureOf(view, change, signing))]), value };
      }),
  };
}

const NOTHING: StateChange = new Map();

async function signatureOf(view: StateView, change: StateChange, { keys, clock }: LedgerSigning): Promise<StateChange> {
  if (typeof change.get(TIP) !== "string" || [...change.keys()].some((path) => path.startsWith(CHECKPOINTS)))
    return NOTHING;
  const after = viewAfter(view, change);
  const tip = await readTip(after);
  const signer = await signerIn(after, keys);
  if (signer === undefined || tip.kind !== "named") return NOTHING;
  const last = await lastOf(view, signer.kid);
  if (!(await isSound(view, last))) return NOTHING;
  const time = formatMicroseconds(clock.now());
  const [path, text] = checkpointFile(tip, { signer, time });
  const isReplaced = last !== undefined && last.time.slice(0, 7) === time.slice(0, 7);
  return new Map<string, string | null>([...(isReplaced ? [[checkpointPath(last), null] as const] : []), [path, text]]);
}

function viewAfter(view: StateView, change: StateChange): StateView {
  const added = [...change].filter(([, text]) => text !== null).map(([path]) => path);
  return {
    head: view.head,
    read: async (path) => (change.has(path) ? (change.get(path) ?? undefined) : await view.read(path)),
    list: async (prefix) => {
      const before = (await view.list(prefix)).filter((path) => change.get(path) !== null);
      return [...new Set([...before, ...added.filter((path) => path.startsWith(prefix))])].sort();
    },
  };
}

/** The newest key in use whose private half is here. */
async function signerIn(view: StateView, keys: SigningKeyFolder): Promise<SigningKey | undefined> {
  try {
    const here = await keys.kids();
    if (here.length === 0) return undefined;
    const newest = (await listKeys(view)).findLast(({ kid, retired }) => retired === null && here.includes(kid));
    return newest === undefined ? undefined : await keys.read(newest.kid);
  } catch (error) {
    if (codeOf(error) === "key_refused" || codeOf(error) === "input_unreadable") return undefined;
    throw error;
  }
}

async function lastOf(view: StateView, kid: string): Promise<SignedCheckpoint | undefined> {
  const { counted } = await readCheckpoints(view, kid);
  return [...counted.values()]
    .flat()
    .toSorted((a, b) => a.seq - b.seq)
    .at(-1);
}

async function isSound(view: StateView, last: SignedCheckpoint | undefined): Promise<boolean> {
  try {
    return last === undefined ? (await verifyLedger(view)).ok : await followsFrom(view, last);
  } catch (error) {
    if (codeOf(error) === "ledger_broken" || codeOf(error) === "input_unreadable") return false;
    throw error;
  }
}

/** Whether the ledger holds a record and is one chain from it on; reads no file before the one that holds it. */
async function followsFrom(view: StateView, record: ChainTip): Promise<boolean> {
  const behind: Segment[] = [];
  for (const path of (await segmentPaths(view)).toReversed()) {
    const segment = await readSegment(view, path, behind.length === 0);
    behind.unshift(segment);
    const [first] = recordsOf(segment, 0);
    if (first !== undefined && first.record.seq <= record.seq) break;
  }
  let last: ChainTip | undefined;
  let isThere = false;
  for (const placed of behind.flatMap((segment) => [...recordsOf(segment, last?.seq ?? 0)])) {
    last ??= { seq: placed.record.seq - 1, digest: placed.record.previous };
    if (chainFault(placed.record, { last, covered: placed.covered, hash: sha256 }) !== undefined) return false;
    last = { seq: placed.record.seq, digest: placed.record.digest };
    if (last.seq === record.seq) isThere = last.digest === record.digest;
  }
  return isThere;
}
