import { z } from "zod";
import { Digest } from "./json.ts";
import { ReasonCodeSchema } from "./verdict.ts";

/** Who acted. */
export const Actor = z.strictObject({ type: z.enum(["person", "bot", "workflow"]), id: z.string().min(1) });
export type Actor = z.infer<typeof Actor>;

/** What a caller states about an act; the ledger adds sequence, time and the chain. */
export const LedgerEntry = z.strictObject({
  actor: Actor,
  /** `loop.start`, `validate`, `propose`, `canary`, `record`, `learn`, `loop.end`, `recover`, … */
  operation: z.string().min(1),
  target: z.string(),
  decision: z.enum(["allow", "deny", "none"]),
  reasonCode: ReasonCodeSchema,
  result: z.string(),
  /** SHA-256 of the canonical JSON of the act's parameters. */
  parametersDigest: Digest,
  /** Id of the run, so that the acts of one run can be found together. */
  run: z.string(),
  /** Id of the authorization that covers the act, where one is needed. */
  authorization: z.string().optional(),
  /** How the act can be undone, where it can. */
  rollback: z.string().optional(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** One line of `ledger/<yyyy-mm>.ndjson`. `digest` covers every other field, `previous` is the digest before it. */
export const LedgerRecord = LedgerEntry.extend({
  schema: z.literal("whetstone.ledger/1"),
  seq: z.number().int().positive(),
  /** UTC with microseconds. */
  time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  previous: Digest,
  digest: Digest,
});
export type LedgerRecord = z.infer<typeof LedgerRecord>;

/** `previous` of the first record. */
export const LEDGER_GENESIS = "0".repeat(64);
