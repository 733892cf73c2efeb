import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { codeOf, WhetstoneError } from "../model/error.ts";

/** How git is started. */
export type GitStart = {
  /** Arguments after `git`. Never built from text that was not checked: paths go after `--`, refs are full names. */
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to the environment, for example `GIT_INDEX_FILE`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Time after which git and what it started are ended, ms; {@link GIT_LIMIT_MS} when absent. */
  readonly limitMs?: number;
};

/** A git that runs. */
export type RunningGit = {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /**
   * Its end: the exit code, −1 for a signal, and what it wrote to standard error. Rejects with WhetstoneError
   * `git_failed` when it could not be started, `not_a_repository` when the folder does not exist, `timeout`.
   */
  readonly ended: Promise<{ readonly code: number; readonly stderr: string }>;
};

/** The longest that one git command may take, ms: ten minutes, for the largest worktrees. */
const GIT_LIMIT_MS = 600_000;

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

const WINDOWS = process.platform === "win32";

/**
 * Starts git: the only place that does. No hook, pager, prompt or signature; messages in English; identity {@link BOT}.
 * It leads a group of its own, so that at the time limit what it started ends with it.
 */
export function startGit(start: GitStart): RunningGit {
  const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  const child = spawn("git", [...settings, ...start.args], {
    cwd: start.cwd,
    env: { ...inherited(), ...FIXED_ENVIRONMENT, ...start.env },
    stdio: "pipe",
    detached: !WINDOWS,
  });
  // git may stop reading early; its exit code and stderr then say why, a broken pipe says less.
  child.stdin.on("error", () => undefined);
  return { stdin: child.stdin, stdout: child.stdout, ended: endOf(child, start) };
}

function endOf(child: ChildProcessWithoutNullStreams, start: GitStart): RunningGit["ended"] {
  return new Promise((resolve, reject) => {
    const limitMs = start.limitMs ?? GIT_LIMIT_MS;
    const stderr: Buffer[] = [];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      endGroup(child);
    }, limitMs);
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", (cause) => {
      clearTimeout(timer);
      reject(notStarted(start, cause));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const said = Buffer.concat(stderr).toString("utf8");
      if (late) reject(tookTooLong(start, limitMs));
      else resolve({ code: code ?? -1, stderr: signal === null ? said : `${said}ended by ${signal}` });
    });
  });
}

function endGroup(child: ChildProcessWithoutNullStreams): void {
  try {
    if (WINDOWS || child.pid === undefined) child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error; // the group is gone already
  }
  // What has left the group may hold the output open for ever.
  child.stdout.destroy();
  child.stderr.destroy();
}

function inherited(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

function notStarted({ cwd, args }: GitStart, cause: Error): WhetstoneError {
  if (!existsSync(cwd)) {
    return new WhetstoneError("not_a_repository", `The folder ${cwd} does not exist.`, {
      remedy: "Run this inside a git repository.",
      cause,
    });
  }
  return new WhetstoneError("git_failed", `git could not be started: ${cause.message}.`, {
    remedy: "Install git 2.30 or newer and make sure that it is on the PATH.",
    cause,
    data: { args },
  });
}

function tookTooLong({ args, cwd }: GitStart, limitMs: number): WhetstoneError {
  return new WhetstoneError("timeout", `git ${args[0] ?? ""} took longer than ${limitMs / 1000} s and was ended.`, {
    remedy: `Run it by hand in ${cwd} to see what it waits for: a slow disk, a filter, or a lock.`,
    data: { args, limitMs },
  });
}
