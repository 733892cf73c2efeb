import type { z } from "zod";
import { messageOf, WhetstoneError } from "../model/error.ts";

/** What is used of an Octokit: its `request` function, with the retries and limits that its owner gave it. */
export type GitHubClient = {
  readonly request: (
    route: string,
    parameters?: Record<string, unknown>,
  ) => Promise<{ readonly data: unknown; readonly headers?: object }>;
};

/** One request, and the part of its answer that is used. */
export type GitHubCall<Schema extends z.ZodType> = {
  /** `METHOD /path/{parameter}` as in GitHub's REST documentation. */
  readonly route: string;
  readonly parameters: Record<string, unknown>;
  readonly answer: Schema;
};

/** Facts that an `api_failed` error carries in its `data`. */
export type ApiFailure = {
  readonly route: string;
  /** HTTP status; absent when no whole answer arrived. */
  readonly status?: number;
  /** What GitHub says, without the address of its documentation. */
  readonly said?: string;
  /** Seconds to wait before the next request, where GitHub says so. */
  readonly retryAfterSeconds?: number;
  /** RFC 3339 instant at which the request quota is full again, where GitHub says so. */
  readonly quotaResetsAt?: string;
};

/**
 * Sends one request and checks the answer's form.
 * @throws WhetstoneError `api_failed` with {@link ApiFailure} as data: refused, rate limit (403 or 429), failed on
 * GitHub's side, cut off, or answered in another form.
 */
export async function callGitHub<Schema extends z.ZodType>(
  client: GitHubClient,
  { route, parameters, answer }: GitHubCall<Schema>,
): Promise<z.output<Schema>> {
  const data = await client.request(route, parameters).then(
    (response) => response.data,
    (error: unknown) => {
      throw apiFailure(route, error);
    },
  );
  return checkedAnswer({ route, answer }, data);
}

/** The part of an answer that is used. @throws WhetstoneError `api_failed` when it has another form. */
export function checkedAnswer<Schema extends z.ZodType>(
  { route, answer }: Pick<GitHubCall<Schema>, "route" | "answer">,
  data: unknown,
): z.output<Schema> {
  const parsed = answer.safeParse(data);
  if (parsed.success) return parsed.data;
  const facts: ApiFailure = { route };
  throw new WhetstoneError("api_failed", `${route}: the answer is cut off or of another form than documented.`, {
    remedy: "Run it again; when it stays, the server is not GitHub or of a version that is not supported.",
    cause: parsed.error,
    data: facts,
  });
}

/** {@link callGitHub} for things that may be absent: undefined for 404. */
export async function findOnGitHub<Schema extends z.ZodType>(
  client: GitHubClient,
  call: GitHubCall<Schema>,
): Promise<z.output<Schema> | undefined> {
  try {
    return await callGitHub(client, call);
  } catch (error) {
    if (apiStatus(error) === 404) return undefined;
    throw error;
  }
}

/** HTTP status of an `api_failed` error; undefined for every other error and when no answer arrived. */
export function apiStatus(error: unknown): number | undefined {
  const status = error instanceof WhetstoneError && error.code === "api_failed" ? error.data["status"] : undefined;
  return typeof status === "number" ? status : undefined;
}

/** What a client threw as `api_failed` with its facts. */
export function apiFailure(route: string, error: unknown): WhetstoneError {
  const facts = factsOf(route, error);
  const { status, said } = facts;
  const what =
    status === undefined ? `no answer from GitHub (${messageOf(error)})` : `GitHub answered ${status} (${said ?? ""})`;
  return new WhetstoneError("api_failed", `${route}: ${what}.`, {
    remedy: remedyFor(facts),
    cause: error,
    data: facts,
  });
}

/** Octokit gives connection errors the status 500 too; only errors with a `response` were answered. */
function factsOf(route: string, error: unknown): ApiFailure {
  const response = member(error, "response");
  const status = member(error, "status");
  if (response === undefined || typeof status !== "number") return { route };
  const headers = member(response, "headers");
  const retryAfter = numeric(member(headers, "retry-after"));
  const exhausted = member(headers, "x-ratelimit-remaining") === "0";
  const reset = exhausted ? numeric(member(headers, "x-ratelimit-reset")) : undefined;
  return {
    route,
    status,
    said: messageOf(error).replace(/ - https:\/\/\S+$/, ""),
    ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }),
    ...(reset === undefined ? {} : { quotaResetsAt: new Date(reset * 1000).toISOString() }),
  };
}

function remedyFor({ status, retryAfterSeconds, quotaResetsAt }: ApiFailure): string {
  if (status === 403 || status === 429) {
    if (retryAfterSeconds !== undefined) return `GitHub's rate limit: run it again in ${retryAfterSeconds} s.`;
    if (quotaResetsAt !== undefined) return `GitHub's rate limit: run it again after ${quotaResetsAt}.`;
  }
  if (status === 429) return "GitHub's rate limit: run it again in a few minutes.";
  if (status === undefined) return "Check the network and the address of the API, then run it again.";
  if (status >= 500) return "The fault is on GitHub's side; run it again, and see www.githubstatus.com when it stays.";
  if (status === 401) return "The token or the App's private key is not valid (any more); set a new one.";
  if (status === 403)
    return "The token lacks a permission, or a rule of the repository forbids it; see what GitHub says.";
  if (status === 404) return "Check owner and name of the repository, and that the token or the App may read it.";
  return "See what GitHub says.";
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** A header that holds whole seconds. */
function numeric(header: unknown): number | undefined {
  return typeof header === "string" && /^\d{1,10}$/.test(header) ? Number(header) : undefined;
}
