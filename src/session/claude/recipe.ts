/** A telemetry MCP server that a session starts on stdio, and which of its tools it may call. */
export type MountedServer = {
  /** Tools are called `mcp__NAME__TOOL`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Names without prefix. */
  readonly tools: readonly string[];
};

/** A server that this process answers itself, on this machine only. */
export type LocalServer = {
  readonly name: string;
  readonly url: string;
  /** Value of `Authorization`; of this session alone. */
  readonly authorization: string;
  readonly tools: readonly string[];
};

/** What a session of either mode is started with. */
export type SessionArguments = {
  /** Full model id; an alias may move. */
  readonly model: string;
  readonly maxTurns: number;
  readonly maxBudgetUsd: number;
  /** File that holds {@link mcpConfig}; outside the checkout. */
  readonly mcpConfigFile: string;
  readonly servers: readonly Pick<MountedServer, "name" | "tools">[];
  /** Built-in tools that exist. */
  readonly tools: readonly string[];
  /** Rules besides those of the servers' tools, such as `Edit(src/**)`. */
  readonly allowed: readonly string[];
  readonly denied: readonly string[];
  /** JSON Schema of the answer. */
  readonly answer?: Readonly<Record<string, unknown>>;
};

/** The built-in tools that exist in an analysis; none of them writes or runs anything. */
export const ANALYSIS_TOOLS = ["Read", "Grep", "Glob"] as const;

/** The built-in tools of a refinement: those that edit besides, and none that runs or fetches anything. */
export const REFINEMENT_TOOLS = [...ANALYSIS_TOOLS, "Edit", "Write"] as const;

/** Tools that no session gets: a second wall behind the list of those that exist. */
const NEVER = ["Bash", "NotebookEdit", "WebFetch", "WebSearch", "Agent"] as const;

/** Settings that hold whatever the flags say. */
function settings(denied: readonly string[]) {
  return {
    useAutoModeDuringPlan: false,
    permissions: {
      blockReadsOutsideWorkingDirectories: true,
      disableBypassPermissionsMode: "disable",
      disableAutoMode: "disable",
      deny: [...NEVER, ...denied],
    },
  } as const;
}

/**
 * Arguments of Claude Code for a session that has the tools that are named and nothing else. The prompt goes to standard
 * input. No setting, hook, server or instruction file of the checkout is read.
 */
export function sessionArguments(options: SessionArguments): readonly string[] {
  const { model, maxTurns, maxBudgetUsd, mcpConfigFile, servers, answer, tools, allowed, denied } = options;
  const groups = [
    ["-p", "--output-format", "stream-json", "--verbose"],
    ["--restricted", "--setting-sources", "", "--strict-mcp-config", "--settings", JSON.stringify(settings(denied))],
    ["--permission-mode", "dontAsk", "--permission-prompts", "none"],
    ["--disable-slash-commands", "--no-session-persistence"],
    ["--model", model, "--max-turns", String(maxTurns), "--max-budget-usd", String(maxBudgetUsd)],
    ["--tools", tools.join(",")],
    ["--allowedTools", ...allowed, ...servers.flatMap(toolNames)],
    ["--mcp-config", mcpConfigFile],
    answer === undefined ? [] : ["--json-schema", JSON.stringify(answer)],
  ];
  return groups.flat();
}

/** The names that a server's tools have in a session. */
export function toolNames({ name, tools }: Pick<MountedServer, "name" | "tools">): readonly string[] {
  return tools.map((tool) => `mcp__${name}__${tool}`);
}

/** The file that mounts servers, as `--mcp-config` takes it. */
export function mcpConfig(...servers: readonly (MountedServer | LocalServer)[]): string {
  const mounted = servers.map((server) => [server.name, mount(server)]);
  return `${JSON.stringify({ mcpServers: Object.fromEntries(mounted) as unknown })}\n`;
}

function mount(server: MountedServer | LocalServer): unknown {
  if ("url" in server) {
    return { type: "http", url: server.url, headers: { Authorization: server.authorization } };
  }
  const [program, ...args] = server.command;
  return { type: "stdio", command: program, args, env: { ...server.env } };
}

/** What a session's environment is built from; nothing else is in it. */
export type SessionEnvironment = {
  readonly path: string;
  /** An empty folder of this session alone. */
  readonly home: string;
  readonly temporary: string;
  /** Where the model's API is answered for this session. */
  readonly baseUrl: string;
  /** Known to whoever answers there; never a real key. */
  readonly placeholderKey: string;
  /** Variables of a cloud provider, which stand in for the two before. */
  readonly cloud?: Readonly<Record<string, string>> | undefined;
  /** Longest call of a tool of an MCP server; two minutes when absent or less. */
  readonly toolTimeoutMs?: number | undefined;
  /** Where the session sends its own telemetry. */
  readonly telemetry?: Readonly<Record<string, string>> | undefined;
};

const TOOL_TIMEOUT_MS = 120_000;

/**
 * The whole environment of a session. Everything in it reaches the tools and servers of the session, so no secret is.
 */
export function sessionEnvironment(options: SessionEnvironment): Readonly<Record<string, string>> {
  return {
    PATH: options.path,
    LANG: "C.UTF-8",
    TMPDIR: options.temporary,
    HOME: options.home,
    ...(options.cloud ?? { ANTHROPIC_API_KEY: options.placeholderKey, ANTHROPIC_BASE_URL: options.baseUrl }),
    ...options.telemetry,
    NO_PROXY: "127.0.0.1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    CLAUDE_CODE_MAX_RETRIES: "4",
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
    CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS: "1",
    CLAUDE_CODE_STARTUP_FAILURE_RESULTS: "1",
    MCP_TIMEOUT: "20000",
    MCP_TOOL_TIMEOUT: String(Math.max(TOOL_TIMEOUT_MS, options.toolTimeoutMs ?? 0)),
  };
}
