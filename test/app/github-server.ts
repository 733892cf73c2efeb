import { verify } from "node:crypto";
import { z } from "zod";
import { type GitDataServer, type Incoming, type Reply, startGitDataServer } from "../github/git-data-server.ts";
import { APP_ID, INSTALLATION, ISSUE, OWNER, REPO, REPOSITORY_ID } from "./payloads.ts";
import type { AppKey } from "./rsa-key.ts";

/** GitHub as an installed App sees it: tokens for a signed JWT, permissions, reactions, comments, git data. */
export type GitHubServer = AsyncDisposable & {
  readonly git: GitDataServer;
  /** Host and port, for `GHE_HOST`. */
  readonly host: string;
  /** What was written, in order: `👀`-like reaction names and `comment ID`. */
  readonly effects: readonly string[];
  readonly comments: ReadonlyMap<number, string>;
  /** Permissions by login; absent is no collaborator. */
  readonly permissions: Map<string, string>;
  /** Resolves when the next thing is written. */
  readonly changed: () => Promise<void>;
  /** Set to hold back answers about permissions until it resolves; called when one is asked for. */
  hold: (() => Promise<void>) | undefined;
};

/** The token that every installation gets. */
export const INSTALLATION_TOKEN = "ghs_installation";
const ISSUES = `/repos/${OWNER}/${REPO}/issues`;

/** Starts it; only requests with a token that was handed out for this key are answered. */
export async function startGitHubServer(key: AppKey): Promise<GitHubServer> {
  const effects: string[] = [];
  let change = Promise.withResolvers<void>();
  const comments = new Map<number, string>();
  const permissions = new Map<string, string>();
  const github = { hold: undefined as (() => Promise<void>) | undefined };
  const git = await startGitDataServer({
    extra: async (request) => {
      if (request.path === "/app" || request.path.startsWith("/app/")) return asApp(request, key);
      if (request.headers.authorization !== `token ${INSTALLATION_TOKEN}`)
        return { status: 401, body: { message: "Bad credentials" } };
      if (request.path.endsWith("/permission")) await github.hold?.();
      const [before, reply] = [effects.length, answer(request, { effects, comments, permissions })];
      if (effects.length > before) {
        change.resolve();
        change = Promise.withResolvers();
      }
      return reply;
    },
  });
  const host = new URL(git.baseUrl).host;
  return Object.assign(github, {
    git,
    host,
    effects,
    comments,
    permissions,
    changed: () => change.promise,
    [Symbol.asyncDispose]: () => git[Symbol.asyncDispose](),
  });
}

/** RFC 7519: the App signs who it is with its key; the signature covers head and claims. */
function asApp({ method, path, headers, body }: Incoming, key: AppKey): Reply {
  const [head = "", claims = "", signature = ""] = (headers.authorization ?? "").replace(/^bearer /i, "").split(".");
  const signed = verify(
    "RSA-SHA256",
    Buffer.from(`${head}.${claims}`),
    key.publicKey,
    Buffer.from(signature, "base64url"),
  );
  const { iss } = signed
    ? z.object({ iss: z.number() }).parse(JSON.parse(Buffer.from(claims, "base64url").toString()))
    : {};
  if (iss !== APP_ID) return { status: 401, body: { message: "A JSON web token could not be decoded" } };
  if (method === "GET" && path === "/app") return { status: 200, body: { slug: "whetstone" } };
  if (method === "GET" && path === "/app/installations") return { status: 200, body: [] };
  if (method === "GET" && path === "/app/hook/deliveries") return { status: 200, body: [] };
  const narrowed = z.object({ repository_ids: z.tuple([z.literal(REPOSITORY_ID)]) }).safeParse(body).success;
  const known = narrowed && method === "POST" && path === `/app/installations/${INSTALLATION}/access_tokens`;
  if (!known) return { status: 404, body: { message: "Not Found" } };
  const expires = new Date(Date.now() + 3_600_000).toISOString();
  return {
    status: 201,
    body: { token: INSTALLATION_TOKEN, expires_at: expires, permissions: {}, repository_selection: "selected" },
  };
}

type Books = {
  readonly effects: string[];
  readonly comments: Map<number, string>;
  readonly permissions: ReadonlyMap<string, string>;
};

function answer({ method, path, body }: Incoming, { effects, comments, permissions }: Books): Reply | undefined {
  const login = /\/collaborators\/(.+)\/permission$/.exec(path)?.[1];
  if (login !== undefined) {
    const permission = permissions.get(login);
    return permission === undefined
      ? { status: 404, body: { message: "Not Found" } }
      : { status: 200, body: { permission } };
  }
  if (/\/comments\/\d+\/reactions$/.test(path)) {
    effects.push(z.object({ content: z.string() }).parse(body).content);
    return { status: 201, body: { id: 1 } };
  }
  if (path === `${ISSUES}/${ISSUE}/comments` && method === "GET") {
    return { status: 200, body: [...comments].map(([id, text]) => ownComment(id, text)) };
  }
  const written = /\/comments(?:\/(\d+))?$/.exec(path);
  if (!written || method === "GET") return undefined;
  const id = method === "POST" ? 500 + comments.size : Number(written[1]);
  comments.set(id, z.object({ body: z.string() }).parse(body).body);
  effects.push(`${method} comment ${id}`);
  return { status: method === "POST" ? 201 : 200, body: ownComment(id, comments.get(id) ?? "") };
}

/** A comment of the App. */
function ownComment(id: number, body: string) {
  const user = { login: "whetstone[bot]", id: 2, type: "Bot" };
  return { id, body, user, html_url: `https://github.com/#${id}`, performed_via_github_app: { id: APP_ID } };
}
