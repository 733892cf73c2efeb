import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";

/** As much of GitHub as an App needs that answers `/whetstone help`, without any delay; and its log of deliveries. */
export type GitHubOf = AsyncDisposable & {
  readonly host: string;
  /** A command is about to be delivered: its reaction is waited for. */
  readonly commanded: (n: number) => void;
  readonly logged: (delivery: Delivered) => void;
  /** Never answers the first reaction to a command; resolves when it is asked for. */
  readonly hold: (n: number) => Promise<void>;
  /** Milliseconds from each command's delivery to the first reaction to it, by its number. */
  readonly reactions: () => ReadonlyMap<number, number>;
  /** Issues with exactly one answer. */
  readonly answered: () => number;
  /** Issues with more answers than one. */
  readonly doubled: () => number;
};

type Delivered = { readonly id: number; readonly guid: string; readonly body: string; readonly taken: boolean };
type Example = { readonly name: string; readonly examples: readonly object[] };

const EXAMPLES = createRequire(import.meta.url)(
  "@octokit/webhooks-examples/api.github.com/index.json",
) as readonly Example[];
const COMMENT = EXAMPLES.find(({ name }) => name === "issue_comment")?.examples[0] as Record<
  "comment" | "issue" | "repository",
  object
>;
/** Repositories, each with an installation of its own, that the deliveries and commands are spread over. */
const REPOSITORIES = 19;

/** GitHub's example of a comment, in an issue of its own. */
export function commentOf(n: number, body: string): string {
  const user = { login: "monalisa", id: 1, type: "User" };
  const repo = n % REPOSITORIES;
  return JSON.stringify({
    ...COMMENT,
    action: "created",
    comment: { ...COMMENT.comment, id: n, body, user, created_at: new Date().toISOString() },
    issue: { ...COMMENT.issue, number: n },
    repository: { ...COMMENT.repository, id: repo + 1, name: `notes-${repo}`, owner: { login: "octo-org" } },
    installation: { id: 100 + repo },
    sender: user,
  });
}

/** Starts it on a free port. */
export async function startGitHubOf(): Promise<GitHubOf> {
  const commanded = new Map<number, number>();
  const reacted = new Map<number, number>();
  const comments = new Map<number, number>();
  const log: Delivered[] = [];
  const bodies = new Map<number, unknown>();
  const held = new Map<number, () => void>();
  const answer = ({ method = "", url = "" }: IncomingMessage, body: string): unknown => {
    const path = url.split("?")[0]?.replace("/api/v3", "") ?? "";
    if (path === "/app") return { slug: "whetstone" };
    if (path === "/app/installations") return [];
    const inLog = /^\/app\/hook\/deliveries(?:\/(\d+))?$/.exec(path);
    if (inLog) return inLog[1] === undefined ? missed(log) : detail(log, Number(inLog[1]));
    if (path.endsWith("/access_tokens")) {
      return { token: "ghs_bench", expires_at: new Date(Date.now() + 3_600_000).toISOString() };
    }
    if (path.endsWith("/permission"))
      return { permission: "write", role_name: "write", user: { login: "monalisa", id: 1 } };
    const reaction = /\/comments\/(\d+)\/reactions$/.exec(path);
    if (reaction) {
      const n = Number(reaction[1]);
      if (!reacted.has(n)) reacted.set(n, performance.now() - (commanded.get(n) ?? NaN));
      return { id: n, content: "eyes" };
    }
    const thread = /\/issues\/(\d+)\/comments$/.exec(path);
    if (thread && method === "POST") {
      const n = Number(thread[1]);
      comments.set(n, (comments.get(n) ?? 0) + 1);
      bodies.set(n, (JSON.parse(body) as { body: unknown }).body);
      return answerIn(n, bodies.get(n));
    }
    if (thread) {
      const n = Number(thread[1]);
      return comments.has(n) ? [answerIn(n, bodies.get(n))] : [];
    }
    return { id: 1 };
  };
  const isHeld = ({ url = "" }: IncomingMessage): boolean => {
    const n = Number(/\/comments\/(\d+)\/reactions$/.exec(url.split("?")[0] ?? "")?.[1]);
    const tell = held.get(n);
    tell?.();
    return held.delete(n);
  };
  const server = createServer((request, response) => {
    if (!isHeld(request)) void respond(request, response, answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    commanded: (n) => void commanded.set(n, performance.now()),
    logged: (delivery) => void log.push(delivery),
    hold: (n) => new Promise((resolve) => held.set(n, resolve)),
    reactions: () => reacted,
    answered: () => [...comments.values()].filter((count) => count === 1).length,
    doubled: () => [...comments.values()].filter((count) => count > 1).length,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: IncomingMessage, body: string) => unknown,
): Promise<void> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8") as AsyncIterable<string>) body += chunk;
  const status = request.method === "POST" ? 201 : 200;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer(request, body)));
}

/** The App's comment in an issue. */
function answerIn(n: number, body: unknown): unknown {
  const user = { login: "whetstone[bot]", id: 2, type: "Bot" };
  const at = new Date().toISOString();
  const app = { id: 4711, slug: "whetstone" };
  const html_url = `https://github.com/octo-org/notes/issues/${n}#issuecomment-${1_000_000 + n}`;
  return {
    id: 1_000_000 + n,
    node_id: "x",
    body,
    user,
    html_url,
    created_at: at,
    updated_at: at,
    performed_via_github_app: app,
  };
}

/** The newest page of the log, of what was not taken. */
function missed(log: readonly Delivered[]): unknown {
  return log
    .filter(({ taken }) => !taken)
    .toReversed()
    .map(({ id, guid }) => ({
      id,
      guid,
      delivered_at: new Date().toISOString(),
      event: "issue_comment",
      action: "created",
    }));
}

function detail(log: readonly Delivered[], id: number): unknown {
  return { request: { headers: {}, payload: JSON.parse(log.find((one) => one.id === id)?.body ?? "null") as unknown } };
}
