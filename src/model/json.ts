import { z } from "zod";

/** Any JSON value. */
export const Json: z.ZodType<Json> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(Json), z.record(z.string(), Json)]),
);
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A SHA-256 digest, 64 lower-case hexadecimal digits. */
export const Digest = z.string().regex(/^[0-9a-f]{64}$/);
export type Digest = z.infer<typeof Digest>;

/** A git object id, SHA-1 or SHA-256, in full. */
export const CommitSha = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
export type CommitSha = z.infer<typeof CommitSha>;

/** An RFC 3339 instant in UTC. */
export const Instant = z.iso.datetime();
export type Instant = z.infer<typeof Instant>;

/**
 * Canonical JSON: keys sorted by code unit, no white space, `undefined` members left out; equal values give equal bytes.
 * Follows RFC 8785 for the values that Whetstone stores (finite numbers, strings, plain objects).
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
