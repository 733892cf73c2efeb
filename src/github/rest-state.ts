import { WhetstoneError } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import type { GitHubClient } from "./rest-api.ts";
import { BOT } from "./git.ts";
import {
  blobId,
  moveRestBranch,
  restBlob,
  restCommit,
  restEntries,
  type RestRepository,
  restTip,
  restTree,
  type TreeEntry,
  writeRestBlob,
  writeRestCommit,
} from "./rest-objects.ts";
import { assertStorable, pathsBelow, STATE_MARK } from "./state-path.ts";
import { STATE_BRANCH, type StateChange, type StateStore, type StateView } from "./state-port.ts";

/** Where the state lives and how a lost race is met. */
export type RestStateOptions = {
  readonly owner: string;
  readonly repo: string;
  readonly branch?: string;
  readonly octokit: GitHubClient;
  /** Wall clock for commit dates, ns since the Unix epoch. */
  readonly now: () => bigint;
  /** How often `plan` may run again after a lost race. */
  readonly retries?: number;
};

type Place = Required<Pick<RestStateOptions, "branch" | "now" | "retries">> & { readonly repository: RestRepository };
type Plan<T> = (view: StateView) => Promise<{ readonly change: StateChange; readonly value: T }>;
type Files = () => Promise<ReadonlyMap<string, string>>;
type Reading = { readonly view: StateView; readonly files: Files };

/**
 * The state on an orphan branch of a repository on GitHub, through the Git Data API. Commits are built from blobs and
 * trees first; the branch then moves to them without force, so a run that is cut off leaves the old state or the new
 * one. Errors: `ref_moved`, `api_failed`, `state_foreign`, `write_failed` for a path that cannot be stored.
 */
export function openRestState({ owner, repo, octokit, ...options }: RestStateOptions): StateStore {
  const repository = { owner, repo, client: octokit };
  const place: Place = { branch: STATE_BRANCH, retries: 20, ...options, repository };
  return {
    view: async () => (await read(place)).view,
    update: (message, plan) => update(place, message, plan),
  };
}

async function update<T>(place: Place, message: string, plan: Plan<T>): Promise<T> {
  const { repository, branch } = place;
  const stored = new Set<string>();
  for (let attempt = 0; attempt <= place.retries; attempt += 1) {
    const reading = await read(place);
    const { change, value } = await plan(reading.view);
    if (change.size === 0) return value;
    const before = await reading.files();
    assertStorable(before.keys(), change);
    const entries = await storeBlobs(repository, { change, before, stored });
    if (entries.length === 0) return value;
    const from = reading.view.head;
    const to = await writeRestCommit(repository, {
      base: from === undefined ? undefined : await restTree(repository, from),
      entries,
      empty: leavesNothing(before, entries),
      parent: from,
      message,
      at: place.now(),
    });
    if (await moveRestBranch(repository, { branch, from, to })) return value;
  }
  throw tooManyRaces(place);
}

type Writing = {
  readonly change: StateChange;
  readonly before: ReadonlyMap<string, string>;
  /** Blobs that an earlier attempt of the same update stored. */
  readonly stored: Set<string>;
};

/**
 * What the change does to the tree: nothing for a file that stays as it is or was not there, since GitHub refuses the
 * latter. Blobs are stored one after the other, as GitHub asks of clients that create content.
 */
async function storeBlobs(
  repository: RestRepository,
  { change, before, stored }: Writing,
): Promise<readonly TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for (const [path, content] of change) {
    const sha = content === null ? null : blobId(content);
    if (sha === (before.get(path) ?? null)) continue;
    if (content !== null && sha !== null && !stored.has(sha)) {
      await writeRestBlob(repository, content);
      stored.add(sha);
    }
    entries.push({ path, sha });
  }
  return entries;
}

function leavesNothing(before: ReadonlyMap<string, string>, entries: readonly TreeEntry[]): boolean {
  return entries.every(({ sha }) => sha === null) && entries.length === before.size;
}

async function read({ repository, branch }: Place): Promise<Reading> {
  const head = await restTip(repository, branch);
  const files = filesOf({ repository, branch }, head);
  const view: StateView = {
    head,
    read: async (path) => {
      const blob = (await files()).get(path);
      return blob === undefined ? undefined : await restBlob(repository, blob);
    },
    list: async (prefix) => pathsBelow((await files()).keys(), prefix),
  };
  return { view, files };
}

type Branch = Pick<Place, "repository" | "branch">;

/** Reads the tree once, when it is first needed. */
function filesOf(branch: Branch, head: CommitSha | undefined): Files {
  let files: Promise<ReadonlyMap<string, string>> | undefined;
  return () => (files ??= head === undefined ? Promise.resolve(new Map()) : ownFiles(branch, head));
}

/** Every file of a commit of ours: path → blob. Somebody else's branch of that name would be shown as the state, and grow. */
async function ownFiles({ repository, branch }: Branch, head: CommitSha): Promise<ReadonlyMap<string, string>> {
  const { tree, committer } = await restCommit(repository, head);
  const entries = await restEntries(repository, tree);
  if (committer === BOT.email || entries.size === 0 || entries.has(STATE_MARK)) {
    return new Map([...entries].map(([path, { sha }]) => [path, sha]));
  }
  const { owner, repo } = repository;
  throw new WhetstoneError(
    "state_foreign",
    `The branch ${branch} of ${owner}/${repo} is not Whetstone's: its last commit ${head.slice(0, 12)} is somebody else's, and it has no ${STATE_MARK}.`,
    { remedy: "Rename it on GitHub, then run this again.", data: { branch, commit: head } },
  );
}

function tooManyRaces({ repository: { owner, repo }, branch, retries }: Place): WhetstoneError {
  const attempts = retries + 1;
  return new WhetstoneError(
    "ref_moved",
    `${branch} of ${owner}/${repo} moved ${attempts} times while it was written.`,
    {
      remedy: "Other runs write the state at the same time; nothing was lost, run the command again.",
      data: { owner, repo, branch, attempts },
    },
  );
}
