import { describe, expect, test } from "@jest/globals";
import type { PullRequest } from "../../src/github/host-port.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import { formatBranchName } from "../../src/propose/branch-name.ts";
import { type EarlierEnd, openAlready, rejectedBefore } from "../../src/propose/duplicates.ts";
import { formatPullRequest } from "../../src/propose/pull-request.ts";
import { factsOf } from "./facts.ts";
import { proposal } from "./parts.ts";

const { fingerprint } = proposal;
const pull = (more: Partial<PullRequest> = {}): PullRequest => ({
  number: 1,
  url: "https://github.com/octo-org/notes/pull/1",
  branch: formatBranchName(proposal),
  base: "main",
  headSha: "a".repeat(40),
  ...formatPullRequest(factsOf()),
  state: "open",
  merged: false,
  draft: true,
  labels: [],
  reviewers: [],
  ...more,
});
const outcome = (
  status: Outcome["status"],
  of = fingerprint,
  reasons: Outcome["reasons"] = ["check_failed"],
): EarlierEnd => ({ fingerprint: of, status, reasons });

describe("the same change", () => {
  test.each(["rejected", "closed", "rolled_back"] as const)("that ended as %s is not proposed again", (status) => {
    expect(rejectedBefore(fingerprint, [outcome(status)], [])).toMatchObject({ reason: "fingerprint_rejected" });
    expect(rejectedBefore(fingerprint, [outcome(status, "0".repeat(64))], [])).toBeUndefined();
  });

  test("that was stopped for reasons which say nothing of it may be; one reason that does is enough", () => {
    const stopped = (reasons: Outcome["reasons"]) => [outcome("rejected", fingerprint, reasons)];
    expect(rejectedBefore(fingerprint, stopped(["base_moved"]), [])).toBeUndefined();
    expect(rejectedBefore(fingerprint, stopped(["artifact_foreign"]), [])).toBeUndefined();
    expect(rejectedBefore(fingerprint, stopped(["verdict_missing", "api_error"]), [])).toBeUndefined();
    expect(rejectedBefore(fingerprint, stopped(["verdict_reject", "timed_out"]), [])).toBeUndefined();
    expect(rejectedBefore(fingerprint, stopped(["verdict_reject", "secret_found"]), [])).toBeDefined();
    expect(rejectedBefore(fingerprint, [outcome("rolled_back", fingerprint, ["disabled"])], [])).toBeDefined();
  });

  test.each(["no_change", "inconclusive", "merged", "promoted", "held"] as const)(
    "that ended as %s may be",
    (status) => {
      expect(rejectedBefore(fingerprint, [outcome(status)], [])).toBeUndefined();
    },
  );

  test("whose pull request a person closed is not; one that is open or was merged does not stand in its way", () => {
    const closed = pull({ number: 7, state: "closed" });
    expect(rejectedBefore(fingerprint, [], [closed])).toMatchObject({
      detail: expect.stringContaining("pull request 7"),
    });
    expect(rejectedBefore(fingerprint, [], [pull()])).toBeUndefined();
    expect(rejectedBefore(fingerprint, [], [pull({ state: "closed", merged: true })])).toBeUndefined();
    // Somebody opened it again.
    expect(rejectedBefore(fingerprint, [], [pull({ number: 8 }), closed])).toBeUndefined();
  });
});

describe("another proposal for the same operation", () => {
  const operation = factsOf().hypothesis.operation;
  const other = formatBranchName({ ...proposal, fingerprint: "1".repeat(64) });
  const intended = { target: proposal.target, branch: formatBranchName(proposal), operation };
  const among = (...pulls: PullRequest[]) => openAlready({ open: async () => pulls }, intended);

  test("that is open stands in the way, by its number", async () => {
    expect(await among(pull({ number: 9, branch: "feature/x" }), pull({ number: 4, branch: other }))).toEqual({
      reason: "duplicate_open",
      detail: `Pull request 4 for ${operation} is open: merge or close it first.`,
    });
  });

  test.each([
    ["is this one", { branch: intended.branch }],
    [
      "is of another target",
      { branch: formatBranchName({ ...proposal, target: "mail", fingerprint: "1".repeat(64) }) },
    ],
    ["is a person's", { branch: "feature/x" }],
    ["cannot be read back", { branch: other, body: "rewritten by hand" }],
  ] as const)("that %s does not", async (_what, change) => {
    expect(await among(pull(change))).toBeUndefined();
  });

  test("for another operation does not", async () => {
    const facts = factsOf();
    const about = { ...facts, hypothesis: { ...facts.hypothesis, operation: "tools/call other" } };
    expect(await among(pull({ branch: other, ...formatPullRequest(about) }))).toBeUndefined();
    expect(await among()).toBeUndefined();
  });
});
