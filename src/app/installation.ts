import { z } from "zod";
import { findOnGitHub, type GitHubClient } from "../github/rest-api.ts";
import { listOnGitHub } from "../github/rest-list.ts";
import { InstallationDelivery } from "./delivery.ts";
import { placeName } from "./place.ts";

/** What changed with an installation: repositories that came and went, as `owner/repo`; `owner` for all of an account. */
export type InstallationChange = {
  readonly installation: number;
  readonly account: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** `installation.deleted`, for the log. */
  readonly name: string;
};

/** Events that change what the App may reach. Being suspended takes nothing away: it ends again. */
export const INSTALLATION_EVENTS = [
  "installation.created",
  "installation.deleted",
  "installation.suspend",
  "installation.unsuspend",
  "installation.new_permissions_accepted",
  "installation_repositories.added",
  "installation_repositories.removed",
] as const;

/** Reads the change out of an event; undefined for every other one. @throws ZodError for a payload of another form */
export function installationChange(name: string, payload: unknown): InstallationChange | undefined {
  if (!(INSTALLATION_EVENTS as readonly string[]).includes(name)) return undefined;
  const { installation, repositories, repositories_added, repositories_removed } = InstallationDelivery.parse(payload);
  const isDeleted = name === "installation.deleted";
  const isCreated = name === "installation.created";
  return {
    installation: installation.id,
    account: installation.account?.login ?? "",
    added: namesOf(isCreated ? repositories : repositories_added),
    // An account has one installation: with it goes everything of the account, whatever the list says.
    removed: isDeleted ? accountOf(installation) : namesOf(repositories_removed),
    name,
  };
}

const Installation = z.object({ account: z.object({ login: z.string() }).nullish() });

/**
 * Whether the App is installed in `owner/repo`, or anywhere in `owner`, as GitHub says now: a delivery only says where to look, and
 * an old one that is sent again must not delete what has come since. `client` is that of the App itself.
 * @throws WhetstoneError `api_failed`
 */
export async function isInstalled(client: GitHubClient, place: string): Promise<boolean> {
  const [owner = "", repo] = place.split("/");
  if (repo !== undefined) {
    const route = "GET /repos/{owner}/{repo}/installation";
    return (await findOnGitHub(client, { route, parameters: { owner, repo }, answer: Installation })) !== undefined;
  }
  const all = await listOnGitHub(client, { route: "GET /app/installations", parameters: {}, answer: Installation });
  return all.some(({ account }) => account?.login.toLowerCase() === owner);
}

function accountOf({ account }: InstallationDelivery["installation"]): readonly string[] {
  return account ? [account.login.toLowerCase()] : [];
}

function namesOf(repositories: InstallationDelivery["repositories"]): readonly string[] {
  return (repositories ?? []).map(({ full_name }) => {
    const [owner = "", repo = ""] = full_name.split("/");
    return placeName({ owner, repo });
  });
}
