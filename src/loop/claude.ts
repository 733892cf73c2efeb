import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ClaudeSettings } from "../config/schema.ts";
import { changedPaths } from "../github/worktree.ts";
import type { Amount } from "../model/budget.ts";
import { WhetstoneError } from "../model/error.ts";
import type { SessionRecord } from "../model/proposal.ts";
import { type ClaudeCli, locateClaude } from "../session/claude/cli-package.ts";
import type { MountedServer } from "../session/claude/recipe.ts";
import type { RefinementParts } from "../session/claude/refinement.ts";
import { claudeRunner } from "../session/claude/runner.ts";
import type { SessionRequest, SessionRunner } from "../session/port.ts";
import { modelProvider, type ModelProvider } from "../session/provider.ts";
import { withFacts } from "../session/record.ts";
import { telemetryEnvironment } from "../session/telemetry.ts";
import { isPostgresUrl } from "../store/open.ts";
import { newId, systemRandom } from "../wire.ts";
import { preparedWorktree } from "./base.ts";
import { confinementOf } from "./confinement.ts";
import { refinementParts } from "./refinement.ts";
import { type LoopRun, runningFolder } from "./run.ts";
import { budgetShortage, counted, withinBudget } from "./session-budget.ts";
import { openSessionReceiver } from "./session-telemetry.ts";

/** How sessions on the real Claude Code are asked for. */
export type LiveSession = {
  /** The whole environment: key or cloud provider, and where the program is found or kept. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Most that the session may cost, USD; `budgets.session.usd` when absent. */
  readonly budgetUsd?: number | undefined;
  /** A person's authorization, for a refinement. */
  readonly token?: string | undefined;
};

/** What is known before anything is started: that there is a program, and somebody who answers for the model. */
export type Claude = Pick<LiveSession, "budgetUsd" | "token"> & {
  readonly cli: ClaudeCli;
  readonly provider: ModelProvider;
  /** Where the session's telemetry server finds its store. */
  readonly storeUrl: string;
};

/** Tools of the telemetry server that a session may call; all of them only read. */
export const SESSION_TOOLS = [
  "list_services",
  "get_traces",
  "search_traces",
  "get_trace_by_id",
  "analyze_trace",
  "detect_performance_issues",
  "find_root_cause",
  "get_dependencies",
  "performance_report",
] as const;

/** The toolsets that they are in. */
const TOOLSETS = "traces,analysis";

/**
 * Finds the program and who answers for the model, before anything else is done.
 * @throws WhetstoneError `usage` (no key) · `package_refused` · `api_failed` · `timeout` (the program)
 */
export async function openClaude(
  { variables, ...rest }: LiveSession,
  { cwd, storeUrl, note }: { readonly cwd: string; readonly storeUrl: string; readonly note: (line: string) => void },
): Promise<Claude> {
  const provider = modelProvider(variables);
  const onFetch = ({ name, version, cache }: { name: string; version: string; cache: string }): void =>
    note(`fetching ${name}@${version} (170 MB) once, into ${cache}`);
  return { ...rest, provider, storeUrl, cli: await locateClaude({ env: variables, cwd, onFetch }) };
}

/**
 * Sessions on the real Claude Code for one run: each in a worktree of its own, with the telemetry server mounted, its own
 * telemetry in the run's store under one trace.
 */
export function claudeSessions(run: LoopRun, claude: Claude): SessionRunner {
  const usd = claude.budgetUsd === undefined ? {} : { usd: claude.budgetUsd };
  return {
    kind: "claude",
    run: (request) =>
      withinBudget(run, usd, () => runOne(run, { claude, refinement: refinementParts(run, claude.token) }, request)),
    shortage: () => budgetShortage(run, usd),
  };
}

/** What another job saw to before the session: the permission it shows, and who is told what it cost. */
export type Admitted = {
  readonly authorize: RefinementParts["authorize"];
  readonly book: (spent: Amount | "unknown") => Promise<void>;
};

/**
 * The same for a run whose money and permission were seen to by a job that may write the state. What is changed there runs in
 * a process below the one that holds the key, so a session without walls is refused unless the configuration wants none.
 */
export function admittedSessions(run: LoopRun, claude: Claude, { authorize, book }: Admitted): SessionRunner {
  const { sandbox } = run.workspace.config.session;
  const equipped = {
    claude,
    refinement: { ...refinementParts(run, undefined), authorize },
    sandbox: sandbox === "if-possible" ? "required" : sandbox,
  } as const;
  return { kind: "claude", run: (request) => counted(() => runOne(run, equipped, request), book) };
}

type Equipped = {
  readonly claude: Claude;
  readonly refinement: RefinementParts;
  /** What the configuration says when absent. */
  readonly sandbox?: ClaudeSettings["sandbox"];
};

async function runOne(
  run: LoopRun,
  { claude, refinement, sandbox = run.workspace.config.session.sandbox }: Equipped,
  request: SessionRequest,
): Promise<SessionRecord> {
  const { workspace, store, id } = run;
  const { clock, targetName: target } = workspace;
  // Only a refinement runs checks, which need what `prepare` installs.
  const make =
    request.mode === "refinement"
      ? preparedWorktree(run, "session", request.baseSha)
      : run.worktree("session", request.baseSha);
  const worktree = await make;
  run.defer(() => rm(runningFolder(run), { recursive: true, force: true, maxRetries: 3 }));
  await using receiver = await openSessionReceiver({ store, clock, random: systemRandom, run: id, target });
  let record: SessionRecord | undefined;
  try {
    record = await claudeRunner({
      ...parts(run, { ...claude, sandbox }),
      worktree,
      refinement,
      telemetry: telemetryEnvironment(receiver.place),
      signal: run.signal,
      onStarted: async (pid) => {
        await run.lease.addProcess(pid);
        return () => run.lease.forgetProcess(pid);
      },
    }).run(request);
  } catch (error) {
    await receiver.settle(undefined);
    throw error;
  }
  return withFacts(record, { telemetry: await receiver.settle(record) });
}

type Walled = Claude & Pick<ClaudeSettings, "sandbox">;

function parts({ workspace, id }: LoopRun, { cli, provider, budgetUsd, storeUrl, sandbox }: Walled) {
  const { config, clock, childEnv, folder } = workspace;
  const { model, maxTurns, timeoutSeconds, idleSeconds } = config.session;
  const { usd, tokens } = config.budgets.session;
  return {
    cli,
    api: provider,
    model,
    limits: {
      maxTurns,
      maxBudgetUsd: budgetUsd ?? usd,
      maxTokens: tokens,
      timeoutMs: timeoutSeconds * 1_000,
      idleMs: idleSeconds * 1_000,
    },
    changedPaths,
    server: telemetryServer(storeUrl),
    confinement: confinementOf({
      sandbox,
      packageRoot: packageRoot(),
      node: process.execPath,
      storeUrl,
      path: childEnv["PATH"] ?? "",
      worktrees: join(folder, "worktrees"),
    }),
    path: childEnv["PATH"] ?? "/usr/bin:/bin",
    folder: runningFolder({ workspace, id }),
    newId: (prefix: string) => newId(prefix, clock),
    random: systemRandom,
    clock,
  };
}

/** `whetstone mcp` behind the proxy, which makes spans of its calls. A store's URL may hold a password: not in arguments. */
export function telemetryServer(storeUrl: string): MountedServer {
  const whetstone = [process.execPath, programPath()] as const;
  const [place, env] = isPostgresUrl(storeUrl) ? [[], { DATABASE_URL: storeUrl }] : [["--db", storeUrl], {}];
  const server = [...whetstone, "mcp", "--toolsets", TOOLSETS, ...place];
  const command = [...whetstone, "proxy", "--service", "whetstone-mcp", ...place, "--", ...server] as const;
  return { name: "whetstone", command: command as MountedServer["command"], env, tools: SESSION_TOOLS };
}

/** Programs that hold the servers of a session: of what the actions are built to, and of the package. */
const PROGRAMS = ["session-program.js", join("bin", "whetstone.js")] as const;

/** The nearest of them from this file upwards: it stands elsewhere in what is built. */
function programPath(): string {
  for (const folder of foldersAbove(import.meta.url)) {
    const found = PROGRAMS.map((name) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
  }
  throw new WhetstoneError("defect", "The command line of this package is not where it belongs: bin/whetstone.js.");
}

/** The folder of this package. */
function packageRoot(): string {
  const root = foldersAbove(import.meta.url).find((folder) => existsSync(join(folder, "package.json")));
  if (root !== undefined) return root;
  throw new WhetstoneError("defect", "This package has no package.json.");
}

/** The folder of a file and those above it, the nearest first. */
function foldersAbove(url: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = dirname(fileURLToPath(url)); folders.at(-1) !== folder; folder = dirname(folder))
    folders.push(folder);
  return folders;
}
