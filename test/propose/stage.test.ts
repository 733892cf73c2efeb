import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openLocalForge } from "../../src/github/local.ts";
import { openMemoryForge } from "../../src/github/memory.ts";
import type { Forge, ProposalBranch } from "../../src/github/port.ts";
import { manualClock } from "../../src/model/time.ts";
import { VALIDATION_STAGES } from "../../src/model/verdict.ts";
import { sha256 } from "../../src/protect/digest.ts";
import { formatReport, formatTitle, type ReportParts } from "../../src/propose/report.ts";
import { proposeStage } from "../../src/propose/stage.ts";
import { temporaryRepository } from "../support/git-repository.ts";
import { BASE, parts, PATCH, proposal, validation } from "./parts.ts";

const BRANCH = `whetstone/proposal/notes/${"f".repeat(12)}`;

/** A forge that must not be asked. */
const untouched: Pick<Forge, "openProposal"> = {
  openProposal: () => Promise.reject(new Error("the forge was asked")),
};
const silent = () => Promise.reject(new Error("a branch was announced"));

/** The parts on the commit of a forge. */
function on(baseSha: string): ReportParts {
  return { ...parts, proposal: { ...proposal, baseSha }, validation: { ...validation, baseSha } };
}

describe("a validated change", () => {
  test("is committed on its branch, with title and report", async () => {
    const asked: ProposalBranch[] = [];
    const forge: Pick<Forge, "openProposal"> = {
      openProposal: (request) => {
        asked.push(request);
        return Promise.resolve({ branch: request.branch, sha: BASE, title: request.title });
      },
    };
    const announce = () => Promise.resolve();
    const result = await proposeStage({ forge, announce }, parts);
    expect(asked).toEqual([
      {
        branch: BRANCH,
        baseSha: BASE,
        patch: PATCH,
        title: formatTitle(proposal),
        body: formatReport(parts),
        announce,
      },
    ]);
    expect(result).toEqual({
      verdict: "pass",
      reasons: ["ok"],
      summary: `branch ${BRANCH} with 5 verdicts in its report`,
      value: { branch: BRANCH, sha: BASE, report: formatReport(parts) },
    });
  });

  test("is announced before the branch exists, with the commit that it then has", async () => {
    const forge = openMemoryForge({
      files: { "src/a.ts": "old\nsame\n" },
      apply: () => ({ "src/a.ts": "new\nsame\n" }),
    });
    const { sha } = await forge.head();
    const seen: unknown[] = [];
    const announce = async (opened: { branch: string; sha: string }): Promise<void> => {
      seen.push({ ...opened, standing: await forge.proposals("whetstone") });
    };
    const { value } = await proposeStage({ forge, announce }, on(sha));
    expect(seen).toMatchObject([{ branch: BRANCH, sha: value.sha, standing: [] }]);
    expect(await forge.proposals("whetstone")).toMatchObject([{ branch: BRANCH, sha: value.sha }]);
  });

  test("has no branch when the announcement fails", async () => {
    await using repository = await temporaryRepository();
    const sha = await repository.commit({ "src/a.ts": "old\nsame\n" });
    const forge = await openLocalForge({ cwd: repository.root, now: manualClock().now });
    const announce = () => Promise.reject(new Error("no lease"));
    await expect(proposeStage({ forge, announce }, on(sha))).rejects.toThrow("no lease");
    expect(await forge.proposals("whetstone")).toEqual([]);
  });

  test("is a commit of real git, announced once and not again when it stands already", async () => {
    await using repository = await temporaryRepository();
    const sha = await repository.commit({ "src/a.ts": "old\nsame\n" });
    const forge = await openLocalForge({ cwd: repository.root, now: manualClock().now });
    const announced: string[] = [];
    const announce = async (opened: { branch: string; sha: string }): Promise<void> => {
      announced.push(opened.sha);
      expect(await repository.git("for-each-ref", "refs/heads/whetstone")).toBe("");
    };
    const first = await proposeStage({ forge, announce }, on(sha));
    const again = await proposeStage({ forge, announce }, on(sha));
    expect(announced).toEqual([first.value.sha]);
    expect(again.value.sha).toBe(first.value.sha);
    expect(await repository.git("show", `${BRANCH}:src/a.ts`)).toBe("new\nsame");
    expect(await repository.git("log", "-1", "--format=%s", BRANCH)).toBe(formatTitle(proposal));
    expect(await repository.git("log", "-1", "--format=%b", BRANCH)).toContain("## Validation");
  });
});

describe("nothing is proposed", () => {
  const refused = (change: Partial<ReportParts>) =>
    proposeStage({ forge: untouched, announce: silent }, { ...parts, ...change });

  test.each([
    ["about another patch", { patchDigest: "0".repeat(64) }, "digest_mismatch"],
    ["about another base", { baseSha: "b".repeat(40) }, "digest_mismatch"],
    ["a failure", { verdict: "fail", reasons: ["check_failed"] }, "verdict_missing"],
    ["without a decision", { verdict: "inconclusive", reasons: ["hypothesis_not_met"] }, "verdict_missing"],
    ["without stages", { stages: [] }, "verdict_missing"],
  ] as const)("when the validation report is %s", async (_name, change, reason) => {
    const result = await refused({ validation: { ...validation, ...change } as ReportParts["validation"] });
    expect(result).toMatchObject({ verdict: "fail", reasons: [reason], value: { branch: "", sha: "", report: "" } });
  });

  test("when a stage is missing or did not pass, though the report calls itself a pass", async () => {
    const stage = fc.constantFrom(...VALIDATION_STAGES);
    const fate = fc.constantFrom("absent", "fail", "inconclusive");
    await fc.assert(
      fc.asyncProperty(stage, fate, async (name, how) => {
        const stages = validation.stages
          .filter((one) => how !== "absent" || one.stage !== name)
          .map((one) => (one.stage === name && how !== "absent" ? { ...one, verdict: how } : one));
        const result = await refused({ validation: { ...validation, stages } });
        expect(result).toMatchObject({ verdict: "fail", reasons: ["verdict_missing"] });
      }),
    );
  });

  test("when the patch is not the one that the digests speak of", async () => {
    const patch = PATCH.replace("+new", "+evil");
    const swapped = { ...proposal, answer: { ...proposal.answer, patch } };
    const summary = "the proposal's digest is not that of its patch";
    expect(await refused({ proposal: swapped })).toMatchObject({ reasons: ["digest_mismatch"], summary });
    const redigested = { ...swapped, patchDigest: sha256(patch) };
    expect(await refused({ proposal: redigested })).toMatchObject({ verdict: "fail", reasons: ["digest_mismatch"] });
  });
});
