import type { Register } from "../command.ts";
import { collect, common, type CommonOptions } from "../command.ts";

export type McpOptions = CommonOptions & {
  readonly toolsets?: string;
  readonly aliases?: boolean;
  readonly allowExec?: boolean;
  readonly http?: string;
  readonly host: string;
  readonly allowHost: readonly string[];
  readonly keys?: string;
  /** False with `--no-auth`. */
  readonly auth: boolean;
};

const MORE = `
Add it to Claude Code:
  $ claude mcp add whetstone -- whetstone mcp

Over HTTP, with a key per client:
  $ whetstone api-key create laptop --role developer
  $ whetstone mcp --http 3333
  $ claude mcp add --transport http whetstone http://127.0.0.1:3333/mcp --header "Authorization: Bearer KEY"`;

/** `whetstone mcp`: the telemetry MCP server. */
export const mcp: Register = (program, context) => {
  const command = program
    .command("mcp")
    .description("serve traces and their analysis to MCP clients, on stdio or HTTP")
    .option("--toolsets <names>", "offer only these groups: traces, specs, analysis, sessions, metrics (default: all)")
    .option("--aliases", "offer tools under their second names too")
    .option("--allow-exec", "offer execute_and_capture, which runs commands; over HTTP to developers' keys only")
    .option("--http <port>", "Streamable HTTP at /mcp on this port instead of stdio; 0 takes any free one")
    .option("--host <address>", "HTTP: address to listen on; put a TLS proxy in front of any but loopback", "127.0.0.1")
    .option("--allow-host <name>", "HTTP: host name allowed in Host and Origin besides loopback", collect, [])
    .option("--keys <folder>", "HTTP: folder of the API keys (default: .whetstone/api-keys)")
    .option("--no-auth", "HTTP: ask for no API key; on loopback only");
  common(command, "mcp --toolsets traces,analysis");
  command.addHelpText("after", MORE);
  command.action(async (options: McpOptions) => {
    const { runMcp } = await import("../run/mcp.ts");
    context.exit(await runMcp(options, context.io, context.version()));
  });
};
