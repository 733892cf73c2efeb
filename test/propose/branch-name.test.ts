import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Config } from "../../src/config/schema.ts";
import { runGit } from "../../src/github/git.ts";
import { formatBranchName, parseBranchName, PROPOSAL_PREFIX } from "../../src/propose/branch-name.ts";

const target = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,30}$/);
const fingerprint = fc.stringMatching(/^[0-9a-f]{64}$/);

describe("branch names", () => {
  test("say target and fingerprint, and can be read back", () => {
    fc.assert(
      fc.property(target, fingerprint, (name, print) => {
        const branch = formatBranchName({ target: name, fingerprint: print });
        expect(branch.startsWith(PROPOSAL_PREFIX)).toBe(true);
        expect(parseBranchName(branch)).toEqual({ target: name, fingerprintPrefix: print.slice(0, 12) });
      }),
    );
  });

  test("what is read as a proposal is written the same again; every other branch is left alone", () => {
    const nearly = fc
      .tuple(
        fc.constantFrom(PROPOSAL_PREFIX, "whetstone/", "refs/heads/whetstone/proposal/", ""),
        fc.oneof(target, fc.string({ maxLength: 8 })),
        fc.constantFrom("/", "-", ""),
        fc.oneof(fc.stringMatching(/^[0-9a-f]{10,14}$/), fc.stringMatching(/^[0-9A-Fa-f]{12}$/)),
        fc.constantFrom("", "\n", "/x", " "),
      )
      .map((words) => words.join(""));
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string()), (branch) => {
        const parsed = parseBranchName(branch);
        if (parsed === undefined) return;
        const again = formatBranchName({ target: parsed.target, fingerprint: parsed.fingerprintPrefix });
        expect(again).toBe(branch);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    "main",
    "whetstone/state",
    "whetstone/proposal/notes",
    "whetstone/proposal/notes/0123456789a",
    "whetstone/proposal/notes/0123456789abc",
    "whetstone/proposal/notes/0123456789AB",
    "whetstone/proposal/../0123456789ab",
    "whetstone/proposal/a/b/0123456789ab",
    "whetstone/proposal/notes/0123456789ab\n",
    " whetstone/proposal/notes/0123456789ab",
  ])("%j is no proposal", (branch) => {
    expect(parseBranchName(branch)).toBeUndefined();
  });

  test("equal ideas share a branch, others do not; targets never share one", () => {
    const print = "0123456789ab".padEnd(64, "c");
    const same = "0123456789ab".padEnd(64, "d");
    const name = (of: string, by: string): string => formatBranchName({ target: of, fingerprint: by });
    expect(name("notes", print)).toBe(name("notes", same));
    expect(name("notes", print)).not.toBe(name("files", print));
    expect(name("notes", print)).not.toBe(name("notes", `1${print.slice(1)}`));
  });

  test("git takes the name of every target that a configuration may hold", async () => {
    const targets = fc.sample(target, { numRuns: 20, seed: 7 });
    for (const name of ["0", "a-", "a--b", "lock", ...targets]) {
      const workload = { command: "node x", source: ["a"], workload: "w.json" };
      expect(Config.safeParse({ version: 1, targets: { [name]: workload } }).success).toBe(true);
      const branch = formatBranchName({ target: name, fingerprint: "0".repeat(64) });
      const { code } = await runGit({ args: ["check-ref-format", "--branch", branch], cwd: ".", okCodes: [0, 1, 128] });
      expect({ branch, code }).toEqual({ branch, code: 0 });
    }
  });
});
