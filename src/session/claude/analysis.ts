import { WhetstoneError } from "../../model/error.ts";
import { AnalysisAnswer } from "../../model/session.ts";
import { analysisSchema, analysisText } from "./analysis-answer.ts";
import { sessionFailed } from "./failed.ts";
import type { ModeSession } from "./mode.ts";
import { redactAnswer } from "./redact-answer.ts";
import { ANALYSIS_TOOLS, mcpConfig, type MountedServer } from "./recipe.ts";

/** What an analysis works on. */
export type AnalysisParts = {
  readonly worktree: string;
  /** Paths that differ from the base commit, untracked ones included. */
  readonly changedPaths: (worktree: string) => Promise<readonly string[]>;
  readonly server: MountedServer;
};

/** Mode `analysis`: reads the checkout and asks the telemetry server; no tool that writes exists. */
export function analysisMode({ worktree, changedPaths, server }: AnalysisParts): ModeSession {
  return {
    setUp: {
      tools: ANALYSIS_TOOLS,
      allowed: [],
      denied: ["Edit", "Write"],
      servers: [server],
      answer: analysisSchema(),
    },
    writable: [],
    mcpConfig: mcpConfig(server),
    // No tool that writes exists; that none wrote is looked at all the same.
    inspect: async () => refuseChanges(await changedPaths(worktree)),
    read: (output) => {
      const answer = AnalysisAnswer.safeParse(output);
      if (!answer.success) throw sessionFailed("answer_invalid", answer.error.issues[0]?.message ?? "");
      const analysis = redactAnswer(answer.data);
      return Promise.resolve({ summary: analysisText(analysis), analysis });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function refuseChanges(changed: readonly string[]): void {
  if (changed.length === 0) return;
  throw new WhetstoneError("session_failed", `An analysis changed files: ${changed.join(", ")}.`, {
    remedy: "Nothing of the session is used. Find out what wrote them before the next one.",
    data: { outcome: "worktree_changed", changed },
  });
}
