import type { Register } from "../command.ts";
import { collect, common, type CommonOptions } from "../command.ts";

export type ProxyOptions = CommonOptions & {
  readonly service: string;
  readonly serviceVersion?: string;
  readonly otlp?: string;
  readonly captureContent?: boolean;
  readonly injectContext: boolean;
  readonly canaryCommand?: string;
  readonly listen?: string;
  readonly host: string;
  readonly upstream?: string;
  readonly canaryUpstream?: string;
  readonly canaryVersion?: string;
  readonly weight?: string;
  readonly stickyHeader?: string;
  readonly adminPort?: string;
  readonly allowHost: readonly string[];
  readonly shadowCommand?: string;
  readonly shadowUpstream?: string;
  readonly shadowReference?: string;
  readonly shadowAllow: readonly string[];
  readonly shadowReport?: string;
};

const MORE = `
Stdio, one session per process:
  $ whetstone proxy --service notes --canary-command "node new.js" --weight 20 -- node server.js

Streamable HTTP:
  $ whetstone proxy --listen 8080 --upstream http://127.0.0.1:3001/mcp
  $ whetstone proxy --listen 8080 --upstream http://127.0.0.1:3001/mcp \\
      --canary-upstream http://127.0.0.1:3002/mcp --weight 20 --admin-port 8081
  $ whetstone proxy --listen 8080 --upstream http://127.0.0.1:3001/mcp \\
      --shadow-upstream http://127.0.0.1:3002/mcp --shadow-allow search
  $ curl -X PUT -d '{"weight":50}' http://127.0.0.1:8081/weight

Clients use http://127.0.0.1:8080/mcp; that path and / stand for the upstream's own, other paths go to its origin.
Sessions, not calls, are routed: a session is drawn when it begins and stays by its Mcp-Session-Id; a client without
sessions (MCP 2026-07-28) stays by a hash of its address and user agent, or of the header that --sticky-header names.`;

/** `whetstone proxy`: stands between an MCP client and its server, on stdio or Streamable HTTP. */
export const proxy: Register = (program, context) => {
  const command = program
    .command("proxy")
    .description("trace every call between MCP clients and a server, on stdio or HTTP; bytes pass unchanged")
    .argument("[command...]", "the server's command, after -- (stdio)")
    .option("--service <name>", "service.name of the spans", "mcp-server")
    .option("--service-version <version>", "service.version of the spans (default: what the server says of itself)")
    .option("--otlp <url>", "send spans to this OTLP/HTTP endpoint instead of the store")
    .option(
      "--capture-content",
      "keep arguments and results in the spans, redacted and cut to size (off: only names and times)",
    )
    .option("--no-inject-context", "do not add the trace context to params._meta")
    .option("--listen <port>", "HTTP: port for the clients; 0 takes any free one")
    .option("--upstream <url>", "HTTP: the MCP server")
    .option("--host <address>", "HTTP: address to listen on", "127.0.0.1")
    .option(
      "--allow-host <name>",
      "HTTP: host name allowed in Host and Origin besides loopback; repeatable",
      collect,
      [],
    )
    .option("--canary-command <command>", "stdio: the canary's command, one text")
    .option("--canary-upstream <url>", "HTTP: the canary's server")
    .option("--canary-version <version>", "service.version of the canary's spans")
    .option("--weight <percent>", "share of sessions that go to the canary, 0 to 100 (default: 10)")
    .option("--sticky-header <name>", "HTTP: header that tells clients without sessions apart")
    .option("--shadow-command <command>", "stdio: make read-only calls again on this server, and compare; one text")
    .option("--shadow-upstream <url>", "HTTP: make read-only calls again on this server, and compare")
    .option("--shadow-reference <url>", "HTTP: what shows how the baseline differs from itself (default: --upstream)")
    .option(
      "--shadow-allow <tool>",
      "tool that may be called again, if the server says readOnlyHint; repeatable",
      collect,
      [],
    )
    .option("--shadow-report <file>", "write what the shadow found as JSON (default: a summary on standard error)")
    .option("--admin-port <port>", "HTTP: GET /status, GET /shadow, GET and PUT /weight on 127.0.0.1");
  common(command, "proxy --service notes -- node server.js");
  command.addHelpText("after", MORE);
  command.action(async (words: string[], options: ProxyOptions) => {
    const { runProxyCommand } = await import("../run/proxy.ts");
    context.exit(await runProxyCommand(words, options, context.io));
  });
};
