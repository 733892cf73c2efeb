import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type ProxyOptions = CommonOptions & {
  readonly service: string;
  readonly otlp?: string;
  readonly captureContent?: boolean;
  readonly injectContext: boolean;
};

/** `whetstone proxy`: stands between an MCP client and a stdio server. */
export const proxy: Register = (program, context) => {
  const command = program
    .command("proxy")
    .description("trace every call between an MCP client and a stdio server; bytes pass unchanged")
    .argument("<command...>", "the server's command, after --")
    .option("--service <name>", "service.name of the spans", "mcp-server")
    .option("--otlp <url>", "send spans to this OTLP/HTTP endpoint instead of the store")
    .option("--capture-content", "keep arguments and results of tool calls in the spans (off: only names and times)")
    .option("--no-inject-context", "do not add the trace context to params._meta");
  common(command, "proxy --service notes -- node server.js");
  command.action(async (words: string[], options: ProxyOptions) => {
    const { runProxyCommand } = await import("../run/proxy.ts");
    context.exit(await runProxyCommand(words, options, context.io));
  });
};
