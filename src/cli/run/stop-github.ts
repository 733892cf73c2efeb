import { z } from "zod";
import { openGitHubClient } from "../../github/client.ts";
import { callGitHub } from "../../github/rest-api.ts";
import { stopOnGitHub } from "../../loop/on-github.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { stoppedText } from "../../protect/stop/tell.ts";
import { type Io, printJson } from "../io.ts";
import { rootWithoutGit } from "../protection.ts";

/** What is stopped where: `OWNER/REPO`, and the reason. */
export type StopOnGitHub = { readonly named: string; readonly why: string | null; readonly json?: boolean };

/**
 * `whetstone stop --github`: stops a repository on GitHub with its workflows and runs; needs no clone. The act is put down to
 * the account that the token belongs to. 0 when all of it succeeded, 1 when a part failed: run it again.
 * @throws WhetstoneError `usage` without a token or for what names no repository; `api_failed`
 */
export async function stopGitHub({ named, why, json }: StopOnGitHub, io: Io): Promise<number> {
  const { token, apiUrl } = io.env.github ?? {};
  const [, owner, repo] = /^([\w.-]+)\/([\w.-]+)$/.exec(named) ?? [];
  if (token === undefined || owner === undefined || repo === undefined) {
    throw new WhetstoneError("usage", `"${named}" cannot be stopped: a token and OWNER/REPO are needed.`, {
      remedy: "Set GITHUB_TOKEN, for example to what `gh auth token` prints, and name the repository as OWNER/REPO.",
    });
  }
  const client = openGitHubClient({ token, ...(apiUrl === undefined ? {} : { baseUrl: apiUrl }) });
  const answer = z.object({ login: z.string(), type: z.string() });
  const { login, type } = await callGitHub(client, { route: "GET /user", parameters: {}, answer });
  const actor = { type: type === "User" && !io.env.ci ? "person" : "bot", id: login } as const;
  const github = { owner, repo, token, baseUrl: apiUrl, self: login };
  const done = await stopOnGitHub({ github, root: rootWithoutGit(io.cwd), actor }, { why, ownRun: undefined });
  const complete = done.flagged && done.failures.length === 0;
  if (json === true) printJson(io, { stopped: done.flagged, complete, ...done });
  else io.out(`${stoppedText(done)}\n`);
  return complete ? EXIT.pass : EXIT.fail;
}
