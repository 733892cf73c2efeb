import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, messageOf, WhetstoneError } from "../../model/error.ts";
import { runTool, type ToolEnd } from "./run-tool.ts";

/** One exact npm package and the folder it is kept in. */
export type PackageRequest = {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity that the tarball must have: `sha512-` and base64. */
  readonly integrity: string;
  /** Holds one folder per package and version; made when missing. */
  readonly cache: string;
  /** For npm: its own settings say which registry and proxy are asked. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For download and for unpacking, each. */
  readonly timeoutMs: number;
  /** Ask npm's own cache only. */
  readonly offline?: boolean;
  /** Told before a download begins. */
  readonly onFetch?: ((request: PackageRequest) => void) | undefined;
};

/** No download and unpacking together take as long. */
const STALE_MS = 60 * 60 * 1_000;

/** Where a package is kept once it is fetched. */
export function packageFolder({ cache, name, version }: Pick<PackageRequest, "cache" | "name" | "version">): string {
  return join(cache, `${flat(name)}-${version}`);
}

/**
 * Fetches a package through npm into the cache, without running any script of it, and returns its folder. The tarball
 * is compared with the pinned integrity before anything of it is unpacked. The folder appears whole or not at all, so
 * several processes may fetch at once; one that is there already is taken as it is.
 * @throws WhetstoneError `package_refused` (another integrity, npm or tar missing or failing on it) · `api_failed` (npm
 * could not fetch it; data.stderr) · `timeout` · `write_failed`
 */
export async function fetchPackage(request: PackageRequest): Promise<string> {
  const folder = packageFolder(request);
  if (await isThere(folder)) return folder;
  request.onFetch?.(request);
  const draft = join(request.cache, `.${flat(request.name)}-${randomUUID()}`);
  await makeDraft(draft);
  await sweepDrafts(request, draft);
  try {
    await refuseOther(request, await download(request, draft));
    await unpack(request, draft);
    await moveInto(join(draft, "package"), folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}

/** A manifest of its own keeps npm from reading the settings of a project that the cache may lie in. */
async function makeDraft(draft: string): Promise<void> {
  try {
    await mkdir(draft, { recursive: true });
    await writeFile(join(draft, "package.json"), "{}\n");
  } catch (cause) {
    throw new WhetstoneError("write_failed", `${draft} could not be made: ${messageOf(cause)}.`, {
      remedy: "Set WHETSTONE_CACHE to a folder that may be written to and has 600 MB of space.",
      cause,
    });
  }
}

/** Removes what a killed process left, 500 MB at worst. Our own draft tells the time by the file system's clock. */
async function sweepDrafts({ cache, name }: PackageRequest, own: string): Promise<void> {
  const { mtimeMs: now } = await stat(own);
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith(`.${flat(name)}-`)) continue;
    const path = join(cache, entry);
    const found = await stat(path).catch(() => undefined); // whoever it belongs to may just have finished
    if (found !== undefined && found.mtimeMs < now - STALE_MS) await rm(path, { recursive: true, force: true });
  }
}

async function download(request: PackageRequest, draft: string): Promise<string> {
  const { name, version, env, timeoutMs, offline } = request;
  const retries = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
  const flags = ["--ignore-scripts", "--loglevel=error", ...retries];
  const args = ["pack", `${name}@${version}`, "--pack-destination", ".", ...flags];
  const program = process.platform === "win32" ? "npm.cmd" : "npm";
  const limits = { cwd: draft, env, timeoutMs };
  const ended = await runTool({ program, args: offline === true ? [...args, "--offline"] : args, ...limits });
  const [tarball] = (await readdir(draft)).filter((file) => file.endsWith(".tgz"));
  if (ended.code !== 0 || tarball === undefined) throw notFetched(request, ended);
  return join(draft, tarball);
}

function notFetched({ name, version }: PackageRequest, { code, stderr }: ToolEnd): WhetstoneError {
  const said = stderr.trim() === "" ? `npm ended with code ${code}` : stderr.trim();
  return new WhetstoneError("api_failed", `npm could not fetch ${name}@${version}:\n${said}`, {
    remedy: "Check the connection and npm's registry setting (npm config get registry), then try again.",
    data: { package: name, version, stderr },
  });
}

async function refuseOther({ name, version, integrity }: PackageRequest, tarball: string): Promise<void> {
  const hash = createHash("sha512");
  for await (const chunk of createReadStream(tarball)) hash.update(chunk as Buffer);
  const found = `sha512-${hash.digest("base64")}`;
  if (found === integrity) return;
  throw new WhetstoneError("package_refused", `${name}@${version} is not what was pinned: its integrity is ${found}.`, {
    remedy: "Do not use this registry or cache before you know why; the pinned integrity is in data.",
    data: { package: name, version, integrity, found },
  });
}

async function unpack({ name, version, env, timeoutMs }: PackageRequest, draft: string): Promise<void> {
  const [tarball = ""] = (await readdir(draft)).filter((file) => file.endsWith(".tgz"));
  const args = ["-xzf", tarball, "--no-same-owner"];
  const { code, stderr } = await runTool({ program: "tar", args, cwd: draft, env, timeoutMs });
  if (code === 0) return;
  throw new WhetstoneError("package_refused", `tar could not unpack ${name}@${version}: ${stderr.trim()}`, {
    remedy: "Check that the cache folder has space left (600 MB).",
    data: { package: name, version },
  });
}

/** Whoever comes second finds an equal package there and leaves it. */
async function moveInto(unpacked: string, folder: string): Promise<void> {
  try {
    await rename(unpacked, folder);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOTEMPTY" || code === "EEXIST" || (code === "EPERM" && (await isThere(folder)))) return;
    throw new WhetstoneError("write_failed", `${folder} could not be written: ${messageOf(cause)}.`, { cause });
  }
}

/** What cannot be looked at counts as missing: the attempt to write there then says why. */
async function isThere(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

function flat(name: string): string {
  return name.replace(/^@/, "").replaceAll("/", "-");
}
