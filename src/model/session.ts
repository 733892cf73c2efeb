import { z } from "zod";
import { ContextAccount } from "./context.ts";
import { CommitSha, Digest, Instant } from "./json.ts";
import { TraceId } from "./span.ts";

/** What an analysis answers: causes in the code and what to change, with the places. Hostile until it was checked. */
export const AnalysisAnswer = z.strictObject({
  /** For the next session on the target. */
  summary: z.string().min(1).max(2_000),
  findings: z
    .array(
      z.strictObject({
        /** Id or kind of the finding in the evidence. */
        finding: z.string().min(1).max(200),
        rootCause: z.string().min(1).max(1_000),
        /** Paths in the repository where the cause is. */
        paths: z.array(z.string().max(300)).max(20),
        /** Steps of the change. */
        plan: z.array(z.string().max(500)).max(20),
      }),
    )
    .max(20),
});
export type AnalysisAnswer = z.infer<typeof AnalysisAnswer>;

/** Why a session ended: it answered, or which limit cut it off. */
export const SessionStop = z.enum(["answered", "max_turns", "max_budget", "timeout", "no_progress"]);
export type SessionStop = z.infer<typeof SessionStop>;

/** Milliseconds after the session's start. */
const AtMs = z.number().nonnegative();

/** What happened in a session, redacted and cut. */
export const SessionEvent = z.discriminatedUnion("kind", [
  /** The model said something besides its answer. */
  z.strictObject({ kind: z.literal("said"), atMs: AtMs, text: z.string() }),
  /** A tool was called. */
  z.strictObject({
    kind: z.literal("called"),
    atMs: AtMs,
    tool: z.string(),
    /** Its input as JSON text. */
    input: z.string(),
    /** Absent when the session ended before the tool did. */
    result: z
      .strictObject({
        durationMs: z.number().nonnegative(),
        /** `refused`: the tool does not exist or no rule allows the call. */
        status: z.enum(["ok", "error", "refused"]),
        /** Characters that went back to the model. */
        length: z.int().nonnegative(),
      })
      .optional(),
  }),
  /** A request to the model's API failed and was sent again; `status` null for the network. */
  z.strictObject({ kind: z.literal("retried"), atMs: AtMs, status: z.int().nullable() }),
]);
export type SessionEvent = z.infer<typeof SessionEvent>;

/** Telemetry of the session itself that was stored under its trace. */
export const SessionTelemetry = z.strictObject({
  traceId: TraceId,
  spans: z.int().nonnegative(),
  metrics: z.int().nonnegative(),
  logs: z.int().nonnegative(),
  /** Items that were rejected or could not be stored. */
  lost: z.int().nonnegative(),
});
export type SessionTelemetry = z.infer<typeof SessionTelemetry>;

/** How a session went: what a record of version 2 knows beyond its answer. */
export const SessionRun = z.strictObject({
  baseSha: CommitSha,
  startedAt: Instant,
  durationMs: z.number().nonnegative(),
  stop: SessionStop,
  /** Release of Claude Code. */
  cliVersion: z.string(),
  /** How its process was confined: `namespaces`, or `none` and why. */
  confinement: z.string().optional(),
  /** Who answered for the model: the API, or a cloud provider. */
  provider: z.enum(["anthropic", "bedrock", "vertex", "foundry"]),
  /** SHA-256 of the bytes that the session was told. */
  contextDigest: Digest,
  /** What these bytes are made of, and what the limits left out. */
  context: ContextAccount.optional(),
  /** What the person asked. */
  question: z.string().optional(),
  /** Id of the cut-off session that this one continues. */
  continues: z.string().optional(),
  /** Calls that were refused, by tool. */
  denials: z.array(z.strictObject({ tool: z.string(), count: z.int().positive() })),
  events: z.array(SessionEvent),
  /** Events that the caps left out. */
  eventsOmitted: z.int().nonnegative(),
  /** Answer of a session in mode `analysis`. */
  analysis: AnalysisAnswer.optional(),
  telemetry: SessionTelemetry.optional(),
});
export type SessionRun = z.infer<typeof SessionRun>;
