import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { isLoopback } from "../../capture/http/admission.ts";
import { readConfig } from "../../config/read.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { parseToolsets } from "../../mcp/catalogue.ts";
import { systemTimers } from "../../mcp/exec/quiet.ts";
import { type LazyStore, lazyStore } from "../../mcp/lazy-store.ts";
import { type Caller, createServer, type McpOptions as ServerOptions } from "../../mcp/server.ts";
import { shownIds } from "../../mcp/shown-ids.ts";
import { startStdio } from "../../mcp/stdio.ts";
import { EXIT } from "../../model/codes.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { createAuthenticator } from "../../protect/authenticate.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { isPostgresUrl, openStore } from "../../store/open.ts";
import { childEnvironment, newId, spanStoreUrl, systemClock, systemRandom } from "../../wire.ts";
import { DEFAULT_CONFIG } from "../command.ts";
import type { McpOptions } from "../commands/mcp.ts";
import { configIfAny } from "../config.ts";
import type { Io } from "../io.ts";
import { parsePort } from "../port.ts";
import { splitWords } from "../words.ts";
import { openKeys } from "./api-key.ts";
import { objectivesOf } from "./slo.ts";

/** `whetstone mcp`: until the client closes standard input, Ctrl-C or SIGTERM. */
export async function runMcp(options: McpOptions, io: Io, version: string): Promise<number> {
  const selection = {
    toolsets: parseToolsets(options.toolsets),
    aliases: options.aliases === true,
    commands: options.allowExec === true,
  };
  const serve = options.http === undefined ? serveOnStdio : httpServing(options);
  return interruptible(async (signal) => {
    await using lazy = await storeOf(options, io);
    const parts = { clock: systemClock, store: lazy.store, ...partsOf(options, io) };
    await serve({ ...selection, parts, version }, signal, io);
    return EXIT.pass;
  });
}

function partsOf(options: McpOptions, io: Io) {
  const exec = { folder: io.cwd, env: childEnvironment(io.env), split: splitWords, after: systemTimers };
  return {
    ids: shownIds(),
    newId: (prefix: string) => newId(prefix, systemClock),
    objectives: () => objectives(options, io),
    ...(options.allowExec === true && { exec }),
  };
}

/** @throws WhetstoneError `usage` where none is configured */
async function objectives(options: McpOptions, io: Io) {
  const config = await readConfig(resolve(io.cwd, options.config ?? DEFAULT_CONFIG));
  return objectivesOf(config, undefined);
}

async function storeOf(options: McpOptions, io: Io): Promise<LazyStore> {
  const url = spanStoreUrl({ ...options, cwd: io.cwd }, io.env, await configIfAny(options, io));
  return lazyStore({
    name: isPostgresUrl(url) ? "the postgres:// URL" : url,
    exists: () => isPostgresUrl(url) || existsSync(url),
    identity: () => (isPostgresUrl(url) ? url : fileIdentity(url)),
    open: () => openStore({ url }),
  });
}

/** Device and number of a file: another one at the same path has others. */
function fileIdentity(path: string): string | undefined {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  return file && `${file.dev}:${file.ino}:${file.birthtimeNs}`;
}

type Serve = (server: ServerOptions, signal: AbortSignal, io: Io) => Promise<void>;

const logTo =
  (io: Io) =>
  (error: Error): void =>
    io.err(forTerminal(`${messageOf(error)}\n`));

const serveOnStdio: Serve = async (server, signal, io) => {
  await using stdio = startStdio(server, logTo(io));
  if (!signal.aborted) await Promise.race([stdio.ended, once(signal, "abort")]);
};

/** @throws WhetstoneError `usage` for a server that anybody on the network could ask */
function httpServing({ http = "", host, allowHost, keys, auth, json, allowExec }: McpOptions): Serve {
  const port = parsePort(http);
  if (!auth && !isLoopback(host)) {
    throw new WhetstoneError("usage", `--no-auth would open the traces to whoever reaches ${host}.`, {
      remedy: "Leave --no-auth out and make a key with `whetstone api-key create`, or listen on 127.0.0.1.",
    });
  }
  if (!auth && allowExec === true) {
    throw new WhetstoneError(
      "usage",
      "--allow-exec with --no-auth would let every program of this machine run commands.",
      {
        remedy: "Leave --no-auth out and make a key with `whetstone api-key create NAME --role developer`.",
      },
    );
  }
  return async (server, signal, io) => {
    const signer = { secret: systemRandom(32) };
    const checks = createAuthenticator({ keys: openKeys(keys, io.cwd), signer, clock: systemClock });
    const identify = auth ? { identify: checks.identify } : {};
    // Loaded on use: on stdio a client waits for the handshake.
    const { startHttp } = await import("../../mcp/http/start.ts");
    const open = (caller: Caller) => createServer(server, caller);
    const options = { open, clock: systemClock, host, port, allowedHosts: allowHost, ...identify, onError: logTo(io) };
    await using running = await startHttp(options);
    if (json) io.out(`${JSON.stringify({ url: running.url, port: running.port })}\n`);
    io.err(
      `Serving MCP on ${running.url}${auth ? ", for API keys" : ", for anybody on this machine"}. Stop with Ctrl-C.\n`,
    );
    if (!signal.aborted) await once(signal, "abort");
  };
}
