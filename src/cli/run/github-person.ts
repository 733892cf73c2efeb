import { z } from "zod";
import type { Secret } from "../../config/env.ts";
import { openGitHubClient } from "../../github/client.ts";
import type { GitHubGraph } from "../../github/graphql.ts";
import { callGitHub } from "../../github/rest-api.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Actor } from "../../model/ledger.ts";
import type { Io } from "../io.ts";

/** A repository on GitHub, and the account that the token of the environment belongs to. */
export type GitHubPerson = {
  readonly owner: string;
  readonly repo: string;
  readonly token: Secret;
  readonly apiUrl: string | undefined;
  readonly client: GitHubGraph;
  readonly login: string;
  /** A person, unless the account is a bot's or this is continuous integration. */
  readonly actor: Actor;
};

/**
 * Asks GitHub whose token the environment holds. `named` is `OWNER/REPO`.
 * @throws WhetstoneError `usage` without a token or for what names no repository; `api_failed`
 */
export async function githubPerson(named: string, verb: "stopped" | "resumed", io: Io): Promise<GitHubPerson> {
  const { token, apiUrl } = io.env.github ?? {};
  const [, owner, repo] = /^([\w.-]+)\/([\w.-]+)$/.exec(named) ?? [];
  if (token === undefined || owner === undefined || repo === undefined) {
    throw new WhetstoneError("usage", `"${named}" cannot be ${verb}: a token and OWNER/REPO are needed.`, {
      remedy: "Set GITHUB_TOKEN, for example to what `gh auth token` prints, and name the repository as OWNER/REPO.",
    });
  }
  const client = openGitHubClient({ token, ...(apiUrl === undefined ? {} : { baseUrl: apiUrl }) });
  const answer = z.object({ login: z.string(), type: z.string() });
  const { login, type } = await callGitHub(client, { route: "GET /user", parameters: {}, answer });
  const actor = { type: type === "User" && !io.env.ci ? "person" : "bot", id: login } as const;
  return { owner, repo, token, apiUrl, client, login, actor };
}
