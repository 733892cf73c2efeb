import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { gitRecords, gitText, runGit } from "../../src/github/git.ts";
import { temporaryFolder } from "../support/git-repository.ts";

/** GitHub's Git Data API over a real git repository, for tests: `http://127.0.0.1:…/api/v3/repos/OWNER/NAME/git/…`. */
export type GitDataServer = AsyncDisposable & {
  readonly baseUrl: string;
  /** The repository behind it. */
  readonly root: string;
  /** `METHOD path` of every request so far, the repository's own path left out. */
  readonly requests: readonly string[];
};

/** What a test may bend. */
export type GitDataOptions = {
  /** Entries that one listing of a tree holds; more are cut off, with `truncated: true`. */
  readonly treeLimit?: number;
  /** Answers before or after the request is carried out; `cut` drops the connection. Undefined: no fault. */
  readonly fault?: (request: string) => Fault | undefined;
  /** Further routes, asked first. */
  readonly extra?: (request: Incoming) => Promise<Reply | undefined> | Reply | undefined;
};

export type Fault = { readonly when: "before" | "after"; readonly reply: Reply | "cut" };
export type Incoming = {
  readonly method: string;
  /** Path below `/api/v3`, decoded, with the query left out. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly headers: IncomingMessage["headers"];
};
export type Reply = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export const OWNER = "octo-org";
export const REPO = "notes";
const PREFIX = "/api/v3";
const REPOSITORY = `/repos/${OWNER}/${REPO}`;

/** Starts the server on a free port of the loopback interface. */
export async function startGitDataServer(options: GitDataOptions = {}): Promise<GitDataServer> {
  const folder = await temporaryFolder();
  const root = join(folder.path, "repository.git");
  await gitText({ args: ["init", "--quiet", "--bare", root], cwd: folder.path });
  const requests: string[] = [];
  const server = createServer((request, response) => {
    void read(request).then(async (incoming) => {
      const name = `${incoming.method} ${incoming.path.replace(`${REPOSITORY}/`, "")}`;
      requests.push(name);
      const fault = options.fault?.(name);
      if (fault?.when === "before") return send(response, fault.reply);
      const reply = (await options.extra?.(incoming)) ?? (await answer(root, incoming, options));
      return send(response, fault?.reply ?? reply);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PREFIX}`,
    root,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function read(request: IncomingMessage): Promise<Incoming> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  return {
    method: request.method ?? "",
    path: decodeURIComponent(url.pathname).replace(PREFIX, ""),
    query: url.searchParams,
    body: text === "" ? undefined : JSON.parse(text),
    headers: request.headers,
  };
}

function send(response: ServerResponse, reply: Reply | "cut"): void {
  if (reply === "cut") return void response.destroy();
  response.writeHead(reply.status, { "Content-Type": "application/json; charset=utf-8", ...reply.headers });
  response.end(JSON.stringify(reply.body));
}

const said = (status: number, message: string): Reply => ({ status, body: { message } });

/** The documented endpoints, each with the refusals that GitHub is known for. */
async function answer(root: string, request: Incoming, options: GitDataOptions): Promise<Reply> {
  if (request.path === REPOSITORY) return { status: 200, body: { full_name: `${OWNER}/${REPO}` } };
  if (!request.path.startsWith(`${REPOSITORY}/git/`)) return said(404, "Not Found");
  const path = request.path.slice(`${REPOSITORY}/git/`.length);
  const [kind = "", ...rest] = path.split("/");
  const name = rest.join("/");
  switch (`${request.method} ${kind}`) {
    case "GET ref":
      return getRef(root, name);
    case "GET commits":
      return getCommit(root, name);
    case "GET trees":
      return getTree(root, name, { recursive: request.query.has("recursive"), limit: options.treeLimit ?? 100_000 });
    case "GET blobs":
      return getBlob(root, name);
    case "POST blobs":
      return postBlob(root, request.body);
    case "POST trees":
      return postTree(root, request.body);
    case "POST commits":
      return postCommit(root, request.body);
    case "POST refs":
      return postRef(root, request.body);
    case "PATCH refs":
      return patchRef(root, name, request.body);
    default:
      return said(404, "Not Found");
  }
}

async function resolve(root: string, name: string): Promise<string | undefined> {
  const { code, stdout } = await runGit({
    args: ["rev-parse", "--quiet", "--verify", name],
    cwd: root,
    okCodes: [0, 1, 128],
  });
  return code === 0 ? stdout.toString("utf8").trim() : undefined;
}

async function getRef(root: string, name: string): Promise<Reply> {
  const sha = await resolve(root, `refs/${name}`);
  if (sha === undefined) return said(404, "Not Found");
  return { status: 200, body: { ref: `refs/${name}`, object: { sha, type: "commit" } } };
}

async function getCommit(root: string, name: string): Promise<Reply> {
  const tree = await resolve(root, `${name}^{tree}`);
  if (tree === undefined) return said(404, "Not Found");
  const format = ["%P", "%cn", "%ce", "%cI", "%B"].join("%n");
  const [parents = "", by = "", email = "", date = "", ...message] = (
    await gitText({ args: ["show", "--no-patch", `--format=${format}`, name], cwd: root })
  ).split("\n");
  const committer = { name: by, email, date };
  const body = { sha: name, tree: { sha: tree }, message: message.join("\n").trim(), committer };
  return {
    status: 200,
    body: {
      ...body,
      parents: parents
        .split(" ")
        .filter(Boolean)
        .map((sha) => ({ sha })),
    },
  };
}

async function getTree(root: string, name: string, how: { recursive: boolean; limit: number }): Promise<Reply> {
  // The empty tree need not be in the repository; git knows it, the API may not.
  if ((await resolve(root, `${name}^{tree}`)) === undefined || !(await exists(root, name)))
    return said(404, "Not Found");
  const args = ["ls-tree", ...(how.recursive ? ["-r", "-t"] : []), "-z", "--full-tree", name];
  const all = (await gitRecords({ args, cwd: root })).map((record) => {
    const tab = record.indexOf("\t");
    const [mode = "", type = "", sha = ""] = record.slice(0, tab).split(" ");
    return { path: record.slice(tab + 1), mode, type, sha };
  });
  return { status: 200, body: { sha: name, tree: all.slice(0, how.limit), truncated: all.length > how.limit } };
}

/** Whether the object is stored, not merely known to git. */
async function exists(root: string, name: string): Promise<boolean> {
  const listed = await gitText({ args: ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], cwd: root });
  return listed.split("\n").includes(name);
}

async function getBlob(root: string, name: string): Promise<Reply> {
  const { code, stdout } = await runGit({ args: ["cat-file", "blob", name], cwd: root, okCodes: [0, 128] });
  if (code !== 0) return said(404, "Not Found");
  // GitHub breaks base64 into lines.
  const content = stdout.toString("base64").replaceAll(/.{60}/g, "$&\n");
  return { status: 200, body: { sha: name, content, encoding: "base64", size: stdout.length } };
}

async function postBlob(root: string, body: unknown): Promise<Reply> {
  const { content, encoding } = z
    .strictObject({ content: z.string(), encoding: z.enum(["utf-8", "base64"]) })
    .parse(body);
  const input = Buffer.from(content, encoding === "base64" ? "base64" : "utf8");
  const sha = await gitText({ args: ["hash-object", "-w", "--stdin"], cwd: root, input });
  return { status: 201, body: { sha } };
}

const NewTree = z.strictObject({
  base_tree: z.string().optional(),
  tree: z.array(z.object({ path: z.string(), mode: z.string(), type: z.string(), sha: z.string().nullable() })),
});

async function postTree(root: string, body: unknown): Promise<Reply> {
  const { base_tree: base, tree } = NewTree.parse(body);
  await using scratch = await temporaryFolder();
  const git = { cwd: root, env: { GIT_INDEX_FILE: join(scratch.path, "index") } };
  await runGit({ ...git, args: ["read-tree", ...(base === undefined ? ["--empty"] : [base])] });
  const known = new Set(await gitRecords({ ...git, args: ["ls-files", "-z"] }));
  if (tree.some(({ path, sha }) => sha === null && !known.has(path))) return said(422, "GitRPC::BadObjectState");
  const lines = tree.map(({ path, mode, sha }) =>
    sha === null ? `0 ${"0".repeat(40)}\t${path}\0` : `${mode} ${sha}\t${path}\0`,
  );
  await runGit({ ...git, args: ["update-index", "-z", "--index-info"], input: lines.join("") });
  if ((await gitRecords({ ...git, args: ["ls-files", "-z"] })).length === 0) return said(422, "Invalid tree info");
  return { status: 201, body: { sha: await gitText({ ...git, args: ["write-tree"] }) } };
}

const NewCommit = z.strictObject({
  message: z.string(),
  tree: z.string(),
  parents: z.array(z.string()),
  author: z.object({ name: z.string(), email: z.string(), date: z.iso.datetime() }),
});

async function postCommit(root: string, body: unknown): Promise<Reply> {
  const { message, tree, parents, author } = NewCommit.parse(body);
  if ((await resolve(root, `${tree}^{tree}`)) === undefined) return said(422, "Tree SHA does not exist");
  const env = {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: author.date,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
    GIT_COMMITTER_DATE: author.date,
  };
  const args = ["commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent]), "-F", "-"];
  return { status: 201, body: { sha: await gitText({ args, cwd: root, input: message, env }) } };
}

async function postRef(root: string, body: unknown): Promise<Reply> {
  const { ref, sha } = z.strictObject({ ref: z.string().startsWith("refs/heads/"), sha: z.string() }).parse(body);
  const { code } = await runGit({
    args: ["update-ref", ref, sha, "0".repeat(40)],
    cwd: root,
    okCodes: [0, 1, 128],
  });
  return code === 0
    ? { status: 201, body: { ref, object: { sha, type: "commit" } } }
    : said(422, "Reference already exists");
}

async function patchRef(root: string, name: string, body: unknown): Promise<Reply> {
  const { sha, force } = z.strictObject({ sha: z.string(), force: z.literal(false) }).parse(body);
  const ref = `refs/${name}`;
  const old = await resolve(root, ref);
  if (old === undefined) return said(422, "Reference does not exist");
  const forward = await runGit({ args: ["merge-base", "--is-ancestor", old, sha], cwd: root, okCodes: [0, 1] });
  const moved =
    forward.code === 0
      ? await runGit({ args: ["update-ref", ref, sha, old], cwd: root, okCodes: [0, 1, 128] })
      : forward;
  if (moved.code !== 0 || force) return said(422, "Update is not a fast forward");
  return { status: 200, body: { ref, object: { sha, type: "commit" } } };
}
