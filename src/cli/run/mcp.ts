import { once } from "node:events";
import { existsSync } from "node:fs";
import { interruptible } from "../../loop/interrupt.ts";
import { lazyStore } from "../../mcp/lazy-store.ts";
import { parseToolsets } from "../../mcp/catalogue.ts";
import type { McpOptions as ServerOptions } from "../../mcp/server.ts";
import { startStdio } from "../../mcp/stdio.ts";
import { EXIT } from "../../model/codes.ts";
import { messageOf } from "../../model/error.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { openStore, isPostgresUrl } from "../../store/open.ts";
import { spanStoreUrl, systemClock } from "../../wire.ts";
import type { McpOptions } from "../commands/mcp.ts";
import { configIfAny } from "../config.ts";
import type { Io } from "../io.ts";

/** `whetstone mcp`: until the client closes standard input, Ctrl-C or SIGTERM. */
export async function runMcp(options: McpOptions, io: Io, version: string): Promise<number> {
  const selection = { toolsets: parseToolsets(options.toolsets), aliases: options.aliases === true };
  return interruptible(async (signal) => {
    const config = await configIfAny(options, io);
    const url = spanStoreUrl({ ...options, cwd: io.cwd }, io.env, config);
    await using lazy = lazyStore({
      name: isPostgresUrl(url) ? "the postgres:// URL" : url,
      exists: () => isPostgresUrl(url) || existsSync(url),
      open: () => openStore({ url }),
    });
    const parts = { clock: systemClock, store: lazy.store, config: () => configIfAny(options, io) };
    const server: ServerOptions = { ...selection, parts, version };
    await serveOnStdio(server, signal, io);
    return EXIT.pass;
  });
}

async function serveOnStdio(server: ServerOptions, signal: AbortSignal, io: Io): Promise<void> {
  await using stdio = startStdio(server, (error) => io.err(forTerminal(`${messageOf(error)}\n`)));
  if (!signal.aborted) await Promise.race([stdio.ended, once(signal, "abort")]);
}
