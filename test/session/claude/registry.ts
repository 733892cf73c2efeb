import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { runTool } from "../../../src/session/claude/run-tool.ts";
import { temporaryFolder } from "../../support/git-repository.ts";

/** How the registry answers a request for the tarball. */
export type Manner = "whole" | "cut" | "hang";

/** What the registry's one package is called. */
export const NAME = "@example/tool";

/** What a test sets and reads while the registry runs; `onDownload` happens before the tarball is sent. */
type RegistryState = { manner: Manner; downloads: number; onDownload?: () => void };

/** A local npm registry with one tiny package, whose program says what a Claude Code would. */
export async function tinyRegistry(program = "#!/bin/sh\necho '1.0.0 (Claude Code)'\n") {
  const folder = await temporaryFolder();
  const tarball = await pack(folder.path, program);
  const state: RegistryState = { manner: "whole", downloads: 0 };
  const server = createServer((request, response) => {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    if (request.url?.endsWith(".tgz") === true) {
      state.downloads += 1;
      state.onDownload?.();
      return send(response, tarball, state.manner);
    }
    if (decodeURIComponent(request.url ?? "") !== `/${NAME}`) return void response.writeHead(404).end("{}");
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(packument(base, tarball)));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    state,
    integrity: integrityOf(tarball),
    cache: join(folder.path, "cache"),
    /** npm's whole environment: this registry, a home and a cache of its own. */
    env: {
      PATH: process.env["PATH"],
      HOME: join(folder.path, "home"),
      npm_config_registry: url,
      npm_config_cache: join(folder.path, "npm"),
      npm_config_globalconfig: join(folder.path, "npmrc"),
      npm_config_update_notifier: "false",
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await folder[Symbol.asyncDispose]();
    },
  };
}

function send(response: ServerResponse, tarball: Buffer, manner: Manner): void {
  if (manner === "hang") return;
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": tarball.length });
  if (manner === "whole") return void response.end(tarball);
  response.write(tarball.subarray(0, tarball.length / 2), () => response.destroy());
}

async function pack(root: string, program: string): Promise<Buffer> {
  const folder = join(root, "source", "package");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: NAME, version: "1.0.0" }));
  await writeFile(join(folder, "claude"), program);
  await chmod(join(folder, "claude"), 0o755);
  const args = ["-czf", "tool.tgz", "package"];
  const cwd = join(root, "source");
  await runTool({ program: "tar", args, cwd, env: { PATH: process.env["PATH"] }, timeoutMs: 30_000 });
  return readFile(join(cwd, "tool.tgz"));
}

function packument(base: string, tarball: Buffer) {
  const dist = { tarball: `${base}/${NAME}/-/tool-1.0.0.tgz`, integrity: integrityOf(tarball) };
  return {
    name: NAME,
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": { name: NAME, version: "1.0.0", dist } },
  };
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}
