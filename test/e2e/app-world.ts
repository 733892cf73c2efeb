import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { WEBHOOK_PATH } from "../../src/app/server.ts";
import { openStore } from "../../src/store/open.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { type GitHub, OWNER, REPO, startGitHub } from "../support/github.ts";
import type { InstalledApp } from "../support/github-app.ts";
import { type Running, startWhetstone } from "../support/whetstone.ts";

/** What a person does on GitHub: over its API, with a token of their own. */
export type Person = {
  readonly login: string;
  readonly ask: (method: string, path: string, body?: unknown) => Promise<unknown>;
  /** Writes a comment on an issue or pull request; returns its id. */
  readonly comment: (number: number, body: string) => Promise<number>;
};

/** GitHub with the App installed on it, and the App as `whetstone serve` runs it. */
export type AppWorld = AsyncDisposable & {
  readonly github: GitHub;
  readonly app: InstalledApp;
  readonly person: (login: "ada" | "grace" | "mallory") => Person;
  /** Ends the server at once, as a crash does. */
  readonly kill: () => Promise<void>;
  /** Starts the server (again) on the same store; returns when it takes deliveries. */
  readonly start: () => Promise<{ readonly url: string }>;
  /** Stops it as an orchestrator does; returns its exit code. */
  readonly stop: () => Promise<number | null>;
  readonly database: string;
  /** What the server wrote to its log so far. */
  readonly log: () => string;
};

export type AppWorldOptions = {
  readonly files: Readonly<Record<string, string>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly events: readonly string[];
};

const Id = z.object({ id: z.number() });

/** Starts GitHub, not yet the App. */
export async function appWorld({ files, permissions, events }: AppWorldOptions): Promise<AppWorld> {
  const temporary = await temporaryFolder();
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const webhookSecret = "dummy-webhook-secret";
  const app = { appId: 4711, slug: "whetstone", installation: 99, privateKey, webhookSecret, permissions, events };
  const github = await startGitHub({ files, app });
  const database = join(temporary.path, "whetstone.db");
  // Telemetry comes from elsewhere, such as `whetstone collect`; the server is told where it is.
  await (await openStore({ url: database }))[Symbol.asyncDispose]();
  const env = {
    APP_ID: String(app.appId),
    PRIVATE_KEY: privateKey,
    WEBHOOK_SECRET: webhookSecret,
    GHE_HOST: new URL(github.baseUrl).host,
    GHE_PROTOCOL: "http",
  };
  let running: Running | undefined;
  let log = "";
  const start = async (): Promise<{ readonly url: string }> => {
    const args = ["serve", "--port", "0", "--json", "--no-auth", "--db", database];
    running = startWhetstone(args, { cwd: temporary.path, env });
    running.child.stderr?.on("data", (text: string) => (log += text));
    const url = await announced(running);
    github.hooks?.deliverTo(`${url}${WEBHOOK_PATH}`);
    return { url };
  };
  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<number | null> => {
    running?.child.kill(signal);
    github.hooks?.deliverTo(undefined);
    const ended = await running?.ended;
    running = undefined;
    return ended?.code ?? null;
  };
  return {
    github,
    app,
    database,
    start,
    log: () => log,
    kill: async () => void (await end("SIGKILL")),
    stop: () => end("SIGTERM"),
    person: (login) => person(github, login),
    [Symbol.asyncDispose]: async () => {
      await end("SIGKILL");
      await github[Symbol.asyncDispose]();
      await temporary[Symbol.asyncDispose]();
    },
  };
}

/** The server's output says where it is, in one JSON document. */
async function announced({ child, ended }: Running): Promise<string> {
  let text = "";
  const said = new Promise<string>((done) => {
    child.stdout?.on("data", (more: string) => {
      text += more;
      if (text.trimEnd().endsWith("}")) done(text);
    });
  });
  const failed = ended.then(({ code, err }) => Promise.reject(new Error(`the server ended with ${code}: ${err}`)));
  const answer = await Promise.race([said, failed]);
  const found = z.object({ url: z.string() }).safeParse(JSON.parse(answer)).data;
  if (found === undefined) throw new Error(`the server does not say where it is: ${answer}`);
  return found.url;
}

function person(github: GitHub, login: string): Person {
  const ask: Person["ask"] = async (method, path, body) => {
    const response = await fetch(`${github.baseUrl}/repos/${OWNER}/${REPO}/${path}`, {
      method,
      headers: { authorization: `token ghs_${login}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok) return text === "" ? undefined : (JSON.parse(text) as unknown);
    throw new Error(`${login}: ${method} ${path}: ${response.status} ${text}`);
  };
  return {
    login,
    ask,
    comment: async (number, body) => Id.parse(await ask("POST", `issues/${number}/comments`, { body })).id,
  };
}
