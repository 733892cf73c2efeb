import { z } from "zod";
import type { StateView } from "../github/state-port.ts";
import { Kid } from "../model/authorization.ts";
import { canonicalJson, Digest } from "../model/json.ts";
import { readKey } from "./authorization/records.ts";
import type { ChainTip } from "./ledger-chain.ts";
import { parsed } from "./ledger-line.ts";
import { type SigningKey, verifySignature } from "./signing-key.ts";

/** `ledger-checkpoints/<seq>-<kid>.json`: a key says that the ledger had this record at this time, and all before it. */
export const LedgerCheckpoint = z.strictObject({
  schema: z.literal("whetstone.ledger-checkpoint/1"),
  seq: z.int().positive(),
  digest: Digest,
  /** UTC with microseconds. */
  time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  kid: Kid,
  /** Ed25519 over the canonical JSON of all other members; 64 bytes, base64url. */
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});
export type LedgerCheckpoint = z.infer<typeof LedgerCheckpoint>;

/** A checkpoint that does not count, and why. */
export type UncountedCheckpoint = { readonly seq: number; readonly kid: string; readonly why: string };

/** A checkpoint whose signature holds under a key in use. */
export type SignedCheckpoint = Pick<LedgerCheckpoint, "seq" | "digest" | "time" | "kid"> & {
  readonly signer: string;
};

/** The checkpoints of a ledger: those that count, by their number, those that do not, and what is damaged. */
export type Checkpoints = {
  readonly counted: ReadonlyMap<number, readonly SignedCheckpoint[]>;
  readonly uncounted: readonly UncountedCheckpoint[];
  /** Why a file is no checkpoint or was altered: as bad as an altered record. */
  readonly damaged: readonly { readonly seq: number; readonly detail: string }[];
};

/** The folder of all checkpoints. */
export const CHECKPOINTS = "ledger-checkpoints/";

/** The file of a new checkpoint at `tip`, for a change of the state. */
export function checkpointFile(tip: ChainTip, by: { readonly signer: SigningKey; readonly time: string }) {
  const { kid } = by.signer;
  const open = {
    schema: "whetstone.ledger-checkpoint/1",
    seq: tip.seq,
    digest: tip.digest,
    time: by.time,
    kid,
  } as const;
  const signature = Buffer.from(by.signer.sign(signedBytes(open))).toString("base64url");
  const checkpoint: LedgerCheckpoint = { ...open, signature };
  return [checkpointPath(checkpoint), `${canonicalJson(checkpoint)}\n`] as const;
}

/** Reads every checkpoint and checks its signature. `kid`: only those of that key count. */
export async function readCheckpoints(view: StateView, kid?: string): Promise<Checkpoints> {
  const counted = new Map<number, SignedCheckpoint[]>();
  const uncounted: UncountedCheckpoint[] = [];
  const damaged: { seq: number; detail: string }[] = [];
  for (const path of await view.list(CHECKPOINTS)) {
    const found = await judge(view, path, kid);
    if (found.kind === "damaged") damaged.push({ seq: found.seq, detail: `${path} ${found.why}` });
    else if (found.kind === "uncounted") uncounted.push(found.checkpoint);
    else counted.set(found.checkpoint.seq, [...(counted.get(found.checkpoint.seq) ?? []), found.checkpoint]);
  }
  return { counted, uncounted, damaged };
}

type Judged =
  | { readonly kind: "counted"; readonly checkpoint: SignedCheckpoint }
  | { readonly kind: "uncounted"; readonly checkpoint: UncountedCheckpoint }
  | { readonly kind: "damaged"; readonly seq: number; readonly why: string };

async function judge(view: StateView, path: string, only: string | undefined): Promise<Judged> {
  const text = (await view.read(path)) ?? "";
  const { data } = LedgerCheckpoint.safeParse(parsed(text));
  const seq = data?.seq ?? 0;
  if (data === undefined || `${canonicalJson(data)}\n` !== text || checkpointPath(data) !== path) {
    return { kind: "damaged", seq, why: "is no checkpoint" };
  }
  const { kid, digest, time } = data;
  const uncounted = (why: string): Judged => ({ kind: "uncounted", checkpoint: { seq, kid, why } });
  if (only !== undefined && kid !== only) return uncounted(`is not of the key ${only}`);
  const key = await readKey(view, kid);
  if (key === undefined) return uncounted("its key is not known here");
  const { signature, ...open } = data;
  if (!verifySignature(key.publicKey, signedBytes(open), Buffer.from(signature, "base64url"))) {
    return { kind: "damaged", seq, why: "was altered: its signature does not hold" };
  }
  if (key.retired !== null) return uncounted(`its key was ${key.retired.why} on ${key.retired.at}`);
  return { kind: "counted", checkpoint: { seq, digest, time, kid, signer: `${key.owner.type} ${key.owner.id}` } };
}

const signedBytes = (open: Omit<LedgerCheckpoint, "signature">): Uint8Array => Buffer.from(canonicalJson(open));

/** The file of a checkpoint. */
export const checkpointPath = ({ seq, kid }: Pick<LedgerCheckpoint, "seq" | "kid">): string =>
  `${CHECKPOINTS}${String(seq).padStart(12, "0")}-${kid}.json`;
