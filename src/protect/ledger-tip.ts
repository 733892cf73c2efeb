import { z } from "zod";
import type { StateView } from "../github/state-port.ts";
import { canonicalJson, Digest } from "../model/json.ts";
import type { ChainTip } from "./ledger-chain.ts";
import { parsed } from "./ledger-line.ts";

/** Number and digest of the last record, beside the ledger: a ledger that was cut off at the end does not reach it. */
export const TIP = "ledger-tip.json";

const LedgerTip = z.strictObject({
  schema: z.literal("whetstone.ledger-tip/1"),
  seq: z.int().positive(),
  digest: Digest,
});

/** What the tip says. */
export type NamedTip = ({ readonly kind: "named" } & ChainTip) | { readonly kind: "missing" | "unreadable" };

/** Reads the tip. Errors: those of the view. */
export async function readTip(view: StateView): Promise<NamedTip> {
  const text = await view.read(TIP);
  if (text === undefined) return { kind: "missing" };
  const { data } = LedgerTip.safeParse(parsed(text));
  return data === undefined ? { kind: "unreadable" } : { kind: "named", seq: data.seq, digest: data.digest };
}

/** The file that names a tip, for a change of the state. */
export function tipFile({ seq, digest }: ChainTip): readonly [path: string, text: string] {
  return [
    TIP,
    `${canonicalJson({ schema: "whetstone.ledger-tip/1", seq, digest } satisfies z.input<typeof LedgerTip>)}\n`,
  ];
}
