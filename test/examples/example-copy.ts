import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

export const ROOT = join(import.meta.dirname, "../..");
export const EXAMPLE = join(ROOT, "examples/notes-server");

/** A repository of its own that holds the example as it stands; gone at the end of an `await using` block. */
export async function copyOfExample() {
  const root = await mkdtemp(join(tmpdir(), "notes-example-"));
  const git = (...args: string[]) => promisify(execFile)("git", args, { cwd: root });
  await cp(EXAMPLE, join(root, "examples/notes-server"), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(root, "node_modules"));
  await git("init", "--quiet");

  /** Applies a patch; rejects when it does not fit. */
  async function apply(patch: string): Promise<void> {
    await writeFile(join(root, "session.patch"), patch);
    await git("apply", "--check", "session.patch");
    await git("apply", "session.patch");
  }

  return { root, apply, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

/** Starts the notes server of a repository and connects to it. */
export async function connect(root: string): Promise<Client> {
  const client = new Client({ name: "notes-example-test", version: "1.0.0" });
  const server = join(root, "examples/notes-server/src/server.ts");
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [server] }));
  return client;
}
