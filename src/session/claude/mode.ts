import type { AnalysisAnswer } from "../../model/session.ts";
import type { SessionAnswer } from "../../model/proposal.ts";
import type { SessionArguments } from "./recipe.ts";

/** What came of a session's structured output. */
export type ModeAnswer = {
  /** For the next session. */
  readonly summary: string;
  /** A change, of a refinement that made one. */
  readonly answer?: SessionAnswer;
  readonly analysis?: AnalysisAnswer;
};

/** What a mode adds to a session, and what it holds while the session runs. */
export type ModeSession = AsyncDisposable & {
  /** Built-in tools, rules, servers and the form of the answer. */
  readonly setUp: Pick<SessionArguments, "tools" | "allowed" | "denied" | "servers" | "answer">;
  /** Folders and files of the worktree that the session may write, absolute; the rest of it is read-only. */
  readonly writable: readonly string[];
  /** Longest call of a tool; the program's limit is never below its usual one. */
  readonly toolTimeoutMs?: number;
  /** Content of the file that mounts the servers. */
  readonly mcpConfig: string;
  /**
   * Looks at the worktree after the session, however it ended.
   * @throws WhetstoneError `session_failed` (data.outcome `worktree_changed`) when it is not as the mode allows
   */
  readonly inspect: () => Promise<void>;
  /** Reads the structured output of a session that ended well; called after `inspect`. @throws as `inspect` */
  readonly read: (output: unknown) => Promise<ModeAnswer>;
};
