import { WhetstoneError } from "../model/error.ts";
import { type GitStart, startGit } from "./git-process.ts";

export { BOT } from "./git-process.ts";

/** One run of git. */
export type GitRequest = GitStart & {
  /** Written to standard input, which is empty otherwise. */
  readonly input?: string | Uint8Array;
  /** Exit codes that are answers and no failures; `[0]` when absent. */
  readonly okCodes?: readonly number[];
};

/** What git answered. */
export type GitResult = { readonly code: number; readonly stdout: Buffer; readonly stderr: string };

/**
 * Runs git to its end, as {@link startGit} starts it.
 * @throws WhetstoneError `git_failed` with arguments, exit code and stderr as data; `not_a_repository` when the folder
 * does not exist; `timeout`.
 */
export async function runGit(request: GitRequest): Promise<GitResult> {
  const { stdin, stdout, ended } = startGit(request);
  const chunks: Buffer[] = [];
  stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  stdin.end(request.input ?? "");
  const end = await ended;
  if ((request.okCodes ?? [0]).includes(end.code)) return { ...end, stdout: Buffer.concat(chunks) };
  throw gitFailure(request, end);
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

/** The error of a git command that failed: `git_failed`. */
export function gitFailure(
  { args }: Pick<GitStart, "args">,
  { code, stderr }: Pick<GitResult, "code" | "stderr">,
): WhetstoneError {
  const said = stderr.trim();
  const lock = /Unable to create '([^']+\.lock)': File exists/.exec(said)?.[1];
  return new WhetstoneError("git_failed", `git ${args[0] ?? ""} failed (exit code ${code}): ${said}`, {
    remedy:
      lock === undefined
        ? "Read what git says above; the repository is as it was before."
        : `If no other git command is running here, remove ${lock} and try again.`,
    data: { args, code, stderr: said },
  });
}
