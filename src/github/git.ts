import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { WhetstoneError } from "../model/error.ts";

/** One run of git. */
export type GitRequest = {
  /** Arguments after `git`. Never built from text that was not checked: paths go after `--`, refs are full names. */
  readonly args: readonly string[];
  readonly cwd: string;
  /** Written to standard input, which is empty otherwise. */
  readonly input?: string | Uint8Array;
  /** Added to the environment, for example `GIT_INDEX_FILE`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are answers and no failures; `[0]` when absent. */
  readonly okCodes?: readonly number[];
};

/** What git answered. */
export type GitResult = { readonly code: number; readonly stdout: Buffer; readonly stderr: string };

/** Whetstone's own identity, for commits that no person made. */
export const BOT = { name: "whetstone[bot]", email: "bot@whetstone.invalid" } as const;

/**
 * Settings that override those of user and repository. Hooks, file-system monitors and signing would run programs;
 * the others would change what a patch does or a commit says. Filters (large files) stay: they are the user's own choice
 * and a patch may not touch `.gitattributes`.
 */
const SETTINGS = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.pager": "cat",
  "commit.gpgSign": "false",
  "submodule.recurse": "false",
  "apply.whitespace": "nowarn",
  "apply.ignoreWhitespace": "no",
  "diff.noprefix": "false",
  "i18n.commitEncoding": "UTF-8",
  "i18n.logOutputEncoding": "UTF-8",
  // Time in ms that git waits for a ref's lock of another writer before it gives up.
  "core.filesRefLockTimeout": "5000",
  "core.packedRefsTimeout": "5000",
  "core.fsync": "objects,reference",
} as const;

/** Variables of the surroundings that git needs; `GIT_*` of a hook that started us would point to another repository. */
const INHERITED = [
  "PATH",
  "HOME",
  "USERPROFILE",
  "SystemRoot",
  "TMPDIR",
  "TEMP",
  "TMP",
  "XDG_CONFIG_HOME",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_SYSTEM",
  "GIT_CEILING_DIRECTORIES",
];

const FIXED_ENVIRONMENT = {
  LC_ALL: "C",
  GIT_TERMINAL_PROMPT: "0",
  // Without this `git status` would refresh and rewrite the user's index.
  GIT_OPTIONAL_LOCKS: "0",
  GIT_LITERAL_PATHSPECS: "1",
  GIT_AUTHOR_NAME: BOT.name,
  GIT_AUTHOR_EMAIL: BOT.email,
  GIT_COMMITTER_NAME: BOT.name,
  GIT_COMMITTER_EMAIL: BOT.email,
};

/**
 * Runs git: the only place that does. No hook, pager, prompt or signature; messages in English; identity {@link BOT}.
 * @throws WhetstoneError `git_failed` with arguments, exit code and stderr as data; `not_a_repository` when the folder
 * does not exist.
 */
export async function runGit(request: GitRequest): Promise<GitResult> {
  const result = await start(request);
  if ((request.okCodes ?? [0]).includes(result.code)) return result;
  throw failure(request, result);
}

/** {@link runGit} for commands that print text: standard output as UTF-8 without the last line break. */
export async function gitText(request: GitRequest): Promise<string> {
  const { stdout } = await runGit(request);
  return stdout.toString("utf8").replace(/\n$/, "");
}

/** {@link runGit} for commands with `-z`: the records between NUL characters. */
export async function gitRecords(request: GitRequest): Promise<readonly string[]> {
  const { stdout } = await runGit(request);
  return stdout
    .toString("utf8")
    .split("\0")
    .filter((record) => record !== "");
}

function start(request: GitRequest): Promise<GitResult> {
  const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  return new Promise((resolve, reject) => {
    const child = spawn("git", [...settings, ...request.args], {
      cwd: request.cwd,
      env: { ...inherited(), ...FIXED_ENVIRONMENT, ...request.env },
      stdio: "pipe",
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", (cause) => reject(notStarted(request, cause)));
    child.on("close", (code, signal) => {
      const said = Buffer.concat(stderr).toString("utf8");
      const ended = signal === null ? said : `${said}ended by ${signal}`;
      resolve({ code: code ?? -1, stdout: Buffer.concat(stdout), stderr: ended });
    });
    // git may stop reading early; its exit code and stderr then say why, a broken pipe says less.
    child.stdin.on("error", () => undefined);
    child.stdin.end(request.input ?? "");
  });
}

function inherited(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

function notStarted(request: GitRequest, cause: Error): WhetstoneError {
  if (!existsSync(request.cwd)) {
    return new WhetstoneError("not_a_repository", `The folder ${request.cwd} does not exist.`, {
      remedy: "Run this inside a git repository.",
      cause,
    });
  }
  return new WhetstoneError("git_failed", `git could not be started: ${cause.message}.`, {
    remedy: "Install git 2.30 or newer and make sure that it is on the PATH.",
    cause,
    data: { args: request.args },
  });
}

function failure(request: GitRequest, { code, stderr }: GitResult): WhetstoneError {
  const said = stderr.trim();
  const lock = /Unable to create '([^']+\.lock)': File exists/.exec(said)?.[1];
  return new WhetstoneError("git_failed", `git ${request.args[0] ?? ""} failed (exit code ${code}): ${said}`, {
    remedy:
      lock === undefined
        ? "Read what git says above; the repository is as it was before."
        : `If no other git command is running here, remove ${lock} and try again.`,
    data: { args: request.args, code, stderr: said },
  });
}
