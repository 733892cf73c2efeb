import type { Env } from "../config/env.ts";
import type { executeLoop } from "../loop/execute.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Actor } from "../model/ledger.ts";
import type { GitHubPlace } from "../wire.ts";

/** What an annotation of a run is about: a file of the repository with its lines, both or none. */
export type Remark = {
  readonly title?: string;
  readonly file?: string;
  readonly startLine?: number;
  readonly endLine?: number;
};

/** What of `@actions/core` an action uses. */
export type Toolkit = {
  readonly getInput: (name: string) => string;
  readonly setOutput: (name: string, value: string) => void;
  readonly setSecret: (secret: string) => void;
  readonly info: (line: string) => void;
  readonly notice: (line: string, at?: Remark) => void;
  readonly warning: (line: string, at?: Remark) => void;
  readonly error: (line: string, at?: Remark) => void;
  readonly startGroup: (name: string) => void;
  readonly endGroup: () => void;
  readonly setFailed: (message: string) => void;
  readonly writeSummary: (markdown: string) => Promise<void>;
};

/** What the runner says of the job; the run id is NaN outside one. */
export type JobContext = {
  readonly actor: string;
  /** Who had the run run again; the actor, or "", for a first attempt. */
  readonly triggeringActor: string;
  readonly runId: number;
  /** 1 for the first attempt of a run. */
  readonly runAttempt: number;
  readonly serverUrl: string;
  /** Address of the REST API. */
  readonly apiUrl: string;
  readonly repo: { readonly owner: string; readonly repo: string };
  /** Value of the repository's variable that stops everything, where the workflow hands it on. */
  readonly stop?: string | undefined;
};

/** What every action is handed. */
export type ActionParts = {
  readonly core: Toolkit;
  readonly context: JobContext;
  /** Values that the log must not show. */
  readonly secrets: readonly string[];
  /** Names of all inputs of the step, known or not. */
  readonly given: readonly string[];
  /** The job's workspace, absolute. */
  readonly workspace: string;
};

/** Everything that the loop's action touches. */
export type LoopJob = ActionParts & {
  readonly env: Env;
  readonly execute: typeof executeLoop;
};

/** Variables whose values are masked in the log, whatever they are. */
const SECRET_VARIABLES = ["ANTHROPIC_API_KEY", "DATABASE_URL", "GITHUB_TOKEN"];
/** And all whose names end like these, such as `INPUT_TOKEN`. */
const SECRET_NAME = /(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|AUTHORIZATION)$/i;
/** A shorter value of those is no secret, and masking it would make the log unreadable. */
const SHORTEST_SECRET = 8;

/** What to mask: the values of secret variables, each line of them, and the password inside a database's URL. */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  const named = Object.entries(env).filter(
    ([name, value = ""]) =>
      SECRET_VARIABLES.includes(name) || (SECRET_NAME.test(name) && value.length >= SHORTEST_SECRET),
  );
  const values = named.map(([, value = ""]) => value);
  const url = URL.parse(env["DATABASE_URL"] ?? "");
  const lines = [...values, ...passwordOf(url)].flatMap((value) => value.split(/\r?\n/));
  return [...new Set(lines.filter((line) => line.trim() !== ""))];
}

/** As it is written in the URL and as the server reads it. */
function passwordOf(url: URL | null): string[] {
  const written = url?.password ?? "";
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written]; // a stray percent sign: no client can use it decoded either
  }
}

/** Names of the inputs in a step's environment: `INPUT_DRY-RUN` is `dry-run`. Empty ones are not set. */
export function givenInputs(env: Readonly<Record<string, string | undefined>>): string[] {
  const named = Object.entries(env).filter(([name, value]) => name.startsWith("INPUT_") && (value ?? "") !== "");
  return named.map(([name]) => name.slice("INPUT_".length).toLowerCase());
}

/**
 * The run as the ledger names it: `owner/repo/actions/runs/17 by octocat`.
 * @throws WhetstoneError `usage` outside a job.
 */
export function workflowActor(context: JobContext): Actor {
  if (!Number.isSafeInteger(context.runId) || context.actor === "") {
    throw new WhetstoneError("usage", "This is no job of GitHub Actions: run id or actor are missing.", {
      remedy: "On a machine of your own use `whetstone loop --local`.",
    });
  }
  return { type: "workflow", id: `${runPath(context)} by ${context.actor}` };
}

/** The repository of the job, as the token that the job was given reaches it. */
export function gitHubOf({ repo: { owner, repo }, apiUrl, stop }: JobContext, token: string): GitHubPlace {
  return { owner, repo, baseUrl: apiUrl, self: "github-actions[bot]", token: { reveal: () => token }, stop };
}

/** Address of the run's page. */
export function runUrl(context: JobContext): string {
  return `${context.serverUrl}/${runPath(context)}`;
}

function runPath({ repo, runId }: JobContext): string {
  return `${repo.owner}/${repo.repo}/actions/runs/${runId}`;
}
