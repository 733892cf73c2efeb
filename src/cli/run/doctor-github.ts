import { openGitHubClient } from "../../github/client.ts";
import { originName } from "../../github/repository.ts";
import { readSetup } from "../../github/rest/setup.ts";
import { STATE_BRANCH } from "../../github/state-port.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Io } from "../io.ts";
import { type Diagnosis, judgeSetup } from "../setup-checks.ts";
import { templateNames } from "../workflow-template.ts";

/**
 * Looks at the repository's settings on GitHub. `named`: `OWNER/REPO`, or true for `GITHUB_REPOSITORY`, else the remote
 * `origin`.
 * @throws WhetstoneError `usage` without a token or a repository
 */
export async function checkGitHub(named: string | true, io: Io): Promise<Diagnosis[]> {
  const { token, apiUrl } = io.env.github ?? {};
  if (token === undefined) {
    throw new WhetstoneError("usage", "Settings on GitHub can be seen with a token only.", {
      remedy: "Set GITHUB_TOKEN, for example to what `gh auth token` prints.",
    });
  }
  const repository = named === true ? (io.env.github?.repository ?? (await originName(io.cwd))) : named;
  const [, owner, repo] = /^([\w.-]+)\/([\w.-]+)$/.exec(repository ?? "") ?? [];
  if (owner === undefined || repo === undefined) {
    throw new WhetstoneError("usage", `${JSON.stringify(repository ?? "")} is no repository on GitHub.`, {
      remedy: "Name it: whetstone doctor --github OWNER/REPO.",
    });
  }
  const client = openGitHubClient({ token, ...(apiUrl === undefined ? {} : { baseUrl: apiUrl }) });
  const setup = await readSetup({ owner, repo, client });
  const branch = setup.repository.seen ? setup.repository.value.defaultBranch : "main";
  const rules = { ofDefault: await setup.rules(branch), ofState: await setup.rules(STATE_BRANCH) };
  // `https://HOST/api/v3` is the API of a server of one's own.
  const server = apiUrl?.endsWith("/api/v3") === true ? new URL(apiUrl).origin : "https://github.com";
  const wanted = { page: `${server}/${owner}/${repo}`, templates: await templateNames(), stateBranch: STATE_BRANCH };
  return judgeSetup({ ...setup, rules }, wanted);
}
