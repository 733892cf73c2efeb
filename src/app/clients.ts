import { z } from "zod";
import { openGitHubClient } from "../github/client.ts";
import type { GitHubGraph } from "../github/graphql.ts";
import { apiStatus, callGitHub, findOnGitHub, type GitHubClient } from "../github/rest-api.ts";
import type { Place } from "./place.ts";
import type { AppIdentity } from "./repository.ts";

/** What clients are made of. */
export type ClientParts = {
  readonly appId: number;
  /** A JSON web token that proves to be the App, for the next minutes. */
  readonly appToken: () => Promise<string>;
  /** Address of the REST API. */
  readonly baseUrl: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told when a request waits or is repeated, one line. */
  readonly note: (line: string) => void;
  /** Told of every request that was answered or failed: its status, 0 for none. */
  readonly onCall: (status: number) => void;
  /** As in `openGitHubClient`; for tests. */
  readonly pace?: { readonly paced: boolean; readonly secondMs: number };
};

/** Writes of a lane are a second apart; those of another one do not wait for them. */
export type Lane = "ordinary" | "urgent";

/** GitHub as the App reaches it; every client refuses what Whetstone never does. */
export type AppClients = {
  /** The App's account, asked for once. @throws WhetstoneError `api_failed` */
  readonly identity: () => Promise<AppIdentity>;
  /** As the App itself, for its own endpoints. */
  readonly app: () => Promise<GitHubClient>;
  /**
   * With a token that reaches this one repository; undefined when the App is not installed there. What is urgent does not
   * wait with its writes behind others of the installation, which GitHub wants a second apart: a stop behind a flood.
   * @throws WhetstoneError `api_failed`
   */
  readonly repository: (place: Place, lane?: Lane) => Promise<GitHubGraph | undefined>;
  /** The repository under the name that GitHub last gave it, as far as it was reached: it may have been renamed. */
  readonly placeNow: (place: Place) => Promise<Place>;
  /** Whether an installation is suspended: it exists, and lets nothing be reached. @throws WhetstoneError `api_failed` */
  readonly isSuspended: (installation: number) => Promise<boolean>;
  /**
   * With a token that reads settings and files of all repositories of an installation, and writes nothing; undefined when
   * there is no such installation (any more).
   * @throws WhetstoneError `api_failed`, also where the installation has not granted this
   */
  readonly reader: (installation: number) => Promise<GitHubGraph | undefined>;
};

/** Clients that are kept, each with what it knows of rate limits and unchanged answers. */
const KEPT = 100;
/** What a reader may: the files of the state branch, and the variable that stops everything. */
const READS = { metadata: "read", contents: "read", actions_variables: "read" } as const;
/** A token is not used any more for so long before it expires, ms: work that begins with it goes on for a while. */
const SPARE_MS = 10 * 60_000;

type Names = Pick<Place, "owner" | "repo">;
type Kept = { readonly client: GitHubGraph; readonly expiresAt: number; readonly names?: Names | undefined };

/** Opens {@link AppClients}; asks GitHub for nothing yet. */
export function createClients(parts: ClientParts): AppClients {
  const kept = new Map<string, Promise<Kept | undefined>>();
  let identity: Promise<AppIdentity> | undefined;
  const app = async (): Promise<GitHubClient> => counted(parts, await parts.appToken(), "app");
  const renewed = (name: string, scope: Scope): Promise<Kept | undefined> => {
    const forget = (): void => void kept.delete(name);
    const fresh = app().then((client) => openScope(parts, { client, scope, forget }));
    kept.delete(name);
    kept.set(name, fresh);
    const [oldest] = kept.keys();
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    return fresh;
  };
  const reached = async (name: string, scope: Scope): Promise<GitHubGraph | undefined> => {
    try {
      const known = await kept.get(name);
      const usable = known !== undefined && known.expiresAt - SPARE_MS > parts.now();
      const current = usable ? known : await renewed(name, scope);
      if (current === undefined) kept.delete(name);
      return current?.client;
    } catch (error) {
      kept.delete(name);
      throw error;
    }
  };
  return {
    app,
    identity: async () => {
      identity ??= app().then((client) => identityOf(parts.appId, client));
      try {
        return await identity;
      } catch (error) {
        identity = undefined;
        throw error;
      }
    },
    repository: ({ installation, id }, lane = "ordinary") => {
      const name = lane === "ordinary" ? nameOf(id) : `${nameOf(id)} ${lane}`;
      return reached(name, { installation, lane, narrow: { repository_ids: [id] } });
    },
    placeNow: async (place) => ({ ...place, ...(await kept.get(nameOf(place.id)))?.names }),
    isSuspended: async (installation) => {
      const parameters = { installation_id: installation };
      const route = "GET /app/installations/{installation_id}";
      const found = await findOnGitHub(await app(), { route, parameters, answer: Installation });
      return typeof found?.suspended_at === "string";
    },
    reader: (installation) =>
      reached(`reader ${installation}`, { installation, lane: "ordinary", narrow: { permissions: READS } }),
  };
}

const nameOf = (id: Place["id"]): string => `repository ${id}`;

const Installation = z.object({ suspended_at: z.string().nullish() });

const App = z.object({ slug: z.string().min(1) });

async function identityOf(appId: number, client: GitHubClient): Promise<AppIdentity> {
  const { slug } = await callGitHub(client, { route: "GET /app", parameters: {}, answer: App });
  return { appId, login: `${slug}[bot]` };
}

const Token = z.object({
  token: z.string().min(1),
  expires_at: z.iso.datetime({ offset: true }),
  /** Of a token that is narrowed to repositories. Its form is nothing that a token should fail for. */
  repositories: z.unknown().optional(),
});
const Named = z.tuple([z.object({ name: z.string().min(1), owner: z.object({ login: z.string().min(1) }) })]);

function namesIn({ repositories }: z.infer<typeof Token>): Names | undefined {
  const [only] = Named.safeParse(repositories).data ?? [];
  return only && { owner: only.owner.login, repo: only.name };
}

/** What a token is for: an installation, narrowed as GitHub's route takes it. */
type Scope = {
  readonly installation: number;
  readonly lane: Lane;
  readonly narrow: Readonly<Record<string, unknown>>;
};
type Asked = { readonly client: GitHubClient; readonly scope: Scope; readonly forget: () => void };

/** 404: no such installation; 422: it does not hold the repository, or has not granted the permission. */
async function openScope(parts: ClientParts, { client, scope, forget }: Asked): Promise<Kept | undefined> {
  const { installation, lane, narrow } = scope;
  const route = "POST /app/installations/{installation_id}/access_tokens";
  const parameters = { installation_id: installation, ...narrow };
  try {
    const made = await findOnGitHub(client, { route, parameters, answer: Token });
    if (made === undefined) return undefined;
    const expiresAt = Date.parse(made.expires_at);
    const reaching = renewing(counted(parts, made.token, `installation ${installation} ${lane}`), forget);
    return { client: reaching, expiresAt, names: namesIn(made) };
  } catch (error) {
    if ("repository_ids" in narrow && apiStatus(error) === 422) return undefined;
    throw error;
  }
}

/** A token that GitHub does not take any more is not used for the next attempt. */
function renewing(client: GitHubGraph, forget: () => void): GitHubGraph {
  return watched(client, (status) => {
    if (status === 401) forget();
  });
}

/** GitHub's limits are those of an installation, so its repositories share the pauses. */
function counted({ baseUrl, note, onCall, pace }: ClientParts, token: string, limitsOf: string): GitHubGraph {
  return watched(openGitHubClient({ token: { reveal: () => token }, baseUrl, note, limitsOf, ...pace }), onCall);
}

/** Tells the status of every answer. */
function watched(client: GitHubGraph, onStatus: (status: number) => void): GitHubGraph {
  const told = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      const value = await answer;
      onStatus(200);
      return value;
    } catch (error) {
      const status: unknown = Reflect.get(Object(error), "status");
      onStatus(typeof status === "number" ? status : 0);
      throw error;
    }
  };
  return {
    request: (route, parameters) => told(client.request(route, parameters)),
    graphql: (query, variables) => told(client.graphql(query, variables)),
  };
}
