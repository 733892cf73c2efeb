import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { WhetstoneError } from "../../model/error.ts";
import { fetchPackage } from "./fetch-package.ts";
import { type ClaudePackage, claudePackage, CLAUDE_VERSION, hostPlatform, type HostPlatform } from "./release.ts";
import { runTool } from "./run-tool.ts";

/** A Claude Code program that answers: absolute path, version, and whether it is the pinned one or the user's own. */
export type ClaudeCli = { readonly path: string; readonly version: string; readonly source: "pinned" | "named" };

/** What a program is looked for with. */
export type ClaudeCliOptions = {
  /** `WHETSTONE_CLAUDE`: path of a program to use instead; `WHETSTONE_CACHE`: where programs are kept;
   * `WHETSTONE_OFFLINE=1`: nothing is downloaded; the rest is npm's. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What a relative `WHETSTONE_CLAUDE` starts from. */
  readonly cwd: string;
  readonly host?: HostPlatform;
  /** Longest download, ms; default 180,000. */
  readonly timeoutMs?: number;
  /** Told before a download begins, which may take a while (170 MB). */
  readonly onFetch?: (what: { readonly name: string; readonly version: string; readonly cache: string }) => void;
};

const FETCH_TIMEOUT_MS = 180_000;
const ANSWER_TIMEOUT_MS = 30_000;

/**
 * The Claude Code program to run sessions with: the one that the user names, else the pinned release, fetched through npm
 * on first use and kept. It has answered `--version` when this returns.
 * @throws WhetstoneError `package_refused` (no release for this platform, another integrity, it does not run) ·
 * `api_failed` (not to be fetched) · `timeout` · `write_failed`
 */
export async function locateClaude(options: ClaudeCliOptions): Promise<ClaudeCli> {
  const { env, cwd } = options;
  const named = env["WHETSTONE_CLAUDE"];
  if (named !== undefined && named !== "") {
    const path = resolve(cwd, named);
    return { path, version: await versionOf(path, options), source: "named" };
  }
  const release = claudePackage(options.host ?? hostPlatform());
  if (release === undefined) throw noRelease(options.host ?? hostPlatform());
  const path = join(await fetched(release, options), release.program);
  const version = await versionOf(path, options);
  if (version === release.version) return { path, version, source: "pinned" };
  throw refused(path, `it calls itself ${version}, not ${release.version}`);
}

/** Where fetched programs are kept: `WHETSTONE_CACHE`, or `whetstone` in the user's own cache folder. */
export function cacheFolder(env: ClaudeCliOptions["env"], platform: string = process.platform): string {
  const { WHETSTONE_CACHE: named, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = env;
  if (named !== undefined && named !== "") return resolve(named);
  const home = env["HOME"] ?? homedir();
  if (platform === "win32") return join(local ?? join(home, "AppData", "Local"), "whetstone", "Cache");
  if (platform === "darwin") return join(home, "Library", "Caches", "whetstone");
  return join(xdg === undefined || xdg === "" ? join(home, ".cache") : xdg, "whetstone");
}

async function fetched(release: ClaudePackage, options: ClaudeCliOptions): Promise<string> {
  const { env, timeoutMs = FETCH_TIMEOUT_MS } = options;
  const { name, version, integrity } = release;
  const offline = env["WHETSTONE_OFFLINE"] === "1";
  return fetchPackage({
    name,
    version,
    integrity,
    env,
    timeoutMs,
    offline,
    cache: cacheFolder(env),
    onFetch: options.onFetch,
  });
}

async function versionOf(path: string, { cwd, env }: ClaudeCliOptions): Promise<string> {
  const few = { PATH: env["PATH"], HOME: env["HOME"], SystemRoot: env["SystemRoot"] };
  const run = { program: path, args: ["--version"], cwd, env: few, timeoutMs: ANSWER_TIMEOUT_MS };
  const { code, stdout, stderr } = await runTool(run);
  const version = /^(\d+\.\d+\.\d+\S*) \(Claude Code\)/.exec(stdout)?.[1];
  if (code === 0 && version !== undefined) return version;
  throw refused(path, `--version ended with code ${code}. ${stderr.trim()}`.trim());
}

function refused(path: string, why: string): WhetstoneError {
  return new WhetstoneError("package_refused", `${path} is not a Claude Code to run sessions with: ${why}.`, {
    remedy: `Let WHETSTONE_CLAUDE name a working program of release ${CLAUDE_VERSION}, or remove the damaged copy.`,
    data: { path },
  });
}

function noRelease({ platform, arch }: HostPlatform): WhetstoneError {
  return new WhetstoneError("package_refused", `There is no Claude Code ${CLAUDE_VERSION} for ${platform} ${arch}.`, {
    remedy: "Let WHETSTONE_CLAUDE name a program that runs here.",
  });
}
