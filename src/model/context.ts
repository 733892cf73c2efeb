import { z } from "zod";
import { Digest } from "./json.ts";

/** The parts of a session's context that have a limit of tokens of their own, in the order in which they stand. */
const CONTEXT_PARTS = ["guidance", "question", "rules", "findings", "operations", "outcomes", "summaries"] as const;
export const ContextPartName = z.enum(CONTEXT_PARTS);
export type ContextPartName = z.infer<typeof ContextPartName>;

/** Most ids of dropped entries that an account names; `dropped` counts all of them. */
export const NAMED_DROPS = 20;

/** What became of one part: how many of its entries are in the context, and what its limit left out. */
export const ContextPart = z.strictObject({
  part: ContextPartName,
  limitTokens: z.number().int().nonnegative(),
  /** By the estimate of `session/context/tokens.ts`. */
  tokens: z.number().int().nonnegative(),
  kept: z.number().int().nonnegative(),
  dropped: z.number().int().nonnegative(),
  /** Ids of what was dropped, strongest or newest first; sanitised. */
  droppedIds: z.array(z.string()).max(NAMED_DROPS),
});
export type ContextPart = z.infer<typeof ContextPart>;

/** What a session was told, for its record: digests, size, and what was left out. */
export const ContextAccount = z.strictObject({
  /** SHA-256 of the context's bytes. */
  digest: Digest,
  /** SHA-256 of the canonical evidence; its lists in the order of weight, whatever order they came in. */
  evidenceDigest: Digest,
  /** Of the whole text. */
  tokens: z.number().int().nonnegative(),
  parts: z.array(ContextPart),
});
export type ContextAccount = z.infer<typeof ContextAccount>;
