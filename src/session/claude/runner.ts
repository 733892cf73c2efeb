import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { WhetstoneError } from "../../model/error.ts";
import type { Amount } from "../../model/budget.ts";
import type { SessionRecord } from "../../model/proposal.ts";
import { type SessionRun, SessionStop } from "../../model/session.ts";
import { type Clock, formatInstant } from "../../model/time.ts";
import { sha256 } from "../../protect/digest.ts";
import { textRedactor } from "../../protect/redact-text.ts";
import type { SessionRequest, SessionRunner } from "../port.ts";
import type { ModelProvider } from "../provider.ts";
import { analysisMode } from "./analysis.ts";
import type { ClaudeCli } from "./cli-package.ts";
import { type Confinement, openBox, type SessionBox } from "./confinement.ts";
import { sessionFailed } from "./failed.ts";
import { type KeyGateway, openGateway } from "./gateway.ts";
import type { ModeAnswer, ModeSession } from "./mode.ts";
import { type ExpectedSetUp, judgeEnd, type SessionOutcome, watcher } from "./outcome.ts";
import { type ClaudeEnd, runClaude } from "./process.ts";
import { type MountedServer, sessionArguments, sessionEnvironment, type SessionEnvironment } from "./recipe.ts";
import { refinementMode, type RefinementParts } from "./refinement.ts";
import { openTimeline, type Timeline } from "./timeline.ts";

/** What the runner works with. */
export type ClaudeRunnerOptions = {
  readonly cli: ClaudeCli;
  /** The API and its key, which stays in this process; or a cloud provider, whose variables the session gets. */
  readonly api: Omit<Extract<ModelProvider, { kind: "anthropic" }>, "kind"> | Extract<ModelProvider, { env: unknown }>;
  /** Full id; an alias may move. */
  readonly model: string;
  readonly limits: {
    readonly maxTurns: number;
    readonly maxBudgetUsd: number;
    /** Most tokens in and out together; no limit when absent. Not held with a cloud provider, whose answers we do not see. */
    readonly maxTokens?: number;
    readonly timeoutMs: number;
    /** Longest time without any sign of progress. */
    readonly idleMs?: number;
  };
  /** Variables that let the session send its own telemetry. */
  readonly telemetry?: Readonly<Record<string, string>>;
  /** A checkout of the base commit, not the user's own; a refinement changes it, so nothing else may use it then. */
  readonly worktree: string;
  /** Paths that differ from the base commit, untracked ones included. */
  readonly changedPaths: (worktree: string) => Promise<readonly string[]>;
  readonly server: MountedServer;
  /** What the session and its checks see of the disk, where this machine can confine them; all of it when absent. */
  readonly confinement?: Confinement | undefined;
  /** What a refinement needs besides; without it only analyses run. */
  readonly refinement?: RefinementParts;
  /** Where programs are found. */
  readonly path: string;
  /** Folder for the session's own files, outside `worktree`; each session gets one below it, removed at its end. */
  readonly folder: string;
  /** Aborting ends a session that runs. */
  readonly signal?: AbortSignal | undefined;
  /** Told the leader of the session's process group, so that a later run can end what a killed one left. */
  readonly onStarted?: ((pid: number) => Promise<() => Promise<void>>) | undefined;
  readonly newId: (prefix: string) => string;
  readonly random: (bytes: number) => Uint8Array;
  readonly clock: Clock;
};

/** Requests per turn that the gateway passes on at most: one, and retries. */
const REQUESTS_PER_TURN = 6;

/**
 * Runs sessions on the real Claude Code. An analysis can read the checkout and ask the telemetry server, nothing else; a
 * refinement can edit the target's source files besides, once a person's authorization was used for it.
 * `run` throws WhetstoneError `unauthorized` · `session_failed` (data.outcome) · `package_refused` · `usage` (a refinement
 * where its parts are missing).
 */
export function claudeRunner(options: ClaudeRunnerOptions): SessionRunner {
  return { kind: "claude", run: (request) => runSession(options, request) };
}

async function runSession(options: ClaudeRunnerOptions, request: SessionRequest): Promise<SessionRecord> {
  await mkdir(options.folder, { recursive: true });
  const own = await mkdtemp(join(options.folder, "session-"));
  try {
    const box = await openBox(options.confinement, own);
    const room = { own, checkPlaces: box.checkPlaces };
    await using mode =
      request.mode === "analysis" ? analysisMode(options) : await refinementMode(options, request, room);
    return await runIn({ options, request, own, box, mode });
  } finally {
    await rm(own, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A session that is about to start. */
type Opened = {
  readonly options: ClaudeRunnerOptions;
  readonly request: SessionRequest;
  readonly own: string;
  readonly box: SessionBox;
  readonly mode: ModeSession;
};

async function runIn(opened: Opened): Promise<SessionRecord> {
  const { options, request, box, mode } = opened;
  const { clock } = options;
  const timeline = openTimeline({ redact: textRedactor(), monotonicMs: clock.monotonicMs });
  const begun = { at: formatInstant(clock.now()), ms: clock.monotonicMs() };
  await using access = await openAccess(options);
  try {
    const end = await start(opened, { access, timeline });
    if (options.signal?.aborted === true) throw new WhetstoneError("interrupted", "The session was interrupted.");
    const durationMs = clock.monotonicMs() - begun.ms;
    const outcome = cutOffByBudget(judgeEnd(end, expected(options, mode)), access);
    await mode.inspect();
    const said = outcome.kind === "success" ? await mode.read(outcome.output) : undefined;
    const confinement = box.kind;
    const counted = access.gateway?.spent();
    const measured = { startedAt: begun.at, durationMs, confinement, counted };
    return recordOf(options, request, { end, outcome, said, timeline, ...measured });
  } catch (error) {
    throw withSpent(error, access);
  }
}

/** A session whose requests the gateway refused for its budget was cut off by us, not by the API. */
function cutOffByBudget(outcome: SessionOutcome, { gateway }: Access): SessionOutcome {
  return outcome.kind === "api_error" && gateway?.exhausted() === true ? { kind: "max_budget" } : outcome;
}

/** The error with `data.spent`: what the session cost until then, where that was counted. */
function withSpent(error: unknown, { gateway }: Access): unknown {
  if (!(error instanceof WhetstoneError) || gateway === undefined) return error;
  const { code, message, remedy, data, cause } = error;
  return new WhetstoneError(code, message, {
    ...(remedy === undefined ? {} : { remedy }),
    cause,
    data: { ...data, spent: gateway.spent() },
  });
}

/** How a session reaches the model. */
type Access = AsyncDisposable &
  Pick<SessionEnvironment, "baseUrl" | "placeholderKey" | "cloud"> & {
    /** Absent with a cloud provider. */
    readonly gateway?: Pick<KeyGateway, "spent" | "exhausted">;
    /** Sends events `progress` while the model answers. */
    readonly progress?: EventTarget;
  };

/** A gateway that keeps the key here, or the variables of a cloud provider. */
async function openAccess({ api, model, limits, random }: ClaudeRunnerOptions): Promise<Access> {
  if ("env" in api) {
    return { baseUrl: "", placeholderKey: "", cloud: api.env, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const placeholderKey = `sk-ant-placeholder-${Buffer.from(random(24)).toString("hex")}`;
  const progress = new EventTarget();
  const gateway = await openGateway({
    onProgress: () => progress.dispatchEvent(new Event("progress")),
    upstream: api.url,
    key: api.key,
    placeholderKey,
    models: [model],
    maxRequests: limits.maxTurns * REQUESTS_PER_TURN,
    budget: { usd: limits.maxBudgetUsd, tokens: limits.maxTokens ?? Number.MAX_SAFE_INTEGER },
  });
  return {
    baseUrl: gateway.url,
    placeholderKey,
    gateway,
    progress,
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

function expected({ cli }: ClaudeRunnerOptions, { setUp }: ModeSession): ExpectedSetUp {
  return { builtIn: setUp.tools, servers: setUp.servers.map(({ name }) => name), version: cli.version };
}

type Started = { readonly access: Access; readonly timeline: Timeline };

async function start({ options, request, own, box, mode }: Opened, started: Started): Promise<ClaudeEnd> {
  const { cli, model, limits, worktree, path, telemetry } = options;
  const { access, timeline } = started;
  const [home, temporary, mcpConfigFile] = [join(own, "home"), join(own, "tmp"), join(own, "mcp.json")];
  await mkdir(home);
  await mkdir(temporary);
  await writeFile(mcpConfigFile, mode.mcpConfig, { mode: 0o600 });
  const args = sessionArguments({ model, ...limits, mcpConfigFile, ...mode.setUp });
  const { toolTimeoutMs } = mode;
  // A cloud provider's credentials may be a file.
  const readable = [cli.path, mcpConfigFile, ...Object.values(access.cloud ?? {}).filter(isAbsolute)];
  const seen = { worktree, readable, writable: [home, temporary, ...mode.writable] };
  return await runClaude({
    ...box.wrap({ program: cli.path, args }, seen),
    cwd: worktree,
    env: sessionEnvironment({ path, home, temporary, ...access, telemetry, toolTimeoutMs }),
    prompt: request.context,
    timeoutMs: limits.timeoutMs,
    // A session that waits for its checks says nothing meanwhile.
    idleMs: limits.idleMs === undefined ? undefined : Math.max(limits.idleMs, toolTimeoutMs ?? 0),
    progress: access.progress,
    seen: timeline.see,
    signal: options.signal,
    onStarted: options.onStarted,
    watch: watching(watcher(expected(options, mode)), timeline),
  });
}

/** The same call so often in a row, with the same input, leads nowhere. */
const MOST_REPEATS = 8;

function watching(watch: ReturnType<typeof watcher>, timeline: Timeline): ReturnType<typeof watcher> {
  return (line) => watch(line) ?? (timeline.repeats() >= MOST_REPEATS ? "no_progress" : undefined);
}

type Judged = {
  readonly end: ClaudeEnd;
  readonly outcome: SessionOutcome;
  /** What a session that ended well said. */
  readonly said: ModeAnswer | undefined;
  readonly timeline: Timeline;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly confinement: string;
  /** What the gateway saw the session cost; undefined with a cloud provider. */
  readonly counted: Amount | undefined;
};

function recordOf(options: ClaudeRunnerOptions, request: SessionRequest, judged: Judged): SessionRecord {
  const { end, outcome, said, timeline } = judged;
  const record = (summary: string, partial: boolean): SessionRecord => ({
    schema: "whetstone.session/2",
    id: options.newId("s"),
    mode: request.mode,
    target: request.target,
    model: end.init?.model ?? options.model,
    recordedAt: formatInstant(options.clock.now()),
    arms: request.rules.map(({ id, version }) => ({ rule: id, version, assigned: true, q: 1 })),
    usage: usageOf(end, judged.counted),
    summary,
    partial,
    run: runOf(options, request, judged),
  });
  switch (outcome.kind) {
    case "success":
      return { ...record(said?.summary ?? "", false), ...(said?.answer && { answer: said.answer }) };
    case "max_turns":
    case "max_budget":
    case "timeout":
    case "no_progress":
      return record(cutOffText(outcome.kind, timeline), true);
    case "structured_output_missing":
      throw sessionFailed(outcome.kind, "it gave no answer in the form that was asked for");
    case "api_error":
    case "setup_error":
    case "died":
      throw sessionFailed(outcome.kind, outcome.detail);
  }
}

/** What a session that was cut off leaves for the next one. */
function cutOffText(stop: SessionRun["stop"], timeline: Timeline): string {
  const last = timeline.lastSaid();
  return last === "" ? `Cut off: ${stop}.` : `Cut off: ${stop}. It said last: ${last}`;
}

function runOf({ cli, api }: ClaudeRunnerOptions, request: SessionRequest, judged: Judged): SessionRun {
  const { outcome, said, timeline, startedAt, durationMs, confinement } = judged;
  const stop = SessionStop.safeParse(outcome.kind);
  return {
    baseSha: request.baseSha,
    startedAt,
    durationMs,
    stop: stop.success ? stop.data : "answered",
    cliVersion: cli.version,
    confinement,
    provider: "env" in api ? api.kind : "anthropic",
    contextDigest: sha256(request.context),
    ...timeline.record(),
    ...(said?.analysis && { analysis: said.analysis }),
  };
}

/** As Claude Code says it at its end; a session that we ended says nothing, and the gateway's count stands (sums only). */
function usageOf({ result }: ClaudeEnd, counted: Amount | undefined): SessionRecord["usage"] {
  if (result === undefined && counted !== undefined) {
    return { inputTokens: counted.tokens, outputTokens: 0, turns: 0, costUsd: counted.usd };
  }
  const uses = Object.values(result?.modelUsage ?? {});
  const sum = (pick: (use: (typeof uses)[number]) => number): number => uses.reduce((all, use) => all + pick(use), 0);
  return {
    inputTokens: sum((use) => use.inputTokens + use.cacheReadInputTokens + use.cacheCreationInputTokens),
    outputTokens: sum((use) => use.outputTokens),
    turns: result?.num_turns ?? 0,
    costUsd: result?.total_cost_usd ?? 0,
  };
}
