import { z } from "zod";
import { type Ask, Sha, tip } from "./github-objects.ts";
import type { Answer, Incoming } from "./github.ts";

const ZERO = "0".repeat(40);

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

/** The mutations of commits and references, which the emulator lacks. `known` false: a server without them. */
export async function answerGraphQL(ask: Ask, { body }: Incoming, known: boolean): Promise<Answer> {
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
