import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { codeOf } from "../../src/model/error.ts";
import { type ClaudeCli, locateClaude } from "../../src/session/claude/cli-package.ts";
import type { MountedServer, SessionEnvironment } from "../../src/session/claude/recipe.ts";
import { temporaryFolder } from "./git-repository.ts";
import { processesIn } from "./leftovers.ts";

/** Key that the scripted API accepts; no real one is ever needed. */
export const DUMMY_KEY = "sk-ant-dummy-0000";

/**
 * The real Claude Code at the pinned release, fetched on first use. Undefined only with `WHETSTONE_OFFLINE=1` and nothing
 * in the cache; a line on standard error then says so.
 */
export async function claudeForTests(): Promise<ClaudeCli | undefined> {
  const onFetch = ({ name, version }: { name: string; version: string }): void => {
    process.stderr.write(`fetching ${name}@${version} (170 MB) once, for tests with the real Claude Code\n`);
  };
  try {
    return await locateClaude({ env: process.env, cwd: process.cwd(), onFetch });
  } catch (error) {
    const offline = process.env["WHETSTONE_OFFLINE"] === "1" && codeOf(error) === "api_failed";
    const then = offline ? "they are skipped" : "set WHETSTONE_OFFLINE=1 to skip them";
    process.stderr.write(`Tests with the real Claude Code NOT RUN, it cannot be fetched; ${then}.\n`);
    if (offline) return undefined;
    throw error;
  }
}

/** `whetstone mcp` over a database, as a session mounts it. */
export function telemetryServer(database: string, tools: readonly string[]): MountedServer {
  return {
    name: "whetstone",
    command: [process.execPath, resolve("bin/whetstone.js"), "mcp", "--db", database],
    tools,
  };
}

/** Folders of one session below a temporary one: an empty home, a checkout, and what its environment is built from. */
export async function sessionFolders() {
  const folder = await temporaryFolder();
  const checkout = join(folder.path, "checkout");
  const home = join(folder.path, "home");
  const temporary = join(folder.path, "tmp");
  for (const path of [checkout, home, temporary]) await mkdir(path);
  const environment = (baseUrl: string): SessionEnvironment => ({
    path: `${dirname(process.execPath)}:/usr/bin:/bin`,
    home,
    temporary,
    baseUrl,
    placeholderKey: DUMMY_KEY,
  });
  return { root: folder.path, checkout, environment, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** Processes that stay in a folder; those that were killed already are given the time to be gone. */
export async function stayingIn(folder: string): Promise<number[]> {
  for (let look = 0; look < 500; look += 1) {
    if ((await processesIn(folder)).length === 0) return [];
  }
  return processesIn(folder);
}
