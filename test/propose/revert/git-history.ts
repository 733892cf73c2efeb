import { execFileSync } from "node:child_process";
import type { History } from "../../../src/github/history-port.ts";

/** One file of a commit: mode and content. */
export type Content = { readonly mode: string; readonly bytes: Uint8Array };
export type Files = ReadonlyMap<string, Content>;

/** Git itself on a folder, for what it says of a merge. */
export type RealGit = {
  /** Makes commits, each on the one before, in one go; answers their ids. */
  readonly commits: (files: readonly Files[]) => readonly string[];
  /** What git's own revert of `changed` (a commit on `before`) on `now` gives: the tree, or undefined for a conflict. */
  readonly revert: (commits: {
    readonly before: string;
    readonly changed: string;
    readonly now: string;
  }) => string | undefined;
  readonly history: Pick<History, "tree" | "blob">;
  readonly treeOf: (files: Files) => string;
  /** What git takes the similarity of two commits' one renamed file for, 0 to 1; undefined where it sees no rename. */
  readonly similarity: (one: string, other: string) => number | undefined;
};

export function realGit(cwd: string): RealGit {
  const git = (args: readonly string[], input?: string | Buffer): Buffer =>
    execFileSync("git", [...args], { cwd, input, stdio: ["pipe", "pipe", "pipe"] });
  git(["init", "-q", "-b", "main"]);
  let serial = 0;
  const make = (all: readonly Files[], parents: readonly string[]): readonly string[] => {
    serial += 1;
    const parts = all.flatMap((files, index) => [
      Buffer.from(
        `commit refs/heads/b${serial}\nmark :${index + 1}\ncommitter t <t@example.invalid> 1700000000 +0000\ndata 1\nx\n`,
      ),
      ...(index === 0 ? parents.map((parent) => Buffer.from(`from ${parent}\n`)) : []),
      Buffer.from("deleteall\n"),
      ...[...files].flatMap(([path, { mode, bytes }]) => [
        Buffer.from(`M ${mode} inline ${path}\ndata ${bytes.length}\n`),
        Buffer.from(bytes),
        Buffer.from("\n"),
      ]),
      Buffer.from("\n"),
    ]);
    git(["fast-import", "--quiet", "--force", `--export-marks=marks`], Buffer.concat(parts));
    const marks = execFileSync("cat", ["marks"], { cwd }).toString("utf8").trim().split("\n");
    return marks
      .toSorted((a, b) => Number(a.slice(1).split(" ")[0]) - Number(b.slice(1).split(" ")[0]))
      .map((line) => line.split(" ")[1] ?? "");
  };
  const tree = (commit: string): string =>
    git(["rev-parse", `${commit}^{tree}`])
      .toString("utf8")
      .trim();
  return {
    commits: (files) => make(files, []),
    treeOf: (files) => tree(make([files], [])[0] ?? ""),
    similarity: (one, other) => {
      const said = git(["diff-tree", "-r", "-M", "--raw", one, other]).toString("utf8");
      const percent = / R(\d{3})\t/.exec(said)?.[1];
      return percent === undefined ? undefined : Number(percent) / 100;
    },
    revert: ({ before, changed, now }) => {
      // A commit with the tree from before on top of the change: merging it is what a revert is.
      const undo = git(["commit-tree", tree(before), "-p", changed, "-m", "undo"])
        .toString("utf8")
        .trim();
      try {
        return git(["merge-tree", "--write-tree", now, undo]).toString("utf8").trim().split("\n")[0];
      } catch (error) {
        if (Reflect.get(Object(error), "status") === 1) return undefined;
        throw error;
      }
    },
    history: {
      tree: async (commit) => {
        const lines = git(["ls-tree", "-r", "-z", commit])
          .toString("utf8")
          .split("\0")
          .filter((line) => line !== "");
        return new Map(
          lines.map((line) => {
            const [facts = "", path = ""] = line.split("\t");
            const [mode = "", , sha = ""] = facts.split(" ");
            return [path, { mode, sha }] as const;
          }),
        );
      },
      blob: async (sha) => git(["cat-file", "blob", sha]),
    },
  };
}

/** The tree that a change of files makes of another. */
export function applied(
  files: Files,
  change: readonly { path: string; mode: string | null; bytes: Uint8Array | null }[],
): Files {
  const next = new Map(files);
  for (const { path, mode, bytes } of change) {
    if (bytes === null || mode === null) next.delete(path);
    else next.set(path, { mode, bytes });
  }
  return next;
}
