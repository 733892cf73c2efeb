import { afterAll } from "@jest/globals";
import nock from "nock";
import type { Forge } from "../../../src/github/port.ts";
import { restCommits } from "../../../src/github/rest/commits.ts";
import { openRestForge } from "../../../src/github/rest/forge.ts";
import { openRestHost } from "../../../src/github/rest/host.ts";
import { openWallGit } from "../../../src/github/wall-git.ts";
import type { Proposal } from "../../../src/model/proposal.ts";
import type { StepVerdict } from "../../../src/model/step-verdict.ts";
import { sha256 } from "../../../src/protect/digest.ts";
import { applyPatchTo } from "../../support/patch-contents.ts";
import type { EarlierEnd } from "../../../src/propose/duplicates.ts";
import type { Material, WriteDeps, WriteRequest } from "../../../src/propose/write/request.ts";
import { BOT_LOGIN, type GitHub, type GitHubOptions, OWNER, REPO, startGitHub } from "../../support/github.ts";
import { cloneOf } from "../../support/github-clone.ts";
import { evidence, PATCH, proposal, session, validation } from "../parts.ts";

nock.restore();

export const FILES = {
  "src/a.ts": "old\nsame\n",
  "src/run.sh": "#!/bin/sh\n",
  CODEOWNERS: "* @ada\n/src/ @grace @ada\n",
};
export const RUN = { id: 7, attempt: 2 };
export const ARTIFACT = { id: 9, digest: "e".repeat(64) };
export const LINKS = {
  run: "https://github.com/octo-org/notes/actions/runs/7",
  artifact: "https://github.com/octo-org/notes/actions/runs/7/artifacts/9",
};
/** Id of the repository as the counterpart numbers it. */
const REPOSITORY_ID = 1;

/** A repository on GitHub, a clone of it, and the write job's parts over both. */
export type World = AsyncDisposable & {
  readonly github: GitHub;
  readonly forge: Forge;
  readonly deps: WriteDeps;
  /** What the jobs before hand over for a patch. */
  readonly request: (change?: RequestChange) => WriteRequest;
  readonly outcomes: EarlierEnd[];
  /** Artifact, run and outcomes as they were at the start. */
  readonly reset: () => void;
};
export type RequestChange = {
  readonly patch?: string;
  readonly proposal?: Partial<Proposal>;
  readonly answer?: Partial<Proposal["answer"]>;
  readonly detect?: Partial<StepVerdict>;
  readonly validate?: Partial<StepVerdict>;
  readonly validation?: Partial<typeof validation>;
  readonly request?: Partial<WriteRequest>;
};

export async function startWorld(options: GitHubOptions = {}): Promise<World> {
  const github = await startGitHub({ files: FILES, ...options });
  const { git } = await gitAt(github);
  const repository = { owner: OWNER, repo: REPO, client: github.client() };
  const forge = openRestForge({ ...repository, apply: applyPatchTo });
  const outcomes: World["outcomes"] = [];
  const reset = () => {
    outcomes.length = 0;
    github.backend.artifacts.set(ARTIFACT.id, { meta: artifactMeta({}), bytes: new Uint8Array() });
    github.backend.runs.set(RUN.id, { id: RUN.id, run_attempt: RUN.attempt, head_sha: github.base });
  };
  reset();
  const deps: WriteDeps = {
    git,
    forge,
    commits: restCommits(repository),
    host: openRestHost({ ...repository, self: BOT_LOGIN }),
    outcomes: async () => outcomes,
    mayWrite: async () => undefined,
  };
  return {
    github,
    forge,
    deps,
    outcomes,
    reset,
    request: (change = {}) => requestFor(github.base, change),
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
  };
}

/** Clones by their head: equal files give equal commits, so that many worlds share one. */
const clones = new Map<string, ReturnType<typeof openClone>>();

function gitAt(github: GitHub): ReturnType<typeof openClone> {
  const known = clones.get(github.base) ?? openClone(github);
  clones.set(github.base, known);
  return known;
}

/** A scratch git of its own, for a second writer at the same time. */
export async function secondGit(github: GitHub): Promise<Awaited<ReturnType<typeof openWallGit>>> {
  return await openWallGit((await gitAt(github)).root);
}

async function openClone(github: GitHub) {
  const clone = await cloneOf(github);
  const git = await openWallGit(clone.root);
  const dispose = async () => {
    await git[Symbol.asyncDispose]();
    await clone[Symbol.asyncDispose]();
  };
  return { root: clone.root, git, dispose };
}

afterAll(async () => {
  for (const clone of clones.values()) await (await clone).dispose();
});

/** The artifact as GitHub states it. */
export function artifactMeta(more: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    id: ARTIFACT.id,
    name: "proposal",
    size_in_bytes: 3,
    expired: false,
    digest: `sha256:${ARTIFACT.digest}`,
    workflow_run: { id: RUN.id, repository_id: REPOSITORY_ID, head_repository_id: REPOSITORY_ID },
    ...more,
  };
}

export function material(value: unknown): Material {
  const text = JSON.stringify(value);
  return { text, digest: sha256(text) };
}

function requestFor(baseSha: string, change: RequestChange): WriteRequest {
  const patch = change.patch ?? PATCH;
  const patchDigest = sha256(patch);
  const made: Proposal = {
    ...proposal,
    baseSha,
    patchDigest,
    answer: { ...proposal.answer, patch, ...change.answer },
    ...change.proposal,
  };
  const verdict = (step: StepVerdict["step"]): StepVerdict => ({
    schema: "whetstone.step-verdict/1",
    step,
    run: RUN,
    artifactDigest: ARTIFACT.digest,
    patchDigest,
    verdict: "pass",
    reasons: ["ok"],
    details: [],
  });
  return {
    run: RUN,
    artifact: ARTIFACT,
    materials: {
      proposal: material(made),
      session: material(session),
      evidence: material(evidence),
      validation: material({ ...validation, baseSha, patchDigest, ...change.validation }),
      detect: material({ ...verdict("detect"), ...change.detect }),
      validate: material({ ...verdict("validate"), ...change.validate }),
    },
    rules: { source: ["src/**"] },
    dossier: "d-1",
    links: LINKS,
    labels: ["whetstone"],
    ...change.request,
  };
}
