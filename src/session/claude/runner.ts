import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WhetstoneError } from "../../model/error.ts";
import type { SessionRecord } from "../../model/proposal.ts";
import { type Clock, formatInstant } from "../../model/time.ts";
import type { SessionRequest, SessionRunner } from "../port.ts";
import { AnalysisAnswer } from "../../model/session.ts";
import { analysisSchema, analysisText } from "./analysis-answer.ts";
import type { ClaudeCli } from "./cli-package.ts";
import { openGateway, type KeyGateway } from "./gateway.ts";
import { judgeEnd, type SessionOutcome, watcher } from "./outcome.ts";
import { type ClaudeEnd, runClaude } from "./process.ts";
import { ANALYSIS_TOOLS, analysisArguments, mcpConfig, type MountedServer, sessionEnvironment } from "./recipe.ts";

/** What the runner works with. */
export type ClaudeRunnerOptions = {
  readonly cli: ClaudeCli;
  /** The API and its key, which stays in this process. */
  readonly api: { readonly url: string; readonly key: string };
  /** Full id; an alias may move. */
  readonly model: string;
  readonly limits: { readonly maxTurns: number; readonly maxBudgetUsd: number; readonly timeoutMs: number };
  /** A checkout of the base commit, not the user's own. */
  readonly worktree: string;
  /** Paths that differ from the base commit, untracked ones included. */
  readonly changedPaths: (worktree: string) => Promise<readonly string[]>;
  readonly server: MountedServer;
  /** Where programs are found. */
  readonly path: string;
  /** Folder for the session's own files, outside `worktree`; each session gets one below it, removed at its end. */
  readonly folder: string;
  readonly newId: (prefix: string) => string;
  readonly random: (bytes: number) => Uint8Array;
  readonly clock: Clock;
};

/** Requests per turn that the gateway passes on at most: one, and retries. */
const REQUESTS_PER_TURN = 6;

/**
 * Runs analysis sessions on the real Claude Code: it can read the checkout and ask the telemetry server, nothing else.
 * `run` throws WhetstoneError `usage` (another mode) · `session_failed` (data.outcome) · `package_refused`.
 */
export function claudeRunner(options: ClaudeRunnerOptions): SessionRunner {
  return { kind: "claude", run: (request) => analyse(options, request) };
}

async function analyse(options: ClaudeRunnerOptions, request: SessionRequest): Promise<SessionRecord> {
  if (request.mode !== "analysis") {
    throw new WhetstoneError("usage", `Claude Code runs in mode analysis only, not ${request.mode}.`, {
      remedy: "Choose --mode analysis, or a recorded session.",
    });
  }
  await mkdir(options.folder, { recursive: true });
  const own = await mkdtemp(join(options.folder, "session-"));
  const placeholderKey = `sk-ant-placeholder-${Buffer.from(options.random(24)).toString("hex")}`;
  try {
    await using gateway = await openGateway({
      upstream: options.api.url,
      key: options.api.key,
      placeholderKey,
      models: [options.model],
      maxRequests: options.limits.maxTurns * REQUESTS_PER_TURN,
    });
    const end = await start(options, { own, gateway, placeholderKey, prompt: request.context });
    const outcome = judgeEnd(end, expected(options));
    await refuseChanges(options);
    return recordOf(options, request, { end, outcome });
  } finally {
    await rm(own, { recursive: true, force: true, maxRetries: 3 });
  }
}

const expected = ({ cli, server }: ClaudeRunnerOptions) => ({
  builtIn: ANALYSIS_TOOLS,
  server: server.name,
  version: cli.version,
});

type Started = {
  readonly own: string;
  readonly gateway: KeyGateway;
  readonly placeholderKey: string;
  readonly prompt: string;
};

async function start(options: ClaudeRunnerOptions, started: Started): Promise<ClaudeEnd> {
  const { cli, model, limits, server, worktree, path } = options;
  const { own, gateway, placeholderKey, prompt } = started;
  const [home, temporary, mcpConfigFile] = [join(own, "home"), join(own, "tmp"), join(own, "mcp.json")];
  await mkdir(home);
  await mkdir(temporary);
  await writeFile(mcpConfigFile, mcpConfig(server), { mode: 0o600 });
  const answer = analysisSchema();
  return runClaude({
    program: cli.path,
    args: analysisArguments({ model, ...limits, mcpConfigFile, server, answer }),
    cwd: worktree,
    env: sessionEnvironment({ path, home, temporary, baseUrl: gateway.url, placeholderKey }),
    prompt,
    timeoutMs: limits.timeoutMs,
    watch: watcher(expected(options)),
  });
}

/** No tool that writes exists; that none wrote is looked at all the same. */
async function refuseChanges({ worktree, changedPaths }: ClaudeRunnerOptions): Promise<void> {
  const changed = await changedPaths(worktree);
  if (changed.length === 0) return;
  throw new WhetstoneError("session_failed", `An analysis changed files: ${changed.join(", ")}.`, {
    remedy: "Nothing of the session is used. Find out what wrote them before the next one.",
    data: { outcome: "worktree_changed", changed },
  });
}

type Judged = { readonly end: ClaudeEnd; readonly outcome: SessionOutcome };

function recordOf(options: ClaudeRunnerOptions, request: SessionRequest, { end, outcome }: Judged): SessionRecord {
  const record = (summary: string, partial: boolean): SessionRecord => ({
    schema: "whetstone.session/1",
    id: options.newId("s"),
    mode: request.mode,
    target: request.target,
    model: end.init?.model ?? options.model,
    recordedAt: formatInstant(options.clock.now()),
    arms: request.rules.map(({ id, version }) => ({ rule: id, version, assigned: true, q: 1 })),
    usage: usageOf(end),
    summary,
    partial,
  });
  switch (outcome.kind) {
    case "success": {
      const answer = AnalysisAnswer.safeParse(outcome.output);
      if (!answer.success) throw failed("answer_invalid", answer.error.issues[0]?.message ?? "");
      return record(analysisText(answer.data), false);
    }
    case "max_turns":
    case "max_budget":
    case "timeout":
      return record(`Cut off: ${outcome.kind}.`, true);
    case "structured_output_missing":
      throw failed(outcome.kind, "it gave no answer in the form that was asked for");
    case "api_error":
    case "setup_error":
    case "died":
      throw failed(outcome.kind, outcome.detail);
  }
}

function failed(outcome: string, detail: string): WhetstoneError {
  return new WhetstoneError("session_failed", `The session ended without an answer (${outcome}): ${detail}`, {
    remedy: "See data.outcome: mend the set-up or the key, or try again later.",
    data: { outcome },
  });
}

function usageOf({ result }: ClaudeEnd): SessionRecord["usage"] {
  const uses = Object.values(result?.modelUsage ?? {});
  const sum = (pick: (use: (typeof uses)[number]) => number): number => uses.reduce((all, use) => all + pick(use), 0);
  return {
    inputTokens: sum((use) => use.inputTokens + use.cacheReadInputTokens + use.cacheCreationInputTokens),
    outputTokens: sum((use) => use.outputTokens),
    turns: result?.num_turns ?? 0,
    costUsd: result?.total_cost_usd ?? 0,
  };
}
