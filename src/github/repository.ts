import { WhetstoneError } from "../model/error.ts";
import { runGit } from "./git.ts";

/** The root folder of the repository around `cwd`. @throws WhetstoneError `not_a_repository`. */
export async function repositoryRoot(cwd: string): Promise<string> {
  const { code, stdout, stderr } = await runGit({ args: ["rev-parse", "--show-toplevel"], cwd, okCodes: [0, 128] });
  if (code === 0) return stdout.toString("utf8").replace(/\n$/, "");
  throw new WhetstoneError("not_a_repository", `${cwd} is not inside a git repository with files: ${stderr.trim()}`, {
    remedy: "Run this in a clone, or make one: git init && git add . && git commit -m start.",
    data: { cwd },
  });
}

/** `owner/name` of the remote `origin`, by HTTPS or SSH; undefined without such a remote. */
export async function originName(cwd: string): Promise<string | undefined> {
  const { stdout } = await runGit({ args: ["remote", "get-url", "origin"], cwd, okCodes: [0, 2, 128] });
  return /[/:]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?\s*$/.exec(stdout.toString("utf8"))?.[1];
}
