import { z } from "zod";
import { annotationBook } from "./github-annotations.ts";
import type { Answer, Incoming } from "./github.ts";

/** Where the emulator is, and as whom it is asked. */
export type BackendOptions = { readonly address: string; readonly token: string; readonly repository: string };

/** The emulator with what it lacks: GraphQL mutations of commits, deployments, environments, variables, digests. */
export type Backend = {
  readonly answer: (request: Incoming, graphql: boolean) => Promise<Answer>;
  /** Commits whole files on a branch, removing all others; makes the branch when it is not there. Returns the commit. */
  readonly commit: (branch: string, files: Readonly<Record<string, string>>) => Promise<string>;
  /** Makes these files the only commit of a branch that exists; equal files give an equal commit, whenever it is made. */
  readonly begin: (branch: string, files: Readonly<Record<string, string>>) => Promise<string>;
  /** Asks the emulator itself, past record and faults. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
  ) => Promise<{ readonly status: number; readonly data: unknown }>;
  /** Files of a branch or commit: path → mode and text. */
  readonly files: (ref: string) => Promise<Readonly<Record<string, string>>>;
  readonly variables: Map<string, string>;
  readonly artifacts: Map<number, { readonly meta: Readonly<Record<string, unknown>>; readonly bytes: Uint8Array }>;
  readonly runs: Map<number, Readonly<Record<string, unknown>>>;
  readonly environments: Map<string, unknown>;
  readonly deployments: readonly Record<string, unknown>[];
};

const Sha = z.object({ sha: z.string() });
const Ref = z.object({ object: Sha });
const ZERO = "0".repeat(40);

/** The emulator at `address` and beside it what it lacks, in memory. */
export function secondBackend({ address, token, repository }: BackendOptions): Backend {
  const turns = inTurn();
  const send = async (request: Omit<Incoming, "headers"> & { readonly headers?: Incoming["headers"] }) => {
    const query = request.query.size === 0 ? "" : `?${request.query.toString()}`;
    const given = request.headers?.authorization;
    const response = await fetch(`${address}${encodeURI(request.path).replaceAll("#", "%23")}${query}`, {
      method: request.method,
      headers: {
        authorization: typeof given === "string" ? given : `token ${token}`,
        "content-type": "application/json",
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    const text = await response.text();
    const link = response.headers.get("link");
    const headers = link === null ? {} : { link: link.replaceAll(address, "http://api.invalid") };
    return { status: response.status, body: text === "" ? undefined : (JSON.parse(text) as unknown), headers };
  };
  const ask: Backend["ask"] = async (method, path, body) => {
    const answer = await send({ method, path: `${repository}/${path}`, query: new URLSearchParams(), body });
    return { status: answer.status, data: answer.body };
  };
  const annotations = annotationBook(send);
  const state = {
    variables: new Map<string, string>(),
    artifacts: new Map<number, { meta: Record<string, unknown>; bytes: Uint8Array }>(),
    runs: new Map<number, Record<string, unknown>>(),
    environments: new Map<string, unknown>(),
    deployments: [] as Record<string, unknown>[],
  };
  return {
    ...state,
    ask,
    commit: (branch, files) => turns(() => commitFiles(ask, branch, files)),
    begin: async (branch, files) => {
      const author = { name: "ada", email: "ada@example.invalid", date: "2026-11-20T10:00:00Z" };
      const commit = { message: "begin", tree: await treeOf(ask, files), parents: [], author, committer: author };
      const { sha } = Sha.parse((await ask("POST", "git/commits", commit)).data);
      await ask("PATCH", `git/refs/heads/${branch}`, { sha, force: true });
      return sha;
    },
    files: (ref) => filesOf(ask, ref),
    answer: async (request, graphql) => {
      if (request.path === "/graphql") return turns(() => answerGraphQL(ask, request, graphql));
      if (request.method === "POST" && request.path === `${repository}/pulls`) {
        return await turns(async () => (await openFrom(ask, request.body)) ?? (await send(request)));
      }
      const extra = answerExtra(state, request, repository) ?? (await annotations(request));
      return extra ?? (await send(request));
    },
  };
}

function inTurn() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
}

type Ask = Backend["ask"];

async function tip(ask: Ask, branch: string): Promise<string | undefined> {
  const { status, data } = await ask("GET", `git/ref/heads/${branch}`);
  return status === 200 ? Ref.parse(data).object.sha : undefined;
}

async function commitFiles(ask: Ask, branch: string, files: Readonly<Record<string, string>>): Promise<string> {
  const parent = await tip(ask, branch);
  const made = await treeOf(ask, files);
  const parents = parent === undefined ? [] : [parent];
  const { sha } = Sha.parse((await ask("POST", "git/commits", { message: "files", tree: made, parents })).data);
  if (parent === undefined) await ask("POST", "git/refs", { ref: `refs/heads/${branch}`, sha });
  else await ask("PATCH", `git/refs/heads/${branch}`, { sha, force: false });
  return sha;
}

async function treeOf(ask: Ask, files: Readonly<Record<string, string>>): Promise<string> {
  const tree = await Promise.all(
    Object.entries(files).map(async ([path, text]) => {
      const content = Buffer.from(text).toString("base64");
      const { data } = await ask("POST", "git/blobs", { content, encoding: "base64" });
      const mode = text.startsWith("#!") ? "100755" : "100644";
      return { path, mode, type: "blob", sha: Sha.parse(data).sha };
    }),
  );
  return Sha.parse((await ask("POST", "git/trees", { tree })).data).sha;
}

async function filesOf(ask: Ask, ref: string): Promise<Readonly<Record<string, string>>> {
  const commit = /^[0-9a-f]{40}$/.test(ref) ? ref : ((await tip(ask, ref)) ?? ref);
  const { data } = await ask("GET", `git/trees/${commit}?recursive=1`);
  const { tree } = z
    .object({ tree: z.array(z.object({ path: z.string(), type: z.string(), mode: z.string(), sha: z.string() })) })
    .parse(data);
  const found: Record<string, string> = {};
  for (const { path, type, mode, sha } of tree) {
    if (type !== "blob") continue;
    const blob = z.object({ content: z.string() }).parse((await ask("GET", `git/blobs/${sha}`)).data);
    found[path] = `${mode === "100755" ? "x:" : ""}${Buffer.from(blob.content, "base64").toString("utf8")}`;
  }
  return found;
}

const CommitInput = z.strictObject({
  branch: z.strictObject({ repositoryNameWithOwner: z.string(), branchName: z.string() }),
  expectedHeadOid: z.string(),
  message: z.strictObject({ headline: z.string(), body: z.string().optional() }),
  fileChanges: z.strictObject({
    additions: z.array(z.strictObject({ path: z.string(), contents: z.base64() })),
    deletions: z.array(z.strictObject({ path: z.string() })),
  }),
});
const RefInput = z.strictObject({ repositoryId: z.string(), name: z.string(), before: z.string(), after: z.string() });

const refused = (type: string, message: string): Answer => ({
  status: 200,
  body: { data: null, errors: [{ type, path: [], locations: [], message }] },
});

async function answerGraphQL(ask: Ask, { body }: Incoming, known: boolean): Promise<Answer> {
  const { query, variables } = z
    .object({ query: z.string(), variables: z.record(z.string(), z.unknown()) })
    .parse(body);
  if (!known) return refused("undefinedField", "Field 'createCommitOnBranch' doesn't exist on type 'Mutation'");
  if (query.includes("createCommitOnBranch")) return createCommit(ask, CommitInput.parse(variables["input"]));
  if (query.includes("updateRefs")) return updateRef(ask, RefInput.parse(variables));
  return refused("NOT_FOUND", "no such mutation");
}

/** As GitHub does it: whole files, every one of them without a mode, only onto the head that was expected. */
async function createCommit(ask: Ask, input: z.output<typeof CommitInput>): Promise<Answer> {
  const { branchName } = input.branch;
  const head = await tip(ask, branchName);
  if (head === undefined) return refused("NOT_FOUND", `Branch ${branchName} not found`);
  if (head !== input.expectedHeadOid) {
    return refused("STALE_DATA", `Expected branch to point to "${input.expectedHeadOid}" but it did not.`);
  }
  const { tree } = z.object({ tree: Sha }).parse((await ask("GET", `git/commits/${head}`)).data);
  const added = await Promise.all(
    input.fileChanges.additions.map(async ({ path, contents }) => {
      const { data } = await ask("POST", "git/blobs", { content: contents, encoding: "base64" });
      return { path, mode: "100644", type: "blob", sha: Sha.parse(data).sha as string | null };
    }),
  );
  const removed = input.fileChanges.deletions.map(({ path }) => ({ path, mode: "100644", type: "blob", sha: null }));
  const made = Sha.parse((await ask("POST", "git/trees", { base_tree: tree.sha, tree: [...removed, ...added] })).data);
  const { headline, body } = input.message;
  const message = body === undefined || body === "" ? headline : `${headline}\n\n${body}`;
  const { sha } = Sha.parse((await ask("POST", "git/commits", { message, tree: made.sha, parents: [head] })).data);
  await ask("PATCH", `git/refs/heads/${branchName}`, { sha, force: false });
  return { status: 200, body: { data: { createCommitOnBranch: { commit: { oid: sha } } } } };
}

async function updateRef(ask: Ask, { name, before, after }: z.output<typeof RefInput>): Promise<Answer> {
  const branch = name.replace("refs/heads/", "");
  const head = (await tip(ask, branch)) ?? ZERO;
  if (head !== before) return refused("STALE_DATA", `${name} is at ${head} but expected ${before}`);
  if (after === ZERO) await ask("DELETE", `git/refs/heads/${branch}`);
  else await ask("PATCH", `git/refs/heads/${branch}`, { sha: after, force: true });
  return { status: 200, body: { data: { updateRefs: { clientMutationId: null } } } };
}

/** GitHub's refusal of a second open pull request from one branch; the emulator opens as many as it is told. */
async function openFrom(ask: Ask, body: unknown): Promise<Answer | undefined> {
  const { data } = await ask("GET", "pulls?state=open&per_page=100");
  const head: unknown = Reflect.get(Object(body), "head");
  const open = z.array(z.object({ head: z.object({ ref: z.string() }) })).parse(data);
  if (!open.some((pull) => pull.head.ref === head)) return undefined;
  return { status: 422, body: { message: `Validation Failed: A pull request already exists for ${String(head)}.` } };
}

type State = {
  readonly variables: Map<string, string>;
  readonly artifacts: Map<number, { meta: Record<string, unknown>; bytes: Uint8Array }>;
  readonly runs: Map<number, Record<string, unknown>>;
  readonly environments: Map<string, unknown>;
  readonly deployments: Record<string, unknown>[];
};

const ok = (body: unknown, status = 200): Answer => ({ status, body });
const missing: Answer = { status: 404, body: { message: "Not Found" } };

/** Routes that the emulator lacks; undefined for the others. */
function answerExtra(state: State, { method, path, query, body }: Incoming, repository: string): Answer | undefined {
  const [, kind = "", rest = ""] =
    new RegExp(
      `^${repository}/(deployments|environments|actions/variables|actions/artifacts|actions/runs)/?(.*)$`,
    ).exec(path) ?? [];
  const [id = "", verb = ""] = rest.split("/");
  switch (`${method} ${kind}${verb === "" ? "" : ` ${verb}`}`) {
    case "GET actions/variables": {
      const value = state.variables.get(id);
      return value === undefined ? missing : ok({ name: id, value });
    }
    case "GET actions/artifacts": {
      const found = state.artifacts.get(Number(id));
      return found === undefined ? missing : ok(found.meta);
    }
    case "GET actions/artifacts zip": {
      const found = state.artifacts.get(Number(id));
      return found === undefined ? missing : ok(found.bytes);
    }
    case "GET actions/runs": {
      const found = state.runs.get(Number(id));
      return found === undefined ? missing : ok(found);
    }
    case "GET actions/runs artifacts": {
      const all = [...state.artifacts.values()].map(({ meta }) => meta);
      const artifacts = all.filter((meta) => Reflect.get(Object(meta["workflow_run"]), "id") === Number(id));
      return ok({ total_count: artifacts.length, artifacts });
    }
    case "GET environments": {
      const environments = [...state.environments].map(([name]) => ({ name }));
      return ok({ total_count: environments.length, environments });
    }
    case "PUT environments":
      state.environments.set(id, body);
      return ok({ name: id });
    case "GET deployments": {
      const wanted = ["sha", "environment", "task"].filter((key) => query.has(key));
      return ok(state.deployments.filter((one) => wanted.every((key) => one[key] === query.get(key))));
    }
    case "POST deployments": {
      const made = {
        ...Object(body),
        sha: Reflect.get(Object(body), "ref"),
        id: state.deployments.length + 1,
        statuses: [],
      };
      state.deployments.push(made);
      return ok(made, 201);
    }
    case "GET deployments statuses":
      return ok(state.deployments[Number(id) - 1]?.["statuses"]);
    case "POST deployments statuses": {
      const statuses = state.deployments[Number(id) - 1]?.["statuses"] as unknown[];
      const made = { ...Object(body), id: statuses.length + 1 };
      statuses.unshift(made);
      return ok(made, 201);
    }
    default:
      return undefined;
  }
}
