import { z } from "zod";
import { gitText } from "../../src/github/git.ts";
import { temporaryRepository, type TestRepository } from "./git-repository.ts";
import type { GitHub } from "./github.ts";

const Person = z.object({ name: z.string(), email: z.string(), date: z.string() });
const Commit = z.object({
  tree: z.object({ sha: z.string() }),
  parents: z.array(z.object({ sha: z.string() })),
  author: Person,
  committer: Person,
  message: z.string(),
});
const Tree = z.object({
  tree: z.array(z.object({ path: z.string(), mode: z.string(), type: z.string(), sha: z.string() })),
});

/** A clone of a branch of the counterpart, with the very same commits: objects are copied one by one. */
export async function cloneOf(github: GitHub, branch = "main"): Promise<TestRepository> {
  const repository = await temporaryRepository();
  const { data } = await github.backend.ask("GET", `git/ref/heads/${branch}`);
  const { sha } = z.object({ object: z.object({ sha: z.string() }) }).parse(data).object;
  await copyCommit(github, repository.root, sha);
  await repository.git("update-ref", `refs/heads/${branch}`, sha);
  await repository.git("symbolic-ref", "HEAD", `refs/heads/${branch}`);
  await repository.git("reset", "--quiet", "--hard");
  return repository;
}

async function copyCommit(github: GitHub, cwd: string, sha: string): Promise<void> {
  const commit = Commit.parse((await github.backend.ask("GET", `git/commits/${sha}`)).data);
  for (const parent of commit.parents) await copyCommit(github, cwd, parent.sha);
  await copyTree(github, cwd, commit.tree.sha);
  const at = ({ name, email, date }: z.output<typeof Person>) =>
    `${name} <${email}> ${Math.floor(Date.parse(date) / 1000)} +0000`;
  const head = [
    `tree ${commit.tree.sha}`,
    ...commit.parents.map((parent) => `parent ${parent.sha}`),
    `author ${at(commit.author)}`,
    `committer ${at(commit.committer)}`,
  ];
  const message = commit.message.endsWith("\n") ? commit.message : `${commit.message}\n`;
  const input = `${head.join("\n")}\n\n${message}`;
  const made = await gitText({ args: ["hash-object", "-t", "commit", "-w", "--stdin"], cwd, input });
  if (made !== sha) throw new Error(`the copy of ${sha} is ${made}`);
}

async function copyTree(github: GitHub, cwd: string, sha: string): Promise<void> {
  const { tree } = Tree.parse((await github.backend.ask("GET", `git/trees/${sha}`)).data);
  for (const entry of tree) {
    if (entry.type === "tree") await copyTree(github, cwd, entry.sha);
    else {
      const { data } = await github.backend.ask("GET", `git/blobs/${entry.sha}`);
      const input = Buffer.from(z.object({ content: z.string() }).parse(data).content, "base64");
      await gitText({ args: ["hash-object", "-w", "--stdin"], cwd, input });
    }
  }
  const input = tree.map(({ mode, type, sha: id, path }) => `${mode} ${type} ${id}\t${path}\0`).join("");
  await gitText({ args: ["mktree", "-z"], cwd, input });
}
