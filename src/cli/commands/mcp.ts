import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type McpOptions = CommonOptions & {
  readonly toolsets?: string;
  readonly aliases?: boolean;
};

const MORE = `
Add it to Claude Code:
  $ claude mcp add whetstone -- npx whetstone mcp`;

/** `whetstone mcp`: the telemetry MCP server. */
export const mcp: Register = (program, context) => {
  const command = program
    .command("mcp")
    .description("serve traces and their analysis to MCP clients, on stdio")
    .option("--toolsets <names>", "offer only these groups: traces, specs, analysis, sessions, metrics (default: all)")
    .option("--aliases", "offer tools under their second names too");
  common(command, "mcp --toolsets traces,analysis");
  command.addHelpText("after", MORE);
  command.action(async (options: McpOptions) => {
    const { runMcp } = await import("../run/mcp.ts");
    context.exit(await runMcp(options, context.io, context.version()));
  });
};
