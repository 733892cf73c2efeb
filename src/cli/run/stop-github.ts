import { stopOnGitHub } from "../../loop/on-github.ts";
import { EXIT } from "../../model/codes.ts";
import { stoppedText } from "../../protect/stop/tell.ts";
import { type Io, printJson } from "../io.ts";
import { rootWithoutGit } from "../protection.ts";
import { githubPerson } from "./github-person.ts";

/** What is stopped where: `OWNER/REPO`, and the reason. */
export type StopOnGitHub = { readonly named: string; readonly why: string | null; readonly json?: boolean };

/**
 * `whetstone stop --github`: stops a repository on GitHub with its workflows and runs; needs no clone. The act is put down to
 * the account that the token belongs to. 0 when all of it succeeded, 1 when a part failed: run it again.
 * @throws WhetstoneError `usage` without a token or for what names no repository; `api_failed`
 */
export async function stopGitHub({ named, why, json }: StopOnGitHub, io: Io): Promise<number> {
  const { owner, repo, token, apiUrl, login, actor } = await githubPerson(named, "stopped", io);
  const github = { owner, repo, token, baseUrl: apiUrl, self: login };
  const done = await stopOnGitHub({ github, root: rootWithoutGit(io.cwd), actor }, { why, ownRun: undefined });
  const complete = done.flagged && done.failures.length === 0;
  if (json === true) printJson(io, { stopped: done.flagged, complete, ...done });
  else io.out(`${stoppedText(done)}\n`);
  return complete ? EXIT.pass : EXIT.fail;
}
