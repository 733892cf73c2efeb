import { z } from "zod";

const count = z.number().nonnegative().catch(0);

const ModelUse = z.object({
  inputTokens: count,
  outputTokens: count,
  cacheReadInputTokens: count,
  cacheCreationInputTokens: count,
});

/** `system`/`init`: what the session really has. */
export const InitEvent = z.object({
  type: z.literal("system"),
  subtype: z.literal("init"),
  model: z.string(),
  permissionMode: z.string(),
  tools: z.array(z.string()),
  mcp_servers: z.array(z.object({ name: z.string(), status: z.string() })),
  claude_code_version: z.string(),
});
export type InitEvent = z.infer<typeof InitEvent>;

/** `system`/`api_retry`: a request to the API failed and will be sent again. */
export const RetryEvent = z.object({
  type: z.literal("system"),
  subtype: z.literal("api_retry"),
  error_status: z.number().nullable(),
});
export type RetryEvent = z.infer<typeof RetryEvent>;

/** `result`: how the session ended. The last one counts. */
export const ResultEvent = z.object({
  type: z.literal("result"),
  subtype: z.string(),
  is_error: z.boolean(),
  result: z.string().optional(),
  errors: z.array(z.string()).optional(),
  structured_output: z.unknown().optional(),
  total_cost_usd: z.number().nonnegative(),
  num_turns: z.number().int().nonnegative(),
  modelUsage: z.record(z.string(), ModelUse).optional(),
  api_error_status: z.number().nullish(),
  terminal_reason: z.string().nullish(),
  startup_failure_reason: z.string().nullish(),
});
export type ResultEvent = z.infer<typeof ResultEvent>;

/** A line of Claude Code's output: an event that the runner acts on, another event, or no event at all. */
export type SessionLine =
  | { readonly kind: "init"; readonly event: InitEvent }
  | { readonly kind: "retry"; readonly event: RetryEvent }
  | { readonly kind: "result"; readonly event: ResultEvent }
  | { readonly kind: "other" }
  | { readonly kind: "text"; readonly text: string };

/**
 * Reads one line of `--output-format stream-json`. Unknown events are `other`, so that a new one does no harm; one that
 * is known by name but has not its form is `text`, so that it is never taken for a good end.
 */
export function parseLine(line: string): SessionLine {
  const value = json(line);
  const known = z.object({ type: z.string(), subtype: z.string().optional() }).safeParse(value);
  if (!known.success) return { kind: "text", text: line };
  const { type, subtype } = known.data;
  if (type === "result") return formed("result", ResultEvent.safeParse(value), line);
  if (type !== "system") return { kind: "other" };
  if (subtype === "init") return formed("init", InitEvent.safeParse(value), line);
  if (subtype === "api_retry") return formed("retry", RetryEvent.safeParse(value), line);
  return { kind: "other" };
}

function formed<Kind extends "init" | "retry" | "result", Event>(
  kind: Kind,
  parsed: z.ZodSafeParseResult<Event>,
  text: string,
): { readonly kind: Kind; readonly event: Event } | { readonly kind: "text"; readonly text: string } {
  return parsed.success ? { kind, event: parsed.data } : { kind: "text", text };
}

function json(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined; // a line of plain text is what it looks like
  }
}
