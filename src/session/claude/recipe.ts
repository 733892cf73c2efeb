/** A telemetry MCP server that a session starts on stdio, and which of its tools it may call. */
export type MountedServer = {
  /** Tools are called `mcp__NAME__TOOL`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Names without prefix. */
  readonly tools: readonly string[];
};

/** What an analysis is started with. */
export type AnalysisOptions = {
  /** Full model id; an alias may move. */
  readonly model: string;
  readonly maxTurns: number;
  readonly maxBudgetUsd: number;
  /** File that holds {@link mcpConfig}; outside the checkout. */
  readonly mcpConfigFile: string;
  readonly server: MountedServer;
  /** JSON Schema of the answer. */
  readonly answer?: Readonly<Record<string, unknown>>;
};

/** The built-in tools that exist in an analysis; none of them writes or runs anything. */
export const ANALYSIS_TOOLS = ["Read", "Grep", "Glob"] as const;

/** A second wall behind {@link ANALYSIS_TOOLS}: settings that hold whatever the flags say. */
const SETTINGS = {
  useAutoModeDuringPlan: false,
  permissions: {
    blockReadsOutsideWorkingDirectories: true,
    disableBypassPermissionsMode: "disable",
    disableAutoMode: "disable",
    deny: ["Bash", "Edit", "Write", "NotebookEdit", "WebFetch", "WebSearch", "Agent"],
  },
} as const;

/**
 * Arguments of Claude Code for a session that can read the checkout and ask the telemetry server, and nothing else. The
 * prompt goes to standard input. No setting, hook, server or instruction file of the checkout is read.
 */
export function analysisArguments(options: AnalysisOptions): readonly string[] {
  const { model, maxTurns, maxBudgetUsd, mcpConfigFile, server, answer } = options;
  const groups = [
    ["-p", "--output-format", "stream-json", "--verbose"],
    ["--restricted", "--setting-sources", "", "--strict-mcp-config", "--settings", JSON.stringify(SETTINGS)],
    ["--permission-mode", "dontAsk", "--permission-prompts", "none"],
    ["--disable-slash-commands", "--no-session-persistence"],
    ["--model", model, "--max-turns", String(maxTurns), "--max-budget-usd", String(maxBudgetUsd)],
    ["--tools", ANALYSIS_TOOLS.join(",")],
    ["--allowedTools", ...toolNames(server)],
    ["--mcp-config", mcpConfigFile],
    answer === undefined ? [] : ["--json-schema", JSON.stringify(answer)],
  ];
  return groups.flat();
}

/** The names that a server's tools have in a session. */
export function toolNames({ name, tools }: Pick<MountedServer, "name" | "tools">): readonly string[] {
  return tools.map((tool) => `mcp__${name}__${tool}`);
}

/** The file that mounts one server, as `--mcp-config` takes it. */
export function mcpConfig({ name, command, env }: MountedServer): string {
  const [program, ...args] = command;
  return `${JSON.stringify({ mcpServers: { [name]: { type: "stdio", command: program, args, env: { ...env } } } })}\n`;
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
};

/**
 * The whole environment of a session. Everything in it reaches the tools and servers of the session, so no secret is.
 */
export function sessionEnvironment(options: SessionEnvironment): Readonly<Record<string, string>> {
  return {
    PATH: options.path,
    LANG: "C.UTF-8",
    TMPDIR: options.temporary,
    HOME: options.home,
    ANTHROPIC_API_KEY: options.placeholderKey,
    ANTHROPIC_BASE_URL: options.baseUrl,
    NO_PROXY: "127.0.0.1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    CLAUDE_CODE_MAX_RETRIES: "4",
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
    CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS: "1",
    CLAUDE_CODE_STARTUP_FAILURE_RESULTS: "1",
    MCP_TIMEOUT: "20000",
    MCP_TOOL_TIMEOUT: "120000",
  };
}
