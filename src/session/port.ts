import type { Evidence } from "../model/finding.ts";
import type { CommitSha } from "../model/json.ts";
import type { SessionMode, SessionRecord } from "../model/proposal.ts";
import type { Rule } from "../model/outcome.ts";

/** What a session is asked: assembled by `context.ts`, the same inputs give the same bytes. */
export type SessionRequest = {
  readonly mode: SessionMode;
  readonly target: string;
  readonly baseSha: CommitSha;
  readonly evidence: Evidence;
  readonly rules: readonly Rule[];
  /** The assembled context, Markdown. */
  readonly context: string;
};

/**
 * Runs one Claude Code session. Adapters: `replay.ts` (a recorded answer), `memory.ts` (answers given in a test);
 * `claude` follows. Errors: `session_invalid`.
 */
export type SessionRunner = {
  /** `claude`, `replay` or `memory`. */
  readonly kind: "claude" | "replay" | "memory";
  readonly run: (request: SessionRequest) => Promise<SessionRecord>;
  /**
   * Why a session could not be paid for now, in one sentence; undefined when it can. Asked at the gate, before anything
   * is measured; sets nothing aside. Absent where sessions cost nothing.
   */
  readonly shortage?: () => Promise<string | undefined>;
};
