import { EventEmitter, once } from "node:events";
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createEmulator } from "emulate";
import { openGitHubClient } from "../../src/github/client.ts";
import type { GitHubGraph } from "../../src/github/graphql.ts";
import { type AppHooks, appHooks, appSeed, HOOKS_PATH, type InstalledApp } from "./github-app.ts";
import { secondBackend, type Backend } from "./github-extra.ts";
import { faultsOf } from "./github-openapi.ts";

export const OWNER = "octo-org";
export const REPO = "notes";
/** The account that the tests' token belongs to, as jobs have it. */
export const BOT_LOGIN = "github-actions[bot]";
export const TOKEN = "ghs_counterpart";

/** An answer, or a connection that is cut before one arrives. */
export type Answer = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};
/** Answers instead of GitHub (`before`), or after it did what was asked (`after`). */
export type Fault = { readonly when: "before" | "after"; readonly reply: Answer | "cut" };

export type Incoming = {
  readonly method: string;
  /** Below the API's address, decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly headers: IncomingMessage["headers"];
};

/** What a test may bend. */
export type GitHubOptions = {
  /** Asked with `METHOD path` below the repository (`POST git/refs`, `POST /graphql createCommitOnBranch`). */
  readonly fault?: (request: string, incoming: Incoming) => Fault | undefined;
  /** False: a server whose GraphQL knows no mutations of commits, as an old GitHub Enterprise Server. */
  readonly graphql?: boolean;
  readonly files?: Readonly<Record<string, string>>;
  /** An App that is installed on the organisation. */
  readonly app?: InstalledApp;
};

/** GitHub in this process: the emulator, what it lacks, a record of all requests, and their check by GitHub's description. */
export type GitHub = AsyncDisposable & {
  /** Address of the REST API. */
  readonly baseUrl: string;
  /** `METHOD path` of every request, with the query. */
  readonly requests: readonly string[];
  /** What GitHub's own OpenAPI description has against the requests so far. */
  readonly violations: readonly string[];
  readonly backend: Backend;
  /** A client of the tests' account, without pauses. */
  readonly client: () => GitHubGraph;
  /** Bends further requests. */
  readonly bend: (fault: GitHubOptions["fault"]) => void;
  /** The webhooks of the App, where one is installed. */
  readonly hooks: AppHooks | undefined;
  /** Resolves as soon as something is so; looks again after every request that was answered. */
  readonly until: (isSo: () => boolean | Promise<boolean>) => Promise<void>;
  /** Head commit of `main` at the start. */
  readonly base: string;
};

const PREFIX = "/api/v3";
const REPOSITORY = `/repos/${OWNER}/${REPO}`;

/** Starts it on a free port of the loopback interface with one repository that holds `files` on `main`. */
export async function startGitHub(options: GitHubOptions = {}): Promise<GitHub> {
  const requests: string[] = [];
  const violations: string[] = [];
  const answered = new EventEmitter().setMaxListeners(0);
  let fault = options.fault;
  const behind: { backend?: Backend } = {};
  const { app } = options;
  const hooks =
    app && appHooks(app, (body) => `sha256=${createHmac("sha256", app.webhookSecret).update(body).digest("hex")}`);
  const handle = async (incoming: Incoming): Promise<Answer | "cut"> => {
    const name = nameOf(incoming);
    const query = incoming.query.size === 0 ? "" : `?${incoming.query.toString()}`;
    requests.push(`${name}${query}`);
    if (incoming.path !== "/graphql") violations.push(...faultsOf({ ...incoming, path: incoming.path }));
    const bent = fault?.(name, incoming);
    if (bent?.when === "before") return bent.reply;
    const answer =
      (await hooks?.answer(incoming)) ?? (await behind.backend?.answer(incoming, options.graphql !== false));
    return bent?.reply ?? answer ?? { status: 503, body: { message: "starting" } };
  };
  const server = createServer((request, response) => {
    if (hooks !== undefined && request.url === HOOKS_PATH) {
      return void hooks.take(request, response).finally(() => answered.emit("answered"));
    }
    void read(request)
      .then(handle)
      .then((answer) => send(response, answer))
      .finally(() => answered.emit("answered"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const apps = app === undefined ? [] : [appSeed(app, { owner: OWNER, hooks: `${origin}${HOOKS_PATH}` })];
  const emulator = await createEmulator({
    service: "github",
    port: 0,
    seed: { ...SEED, github: { ...SEED.github, apps } },
  });
  const address = emulator.url.replace("localhost", "127.0.0.1");
  const backend = secondBackend({
    address,
    token: TOKEN,
    repository: REPOSITORY,
    self: app === undefined ? BOT_LOGIN : `${app.slug}[bot]`,
  });
  behind.backend = backend;
  const base = await backend.begin("main", options.files ?? { "README.md": "# notes\n" });
  const baseUrl = `${origin}${PREFIX}`;
  return {
    baseUrl,
    requests,
    violations,
    backend,
    base,
    hooks,
    client: () => openGitHubClient({ token: { reveal: () => TOKEN }, baseUrl, paced: false, secondMs: 1 }),
    bend: (next) => {
      fault = next;
    },
    until: (isSo) => untilSo(isSo, answered),
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await emulator.close();
    },
  };
}

async function untilSo(isSo: () => boolean | Promise<boolean>, answered: EventEmitter): Promise<void> {
  for (;;) {
    const next = once(answered, "answered");
    if (await isSo()) return;
    await next;
  }
}

const SEED = {
  tokens: {
    [TOKEN]: { login: BOT_LOGIN, scopes: ["repo", "workflow"] },
    ghs_other: { login: "mallory", scopes: ["repo"] },
    ghs_mallory: { login: "mallory", scopes: ["repo"] },
    ghs_ada: { login: "ada", scopes: ["repo", "workflow"] },
    ghs_grace: { login: "grace", scopes: ["repo", "workflow"] },
  },
  github: {
    users: [{ login: BOT_LOGIN }, { login: "mallory" }, { login: "ada" }, { login: "grace" }],
    orgs: [
      {
        login: OWNER,
        members: [
          { login: BOT_LOGIN, role: "admin" },
          { login: "mallory", role: "admin" },
          { login: "ada" },
          { login: "grace" },
        ],
      },
    ],
    repos: [{ owner: OWNER, name: REPO }],
  },
};

/** A mutation is named by its field, not by the address that all of them share. */
function nameOf({ method, path, body }: Incoming): string {
  const mutation = /\b(createCommitOnBranch|updateRefs)\b/.exec(String(Reflect.get(Object(body), "query")))?.[1];
  if (path === "/graphql") return `${method} /graphql ${mutation ?? ""}`.trim();
  return `${method} ${path.replace(`${REPOSITORY}/`, "")}`;
}

async function read(request: IncomingMessage): Promise<Incoming> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  return {
    method: request.method ?? "",
    path: decodeURIComponent(url.pathname)
      .replace(PREFIX, "")
      .replace(/^\/api\/graphql$/, "/graphql"),
    query: url.searchParams,
    body: text === "" ? undefined : JSON.parse(text),
    headers: request.headers,
  };
}

function send(response: ServerResponse, reply: Answer | "cut"): void {
  if (reply === "cut") return void response.destroy();
  if (reply.body instanceof Uint8Array) {
    response.writeHead(reply.status, { "Content-Type": "application/zip", ...reply.headers });
    return void response.end(reply.body);
  }
  response.writeHead(reply.status, { "Content-Type": "application/json; charset=utf-8", ...reply.headers });
  response.end(reply.status === 204 || reply.status === 304 ? undefined : JSON.stringify(reply.body ?? null));
}
