import { Octokit } from "@octokit/core";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import type { Secret } from "../config/env.ts";
import { conditionalRequests } from "./conditional.ts";
import { assertNotForbidden } from "./forbidden.ts";
import type { GitHubGraph } from "./graphql.ts";

/** How GitHub is reached. */
export type ClientOptions = {
  /** Absent: without a token, for what is public. */
  readonly token?: Secret;
  /** Address of the REST API; `https://HOST/api/v3` for GitHub Enterprise Server. */
  readonly baseUrl?: string;
  /** Told when a request waits or is repeated, one line. */
  readonly note?: (line: string) => void;
  /** Clients with the same name here share their pauses: those whose token GitHub counts as one. */
  readonly limitsOf?: string;
  /** False leaves out the pause of one second and more between writes, which GitHub asks of its clients. */
  readonly paced?: boolean;
  /** Milliseconds that one second of waiting takes. */
  readonly secondMs?: number;
  /** Longest answer time of one request in ms. */
  readonly timeoutMs?: number;
};

/** A connection that hangs would hold a job until its own limit. */
const TIMEOUT_MS = 60_000;
/** Seconds that are waited for a rate limit; beyond them a person decides. */
const LONGEST_WAIT_SECONDS = 120;
/** How often a request that met a rate limit is sent again: it was not carried out. */
const LIMIT_RETRIES = 2;
/** How often a request that changes nothing is sent again after a failure on GitHub's side or of the network. */
const FAILURE_RETRIES = 3;

const GitHub = Octokit.plugin(throttling, retry);

/**
 * A client of GitHub's REST and GraphQL APIs: waits for rate limits that end soon, asks again for what could not be
 * read, and asks conditionally for what it knows. Writes are never sent twice after a failure: they may have been carried
 * out, which only their caller can look up. On `@octokit/core`: the methods of `@octokit/rest` would double the size.
 */
export function openGitHubClient(options: ClientOptions = {}): GitHubGraph {
  const { token, baseUrl = "https://api.github.com", note = () => undefined, secondMs = 1000 } = options;
  const limits = {
    onRateLimit: waitFor("rate limit", note),
    onSecondaryRateLimit: waitFor("secondary rate limit", note),
    retryAfterBaseValue: secondMs,
    ...(options.limitsOf === undefined ? {} : { id: options.limitsOf }),
  };
  const octokit = new GitHub({
    baseUrl,
    ...(token === undefined ? {} : { auth: token.reveal() }),
    userAgent: "whetstone",
    log: { debug: () => undefined, info: () => undefined, warn: note, error: note },
    request: { fetch: fetchWithin(options.timeoutMs ?? TIMEOUT_MS) },
    throttle: options.paced === false ? { ...limits, enabled: false } : limits,
    retry: { retryAfterBaseValue: secondMs, retries: FAILURE_RETRIES },
  });
  octokit.hook.wrap("request", conditionalRequests());
  return {
    request: async (route, parameters = {}) => {
      assertNotForbidden({ route });
      // A number of retries in a request would count for refusals too, so only writes state theirs.
      const once = /^(?:GET|HEAD) /.test(route) ? {} : { request: { retries: 0 } };
      return await octokit.request(route, { ...parameters, ...once });
    },
    graphql: async (query, variables) => {
      assertNotForbidden({ query });
      return await octokit.graphql(query, { ...variables, request: { retries: 0 } });
    },
  };
}

type Limited = { readonly method: string; readonly url: string };

function waitFor(what: string, note: (line: string) => void) {
  return (seconds: number, { method, url }: Limited, ...[, retryCount]: [unknown, number]): boolean => {
    const again = retryCount < LIMIT_RETRIES && seconds <= LONGEST_WAIT_SECONDS;
    const then = again ? `it is sent again in ${seconds} s` : `it would have to wait ${seconds} s and is given up`;
    note(`GitHub's ${what}: ${method} ${url}: ${then}.`);
    return again;
  };
}

/**
 * The last thing before the network: it sees addresses as they are sent, whatever routes and parameters they were made
 * of. `fetch` is looked up when it is called, so that whoever replaces it later is heard too.
 */
function fetchWithin(timeoutMs: number) {
  return (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    assertNotForbidden({ route: `${init.method ?? "GET"} ${decodeURIComponent(pathname)}` });
    return fetch(input, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  };
}
