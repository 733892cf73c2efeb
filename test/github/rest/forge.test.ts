import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import type { Forge, ProposalBranch } from "../../../src/github/port.ts";
import { openRestForge } from "../../../src/github/rest/forge.ts";
import { applyPatchTo } from "../../support/patch-contents.ts";
import { type Fault, type GitHub, type GitHubOptions, OWNER, REPO, startGitHub } from "../../support/github.ts";
import { forgeContract } from "../forge-contract.ts";

nock.restore();

const open = (github: GitHub): Forge =>
  openRestForge({ owner: OWNER, repo: REPO, client: github.client(), apply: applyPatchTo });

for (const graphql of [true, false]) {
  forgeContract(`rest, ${graphql ? "commits by GraphQL" : "a server without mutations of commits"}`, async (files) => {
    const github = await startGitHub({ files, graphql });
    return {
      forge: open(github),
      commit: (next) => github.backend.commit("main", next),
      [Symbol.asyncDispose]: async () => {
        expect(github.violations).toEqual([]);
        await github[Symbol.asyncDispose]();
      },
    };
  });
}

const FILES = { "src/a.txt": "1\n2\n3\n", "run.sh": "#!/bin/sh\necho 1\n" };
const EDIT =
  "diff --git a/src/a.txt b/src/a.txt\n--- a/src/a.txt\n+++ b/src/a.txt\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n";
const EDIT_SCRIPT =
  "diff --git a/run.sh b/run.sh\n--- a/run.sh\n+++ b/run.sh\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-echo 1\n+echo 2\n";
const BRANCH = "whetstone/proposal/notes/abc";

const proposal = (github: GitHub, more: Partial<ProposalBranch> = {}): ProposalBranch => ({
  branch: BRANCH,
  baseSha: github.base,
  patch: EDIT,
  title: "Read each note once",
  body: "The report",
  ...more,
});

const writes = (github: GitHub) => github.requests.filter((request) => !request.startsWith("GET "));

test("without a way to apply patches no proposal is opened, and nothing is written", async () => {
  await using github = await startGitHub({ files: FILES });
  const forge = openRestForge({ owner: OWNER, repo: REPO, client: github.client() });
  await expect(forge.openProposal(proposal(github))).rejects.toMatchObject({ code: "defect" });
  expect(writes(github)).toEqual([]);
});

describe("a commit", () => {
  test("is made by createCommitOnBranch on the head that is expected, and read back", async () => {
    await using github = await startGitHub({ files: FILES });
    await open(github).openProposal(proposal(github));
    expect(writes(github).at(-1)).toBe("POST /graphql createCommitOnBranch");
    expect(writes(github)).toContain("POST git/refs");
    expect(github.requests.at(-1)).toMatch(/^GET git\/commits\//);
  });

  test("of a file that may be executed keeps its mode, which GraphQL cannot", async () => {
    await using github = await startGitHub({ files: FILES });
    await open(github).openProposal(proposal(github, { patch: EDIT_SCRIPT }));
    expect((await github.backend.files(BRANCH))["run.sh"]).toBe("x:#!/bin/sh\necho 2\n");
    expect(writes(github).filter((request) => request.includes("graphql"))).toEqual([]);
  });

  test("that became another tree than was meant is refused", async () => {
    await using github = await startGitHub({ files: FILES });
    // Between validation and commit GitHub stores something else: the mutation is answered for another file.
    github.bend((request, incoming) => {
      if (request !== "POST /graphql createCommitOnBranch") return undefined;
      const additions = Reflect.get(Object(incoming.body), "variables").input.fileChanges.additions as {
        contents: string;
      }[];
      for (const one of additions) one.contents = Buffer.from("evil\n").toString("base64");
      return undefined;
    });
    const opening = open(github).openProposal(proposal(github));
    await expect(opening).rejects.toMatchObject({ code: "git_failed", data: { branch: BRANCH } });
  });

  test("is announced before its branch exists, and again as the commit that it became", async () => {
    await using github = await startGitHub({ files: FILES });
    const seen: [string, readonly unknown[]][] = [];
    const forge = open(github);
    const announce: NonNullable<ProposalBranch["announce"]> = async ({ sha }) =>
      void seen.push([sha, await forge.proposals("whetstone")]);
    const { sha } = await forge.openProposal(proposal(github, { announce }));
    expect(seen.map(([told]) => told)).toEqual([github.base, sha]);
    expect(seen[0]?.[1]).toEqual([]);
    await forge.openProposal(proposal(github, { announce }));
    expect(seen).toHaveLength(2);
  });

  test("that a branch lost in between to somebody else is ref_moved, and theirs stays", async () => {
    await using github = await startGitHub({ files: FILES });
    const theirs = await (async () => {
      await open(github).openProposal(proposal(github, { branch: "other" }));
      return await github.backend.commit("other", { theirs: "x" });
    })();
    let raced = false;
    github.bend((request) => {
      if (request !== "POST /graphql createCommitOnBranch" || raced) return undefined;
      raced = true;
      return undefined;
    });
    const forge = open(github);
    const announce: NonNullable<ProposalBranch["announce"]> = async () => {
      await github.backend.ask("POST", "git/refs", { ref: `refs/heads/${BRANCH}`, sha: theirs });
    };
    await expect(forge.openProposal(proposal(github, { announce }))).rejects.toMatchObject({ code: "ref_moved" });
    expect(await github.backend.files(BRANCH)).toEqual({ theirs: "x" });
  });

  test("by two writers at once is made once", async () => {
    await using github = await startGitHub({ files: FILES });
    const [one, other] = await Promise.all([
      open(github).openProposal(proposal(github)),
      open(github).openProposal(proposal(github)),
    ]);
    expect(one).toEqual(other);
    expect(await open(github).proposals("whetstone")).toEqual([one]);
    expect(await github.backend.files(BRANCH)).toMatchObject({ "src/a.txt": "1\ntwo\n3\n" });
  });
});

const FAULTS: readonly Fault[] = [
  { when: "before", reply: { status: 502, body: { message: "Bad gateway" } } },
  { when: "after", reply: "cut" },
];

describe("a write that is disturbed", () => {
  /** Writes of an undisturbed run, in order. */
  async function undisturbed(options: GitHubOptions, patch: string): Promise<readonly string[]> {
    await using github = await startGitHub({ files: FILES, ...options });
    await open(github).openProposal(proposal(github, { patch }));
    return writes(github);
  }
  const cases = [
    ["by GraphQL", {}, EDIT],
    ["without GraphQL", { graphql: false }, EDIT],
  ] as const;

  test.each(cases)(
    "%s: cut off or failing before or after any request, a rerun completes it exactly once",
    async (_name, options, patch) => {
      const steps = await undisturbed(options, patch);
      for (const [step] of steps.entries()) {
        for (const fault of FAULTS) {
          await using github = await startGitHub({ files: FILES, ...options });
          let count = -1;
          github.bend((request) => {
            if (!request.startsWith("GET ")) count += 1;
            return count === step && !request.startsWith("GET ") ? fault : undefined;
          });
          await open(github)
            .openProposal(proposal(github, { patch }))
            .catch((error: unknown) => {
              expect(error).toMatchObject({ code: "api_failed" });
            });
          github.bend(undefined);
          const done = await open(github).openProposal(proposal(github, { patch }));
          expect(await open(github).proposals("whetstone")).toEqual([done]);
          const { data } = await github.backend.ask("GET", `git/commits/${done.sha}`);
          expect(data).toMatchObject({ parents: [{ sha: github.base }] });
          expect(github.violations).toEqual([]);
        }
      }
    },
  );

  test("closing: an answer that is lost counts by what became of the branch", async () => {
    await using github = await startGitHub({ files: FILES });
    const { branch, sha } = await open(github).openProposal(proposal(github));
    github.bend((request) => (request === "POST /graphql updateRefs" ? { when: "after", reply: "cut" } : undefined));
    expect(await open(github).closeProposal(branch, sha)).toBe(true);
    expect(await open(github).proposals("whetstone")).toEqual([]);
  });

  test("closing: a failure before it was carried out is told, and the branch stands", async () => {
    await using github = await startGitHub({ files: FILES });
    const { branch, sha } = await open(github).openProposal(proposal(github));
    github.bend((request) => (request === "POST /graphql updateRefs" ? { when: "before", reply: "cut" } : undefined));
    await expect(open(github).closeProposal(branch, sha)).rejects.toMatchObject({ code: "api_failed" });
    expect(await open(github).proposals("whetstone")).toHaveLength(1);
  });
});
