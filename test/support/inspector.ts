import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { codeOf } from "../../src/model/error.ts";
import { sha256 } from "../../src/protect/digest.ts";
import { cacheFolder } from "../../src/session/claude/cli-package.ts";
import { runTool } from "../../src/session/claude/run-tool.ts";

const MANIFEST = resolve("test/support/inspector");
const PROGRAM = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js";

/** How a call of the inspector ended. */
export type Inspected = { readonly code: number; readonly out: string; readonly err: string };

/** Runs the MCP inspector's command line with these arguments, in a folder that is also its home. */
export type Inspector = (args: readonly string[], folder: string) => Promise<Inspected>;

/**
 * The MCP inspector of `inspector/package-lock.json` (110 MB, hence no dependency), installed by npm into the cache on
 * first use: every package at its locked integrity, no script run. Undefined only with `WHETSTONE_OFFLINE=1` and nothing
 * in the cache; a line on standard error then says so.
 */
export async function inspectorForTests(): Promise<Inspector | undefined> {
  const lock = await readFile(join(MANIFEST, "package-lock.json"), "utf8");
  const folder = join(cacheFolder(process.env), `mcp-inspector-${sha256(lock).slice(0, 12)}`);
  if (!existsSync(join(folder, PROGRAM)) && !(await install(folder))) return undefined;
  return (args, home) => inspect(join(folder, PROGRAM), args, home);
}

async function install(folder: string): Promise<boolean> {
  const offline = process.env["WHETSTONE_OFFLINE"] === "1";
  process.stderr.write("installing the MCP inspector (110 MB) once, for tests with it\n");
  const draft = join(dirname(folder), `.mcp-inspector-${randomUUID()}`);
  try {
    await mkdir(draft, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) await copyFile(join(MANIFEST, file), join(draft, file));
    const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", ...(offline ? ["--offline"] : [])];
    const { code, stderr } = await runTool({ program: "npm", args, cwd: draft, env: process.env, timeoutMs: 180_000 });
    if (code === 0) await keep(draft, folder);
    else if (!offline) throw new Error(`npm could not install the MCP inspector: ${stderr}`);
    else process.stderr.write("Tests with the MCP inspector NOT RUN: it is not in the cache.\n");
    return code === 0;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Another process may have been faster; its copy is equal. */
async function keep(draft: string, folder: string): Promise<void> {
  await rename(draft, folder).catch((error: unknown) => {
    if (codeOf(error) !== "ENOTEMPTY") throw error;
  });
}

function inspect(program: string, args: readonly string[], folder: string): Promise<Inspected> {
  const env = { PATH: dirname(process.execPath), HOME: folder, NO_COLOR: "1" };
  const limits = { cwd: folder, env, timeout: 60_000, maxBuffer: 16 * 1024 * 1024 };
  return new Promise((done) => {
    const child = execFile(process.execPath, [program, "--cli", ...args], limits, (_error, out, err) =>
      done({ code: child.exitCode ?? -1, out, err }),
    );
    child.stdin?.end();
  });
}
