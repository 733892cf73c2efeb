import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Forge, ProposalBranch } from "../../src/github/port.ts";

/** A repository behind a forge, with the hands of a user on it. */
export type ForgePlace = AsyncDisposable & {
  readonly forge: Forge;
  /** Replaces all files of the worktree and commits them; returns the commit. */
  readonly commit: (files: Readonly<Record<string, string>>) => Promise<string>;
  /** Absent where the repository is on a host: nothing is checked out there. */
  readonly worktree?: {
    /** Changes or makes files in the worktree without committing. */
    readonly edit: (paths: readonly string[]) => Promise<void>;
    /** Goes to a branch, or detaches HEAD. */
    readonly checkout: (branch: string | undefined) => Promise<void>;
  };
};

/** Makes a repository with one commit on `main`. */
export type ForgeSetup = (files: Readonly<Record<string, string>>) => Promise<ForgePlace>;
/** The same, with something checked out. */
export type WorktreeSetup = (files: Readonly<Record<string, string>>) => Promise<Required<ForgePlace>>;

const FILES = { "src/a.txt": "1\n2\n3\n", "src/žluť b.txt": "b\n", "README.md": "r\n" };
const EDIT =
  "diff --git a/src/a.txt b/src/a.txt\n--- a/src/a.txt\n+++ b/src/a.txt\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n";
const ADD =
  "diff --git a/new/n.txt b/new/n.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new/n.txt\n@@ -0,0 +1 @@\n+n\n";
const GONE =
  "diff --git a/README.md b/README.md\ndeleted file mode 100644\n--- a/README.md\n+++ /dev/null\n@@ -1 +0,0 @@\n-r\n";
const MOVE = "diff --git a/src/a.txt b/src/z.txt\nsimilarity index 100%\nrename from src/a.txt\nrename to src/z.txt\n";

const proposal = (baseSha: string, more: Partial<ProposalBranch> = {}): ProposalBranch => ({
  branch: "whetstone/notes/p1",
  baseSha,
  patch: EDIT,
  title: "Read each note once",
  body: "## Report\n\nbefore, after",
  ...more,
});

const read = async (forge: Forge, sha: string, path: string) => {
  const bytes = await forge.read(sha, path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
};

/** What every adapter of `Forge` promises. */
export function forgeContract(name: string, setup: ForgeSetup): void {
  describe(`Forge contract: ${name}`, () => {
    reading(setup);
    proposing(setup);
    closing(setup);
  });
}

/** What those adapters promise besides that have a worktree. */
export function worktreeContract(name: string, setup: WorktreeSetup): void {
  describe(`Forge contract with a worktree: ${name}`, () => worktrees(setup));
}

function reading(setup: ForgeSetup): void {
  test("head names commit and branch", async () => {
    await using place = await setup(FILES);
    const { sha, branch } = await place.forge.head();
    expect(branch).toBe("main");
    const next = await place.commit({ ...FILES, more: "x" });
    expect(await place.forge.head()).toEqual({ sha: next, branch: "main" });
    expect(next).not.toBe(sha);
    expect(await place.forge.uncommitted(["."])).toEqual([]);
  });

  test("read gives a file at a commit; folders, missing files and odd names are not there", async () => {
    await using place = await setup(FILES);
    const { sha } = await place.forge.head();
    await place.commit({ "src/a.txt": "later\n" });
    expect(await read(place.forge, sha, "src/a.txt")).toBe("1\n2\n3\n");
    expect(await read(place.forge, sha, "src/žluť b.txt")).toBe("b\n");
    for (const path of ["src", "src/", "none", "*", ":/README.md", "src/../README.md", "../x", "/etc/passwd", ""]) {
      expect(await read(place.forge, sha, path)).toBeUndefined();
    }
    await expect(place.forge.read("f".repeat(40), "src/a.txt")).rejects.toMatchObject({ code: "git_failed" });
  });
}

function proposing(setup: ForgeSetup): void {
  test("openProposal commits edits, additions, removals and renames onto the base", async () => {
    await using place = await setup(FILES);
    const { sha: base } = await place.forge.head();
    await place.commit({ ...FILES, "later.txt": "not in the proposal" });
    const changes = [EDIT + ADD + GONE, MOVE] as const;
    const [first, second] = [
      await place.forge.openProposal(proposal(base, { patch: changes[0] })),
      await place.forge.openProposal(proposal(base, { patch: changes[1], branch: "whetstone/notes/p2" })),
    ];
    expect(await read(place.forge, first.sha, "src/a.txt")).toBe("1\ntwo\n3\n");
    expect(await read(place.forge, first.sha, "new/n.txt")).toBe("n\n");
    expect(await read(place.forge, first.sha, "README.md")).toBeUndefined();
    expect(await read(place.forge, first.sha, "later.txt")).toBeUndefined();
    expect(await read(place.forge, first.sha, "src/žluť b.txt")).toBe("b\n");
    expect(await read(place.forge, second.sha, "src/z.txt")).toBe("1\n2\n3\n");
    expect(await read(place.forge, second.sha, "src/a.txt")).toBeUndefined();
  });

  test("proposals lists what is open below a prefix, with title and commit", async () => {
    await using place = await setup(FILES);
    const { sha: base } = await place.forge.head();
    expect(await place.forge.proposals("whetstone")).toEqual([]);
    const opened = await place.forge.openProposal(proposal(base));
    const other = await place.forge.openProposal(proposal(base, { branch: "whetstone/mail/p9", title: "Other" }));
    expect(opened).toEqual({ branch: "whetstone/notes/p1", sha: opened.sha, title: "Read each note once" });
    expect(await place.forge.proposals("whetstone")).toEqual([other, opened]);
    expect(await place.forge.proposals("whetstone/notes/")).toEqual([opened]);
    expect(await place.forge.proposals("whet")).toEqual([]);
    expect((await place.forge.proposals("")).map(({ branch }) => branch)).toEqual([
      "main",
      other.branch,
      opened.branch,
    ]);
  });

  test("a title is one line, whatever it was", async () => {
    await using place = await setup(FILES);
    const { sha: base } = await place.forge.head();
    const opened = await place.forge.openProposal(proposal(base, { title: " Read\n\n  each\tnote ž " }));
    expect(opened.title).toBe("Read each note ž");
    expect(await place.forge.proposals("whetstone")).toEqual([opened]);
  });

  test("equal content keeps the commit, other content replaces it", async () => {
    await using place = await setup(FILES);
    const { sha: base } = await place.forge.head();
    const first = await place.forge.openProposal(proposal(base));
    expect(await place.forge.openProposal(proposal(base))).toEqual(first);
    for (const more of [{ patch: EDIT + ADD }, { title: "Another" }, { body: "Another" }]) {
      const next = await place.forge.openProposal(proposal(base, more));
      expect(next.sha).not.toBe(first.sha);
      expect((await place.forge.proposals("whetstone")).map(({ sha }) => sha)).toEqual([next.sha]);
    }
  });

  test.each([
    ["does not fit", EDIT.replace("-2", "-zwei")],
    ["names a missing file", EDIT.replaceAll("a.txt", "missing.txt")],
    ["adds what exists", ADD.replaceAll("new/n.txt", "README.md")],
    ["is no patch", "hello\n"],
    ["is empty", ""],
  ])("a patch that %s is git_failed with base and branch, and leaves no branch", async (_name, patch) => {
    await using place = await setup(FILES);
    const { sha: base } = await place.forge.head();
    await expect(place.forge.openProposal(proposal(base, { patch }))).rejects.toMatchObject({ code: "git_failed" });
    expect(await place.forge.proposals("whetstone")).toEqual([]);
  });

  test("an unknown base is git_failed", async () => {
    await using place = await setup(FILES);
    await expect(place.forge.openProposal(proposal("f".repeat(40)))).rejects.toMatchObject({ code: "git_failed" });
    expect(await place.forge.proposals("whetstone")).toEqual([]);
  });
}

function closing(setup: ForgeSetup): void {
  test("closeProposal deletes the branch only while it points to the commit", async () => {
    await using place = await setup(FILES);
    const { sha: base } = await place.forge.head();
    const first = await place.forge.openProposal(proposal(base));
    const moved = await place.forge.openProposal(proposal(base, { title: "Another" }));
    expect(await place.forge.closeProposal(first.branch, first.sha)).toBe(false);
    expect(await place.forge.proposals("whetstone")).toHaveLength(1);
    expect(await place.forge.closeProposal(moved.branch, moved.sha)).toBe(true);
    expect(await place.forge.closeProposal(moved.branch, moved.sha)).toBe(false);
    expect(await place.forge.closeProposal("whetstone/never", moved.sha)).toBe(false);
    expect(await place.forge.proposals("whetstone")).toEqual([]);
  });

  test("any order of opening and closing leaves what a map would hold", async () => {
    const step = fc.record({
      branch: fc.constantFrom("w/a", "w/b", "v/c"),
      title: fc.constantFrom("One", "Two"),
      open: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 5 }), async (steps) => {
        await using place = await setup(FILES);
        const { sha: baseSha } = await place.forge.head();
        const model = new Map<string, { sha: string; title: string }>();
        for (const { branch, title, open } of steps) {
          const known = model.get(branch);
          if (open) model.set(branch, await place.forge.openProposal(proposal(baseSha, { branch, title })));
          else expect(await place.forge.closeProposal(branch, known?.sha ?? baseSha)).toBe(model.delete(branch));
        }
        const expected = [...model].filter(([branch]) => branch.startsWith("w/")).map(([branch]) => branch);
        expect((await place.forge.proposals("w")).map(({ branch }) => branch)).toEqual(expected.sort());
      }),
      { numRuns: 10 },
    );
  });
}

function worktrees(setup: WorktreeSetup): void {
  test("head names no branch when detached", async () => {
    await using place = await setup(FILES);
    const { sha } = await place.forge.head();
    await place.worktree.checkout(undefined);
    expect(await place.forge.head()).toEqual({ sha });
  });

  test("uncommitted: tracked files anywhere, untracked ones only below the given folders", async () => {
    await using place = await setup(FILES);
    expect(await place.forge.uncommitted(["."])).toEqual([]);
    await place.worktree.edit(["README.md", "src/new", "other/new"]);
    expect(await place.forge.uncommitted([])).toEqual(["README.md"]);
    expect(await place.forge.uncommitted(["src"])).toEqual(["README.md", "src/new"]);
    expect(await place.forge.uncommitted(["src/"])).toEqual(["README.md", "src/new"]);
    expect(await place.forge.uncommitted(["other/new", "none"])).toEqual(["README.md", "other/new"]);
    expect(await place.forge.uncommitted(["."])).toEqual(["README.md", "other/new", "src/new"]);
    // Paths are names, not patterns.
    expect(await place.forge.uncommitted(["s*", ":/src", ":(glob)**"])).toEqual(["README.md"]);
  });

  test("a branch that is checked out is neither moved nor deleted", async () => {
    await using place = await setup(FILES);
    const { sha: base } = await place.forge.head();
    const opened = await place.forge.openProposal(proposal(base));
    await place.worktree.checkout(opened.branch);
    const refused = { code: "git_failed", message: expect.stringContaining("checked out") };
    await expect(place.forge.openProposal(proposal(base, { title: "x" }))).rejects.toMatchObject(refused);
    await expect(place.forge.closeProposal(opened.branch, opened.sha)).rejects.toMatchObject(refused);
    expect((await place.forge.head()).sha).toBe(opened.sha);
  });
}
