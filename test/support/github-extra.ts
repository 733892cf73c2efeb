import { z } from "zod";
import { type Actions, actionsBook } from "./github-actions.ts";
import { annotationBook } from "./github-annotations.ts";
import type { Answer, Incoming } from "./github.ts";
import { type Ask, Sha, tip } from "./github-objects.ts";
import { answerGraphQL } from "./github-graphql.ts";
import { answerExtra } from "./github-routes.ts";
import { type People, peopleBook } from "./github-people.ts";

/** Where the emulator is, and as whom it is asked. */
export type BackendOptions = {
  readonly address: string;
  readonly token: string;
  readonly repository: string;
  /** Account of the App, or of the token where there is none. */
  readonly self: string;
};

/** The emulator with what it lacks: GraphQL mutations of commits, deployments, environments, variables, digests. */
export type Backend = {
  readonly answer: (request: Incoming, graphql: boolean) => Promise<Answer>;
  /** Commits whole files on a branch, removing all others; makes the branch when it is not there. Returns the commit. */
  readonly commit: (branch: string, files: Readonly<Record<string, string>>) => Promise<string>;
  /** Makes these files the only commit of a branch that exists; equal files give an equal commit, whenever it is made. */
  readonly begin: (branch: string, files: Readonly<Record<string, string>>) => Promise<string>;
  /** Asks the emulator itself, past record and faults. */
  readonly ask: Ask;
  /** Files of a branch or commit: path → mode and text. */
  readonly files: (ref: string) => Promise<Readonly<Record<string, string>>>;
  readonly people: People;
  readonly variables: Map<string, string>;
  /** When a variable was set, RFC 3339. */
  readonly variableTimes: Map<string, string>;
  readonly artifacts: Map<number, { readonly meta: Readonly<Record<string, unknown>>; readonly bytes: Uint8Array }>;
  readonly runs: Map<number, Readonly<Record<string, unknown>>>;
  readonly environments: Map<string, unknown>;
  readonly deployments: readonly Record<string, unknown>[];
  /** Workflows, dispatches and gates; runs are in `runs`. */
  readonly actions: Actions;
};

/** The emulator at `address` and beside it what it lacks, in memory. */
export function secondBackend({ address, token, repository, self }: BackendOptions): Backend {
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
  const people = peopleBook(repository, (token, request) =>
    send({ ...request, headers: { authorization: `token ${token}` } }),
  );
  const state = {
    variables: new Map<string, string>(),
    variableTimes: new Map<string, string>(),
    artifacts: new Map<number, { meta: Record<string, unknown>; bytes: Uint8Array }>(),
    runs: new Map<number, Record<string, unknown>>(),
    environments: new Map<string, unknown>(),
    deployments: [] as Record<string, unknown>[],
  };
  const actions = actionsBook({ ask, repository, runs: state.runs, self });
  return {
    ...state,
    actions,
    people,
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
      if (request.path === "/installation/repositories") {
        const found = await send({ ...request, path: repository, query: new URLSearchParams() });
        return { status: 200, body: { total_count: 1, repositories: [found.body] } };
      }
      const extra =
        (await actions.answer(request)) ??
        (await pullsOfCommit(ask, request)) ??
        answerExtra(state, request, repository) ??
        people.answer(request) ??
        (await annotations(request));
      return extra ?? (await withFreshHead(ask, await send(request)));
    },
  };
}

const CommitPull = z.looseObject({
  head: z.looseObject({ sha: z.string(), ref: z.string() }),
  merge_commit_sha: z.string().nullish(),
});

/** Pull requests that a commit is the head or the merge of. */
async function pullsOfCommit(ask: Ask, { method, path }: Incoming): Promise<Answer | undefined> {
  const sha = /\/commits\/([0-9a-f]{40})\/pulls$/.exec(path)?.[1];
  if (method !== "GET" || sha === undefined) return undefined;
  const { data } = await ask("GET", "pulls?state=all&per_page=100");
  const all = z.array(CommitPull).parse(data);
  const heads = await Promise.all(all.map(({ head }) => tip(ask, head.ref)));
  return {
    status: 200,
    body: all.filter((pull, index) => [pull.head.sha, heads[index], pull.merge_commit_sha].includes(sha)),
  };
}

const OpenPull = z.looseObject({ state: z.literal("open"), head: z.looseObject({ ref: z.string(), sha: z.string() }) });

/** An open pull request follows its branch; the emulator keeps the head that it was opened with. */
async function withFreshHead(ask: Ask, answer: Answer): Promise<Answer> {
  const pull = OpenPull.safeParse(answer.body).data;
  const sha = pull === undefined ? undefined : await tip(ask, pull.head.ref);
  if (pull === undefined || sha === undefined) return answer;
  return { ...answer, body: { ...Object(answer.body), head: { ...pull.head, sha } } };
}

function inTurn() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
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

/** GitHub's refusal of a second open pull request from one branch; the emulator opens as many as it is told. */
async function openFrom(ask: Ask, body: unknown): Promise<Answer | undefined> {
  const { data } = await ask("GET", "pulls?state=open&per_page=100");
  const head: unknown = Reflect.get(Object(body), "head");
  const open = z.array(z.object({ head: z.object({ ref: z.string() }) })).parse(data);
  if (!open.some((pull) => pull.head.ref === head)) return undefined;
  return { status: 422, body: { message: `Validation Failed: A pull request already exists for ${String(head)}.` } };
}
