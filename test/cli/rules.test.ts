import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LearningReport } from "../../src/model/learning.ts";
import { outcome } from "../learn/outcomes.ts";
import { HISTORY, type LearnedProject, learnedProject, sampleRule } from "./learned-project.ts";

let project: LearnedProject;
beforeAll(async () => {
  project = await learnedProject();
});
afterAll(() => project.remove());

describe("learn", () => {
  test("says what it saw, concludes, how sure it is and what it takes; the numbers are the recorded ones", async () => {
    const { code, out } = await project.cli("learn");
    expect(code).toBe(0);
    expect(out).toContain(`${HISTORY} outcomes of sample.`);
    expect(out).toContain("slow_operation: 10 of 60 proposals kept (95 % interval");
    expect(out).toContain("slow_operation: 50 of 60 proposals stopped by replay_result_changed");
    expect(out).toMatch(
      /Rule keep-order \(version 1\) helps: 20 of 30 passed validation with it, 10 of 30 without; effect \+/,
    );
    expect(out).toMatch(/slow_operation +cache +src +replay_result_changed +50\/60 +10\/60 .* +\$12\.50/);
    expect(out).toMatch(/deployment success +100 % .*above 95 %/);
    expect(out).toMatch(/knowledge growth +not known yet/);
  });

  test("the document for programs keeps its schema, and learning again changes nothing", async () => {
    const first = LearningReport.parse(JSON.parse((await project.cli("learn", "--json")).out));
    expect(first).toMatchObject({ target: "sample", reasons: ["nothing_learned"], outcomes: HISTORY });
    expect(first.reviews.map(({ rule, standing }) => [rule, standing])).toContainEqual(["keep-order", "helps"]);
  });

  test("--propose: a branch with the new rules and the block of CLAUDE.md; the working tree stays", async () => {
    const { code, out } = await project.cli("learn", "--propose", "--json");
    expect(code).toBe(0);
    const { branch } = JSON.parse(out);
    expect(branch).toMatch(/^whetstone\/rules\/sample\/[0-9a-f]{12}$/);
    const changed = project.git("diff", "--name-only", "HEAD", branch).split("\n");
    expect(changed).toEqual([
      "CLAUDE.md",
      "rules/effective-fix-slow-operation-sample.yaml",
      "rules/recurring-failure-slow-operation-replay-result-changed-sample.yaml",
    ]);
    const page = project.fileAt(branch, "CLAUDE.md");
    expect(page.startsWith("# How we work\n\nBe careful.\n<!-- whetstone:rules")).toBe(true);
    expect(page).toContain("Keep the order of results. (`keep-order`)");
    expect(project.git("status", "--porcelain")).toBe("");
    // The same again is the same branch; merged, nothing is left to propose.
    expect(JSON.parse((await project.cli("learn", "--propose", "--json")).out).branch).toBe(branch);
    project.git("merge", "-q", branch);
    expect(JSON.parse((await project.cli("learn", "--propose", "--json")).out).branch).toBeNull();
    expect((await project.cli("audit", "verify")).code).toBe(0);
  });
});

describe("rules", () => {
  test("list shows where each stands and what it is worth", async () => {
    const { code, out } = await project.cli("rules", "list");
    expect(code).toBe(0);
    expect(out).toMatch(
      /keep-order +helps +slow_operation +\+\d+ \(\+\d+ to \+\d+\) +0\.9\d +20\/30 +10\/30 +helps \d+ +not known yet/,
    );
    const { rules } = JSON.parse((await project.cli("rules", "list", "--json")).out);
    expect(
      rules.map(({ id, review }: { id: string; review: { standing: string } }) => [id, review.standing]),
    ).toContainEqual(["keep-order", "helps"]);
  });

  test("show tells one rule whole; a wrong name names the nearest", async () => {
    const { out } = await project.cli("rules", "show", "keep-order");
    expect(out).toContain("Keep the order of results.\nScope: sample; slow_operation; src/**.");
    expect(out).toContain("Learned from 2 outcomes: o-1, o-2.");
    expect(JSON.parse((await project.cli("rules", "show", "keep-order", "--json")).out)).toMatchObject({
      id: "keep-order",
    });
    const wrong = await project.cli("rules", "show", "kep-order");
    expect([wrong.code, wrong.err.includes('Did you mean "keep-order"?')]).toEqual([2, true]);
  });

  test("retire needs a permission for exactly this rule, opens a branch, keeps the comment, and is not learned again", async () => {
    const refused = await project.cli("rules", "retire", "keep-order", "--why", "no longer true");
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("authorize request rule.retire --target sample --file rules/keep-order.yaml");
    const request = ["authorize", "request", "rule.retire", "--file", "rules/keep-order.yaml", "--json"];
    const { id } = JSON.parse((await project.cli(...request)).out);
    const { token } = JSON.parse((await project.cli("authorize", "grant", id, "--json")).out);
    const retire = ["rules", "retire", "keep-order", "--why", "no longer true", "--token", token, "--json"];
    const done = await project.cli(...retire);
    expect(done.code).toBe(0);
    const { branch, authorization } = JSON.parse(done.out);
    expect(authorization).toBe(id);
    const file = project.fileAt(branch, "rules/keep-order.yaml");
    expect(file).toMatch(/^# why it is here\n/);
    expect(file).toMatch(/"?state"?: "?retired/);
    expect(file).toContain("no longer true");
    expect(project.fileAt(branch, "CLAUDE.md")).not.toContain("keep-order");
    const again = await project.cli(...retire);
    expect([again.code, again.err.includes("authorization_used")]).toEqual([1, true]);
    project.git("merge", "-q", branch);
    const listed = JSON.parse((await project.cli("rules", "show", "keep-order", "--json")).out);
    expect(listed.review.standing).toBe("retired");
    const twice = await project.cli("rules", "retire", "keep-order", "--why", "again");
    expect([twice.code, twice.err.includes("retired already")]).toEqual([2, true]);
  });
});

describe("bad input", () => {
  test("a rule is not retired without a reason, or with one that no record takes", async () => {
    const { head } = await project.state.view();
    const [candidate = ""] = (await (await project.state.view()).list("candidates/")).map((path) => path.slice(11, -5));
    for (const why of ["", "x".repeat(501)]) {
      const { code, err } = await project.cli("rules", "retire", candidate, "--why", why);
      expect([code, err.includes("--why has")]).toEqual([2, true]);
    }
    expect((await project.state.view()).head).toBe(head);
  });

  test("a rule file edited into nonsense stops every command that would use it, with file, line and what to do", async () => {
    await project.write("rules/nonsense.yaml", "id: nonsense\nstat: active\n");
    for (const args of [["learn"], ["rules", "list"], ["rules", "show", "keep-order"], ["learn", "--propose"]]) {
      const { code, err } = await project.cli(...args);
      expect([code, err.includes("rules/nonsense.yaml is no rule: ")]).toEqual([2, true]);
      expect(err).toContain('line 2, column 7: unknown key "stat" at the top level. Did you mean "state"?');
    }
    project.git("clean", "-qfd", "rules");
  });

  test("rules that contradict each other are refused together", async () => {
    const other = { ...sampleRule({ id: "other", text: "Never share reads between calls." }) };
    const twin = { ...other, id: "twin", text: "Share reads between calls." };
    await project.write("rules/other.yaml", JSON.stringify(other));
    await project.write("rules/twin.yaml", JSON.stringify(twin));
    const { code, err } = await project.cli("rules", "list");
    expect([code, err.includes("rules/other.yaml and rules/twin.yaml contradict each other")]).toEqual([2, true]);
    project.git("clean", "-qfd", "rules");
  });

  test("an outcome that the ledger does not tell of, or tells otherwise, teaches nothing", async () => {
    const { head } = await project.state.view();
    for (const [id, status, says] of [
      ["o-forged", "held", "does not know it"],
      ["o-h1", "held", "says rejected"],
    ] as const) {
      const forged = outcome({ id, status, target: "sample", findings: ["slow_operation"] });
      const change = new Map([[`outcomes/${id}.json`, JSON.stringify(forged)]]);
      await project.state.update("forge", async () => ({ change, value: undefined }));
      const { code, err } = await project.cli("learn");
      expect([code, err.includes(`The outcome ${id} says ${status}, but the ledger ${says}.`)]).toEqual([1, true]);
      project.git("update-ref", "refs/heads/whetstone/state", head ?? "");
    }
    expect((await project.cli("learn")).code).toBe(0);
  });

  test("nor does one whose reason or validation is another than the ledger's, or that changed later", async () => {
    const view = await project.state.view();
    const at = async (id: string) => JSON.parse((await view.read(`outcomes/${id}.json`)) ?? "");
    const [passed, failed] = [await at("o-h0"), await at("o-h59")];
    for (const [forged, says] of [
      [
        { ...passed, validated: false },
        "The outcome o-h0 says that its validation did not pass, but the ledger: says pass.",
      ],
      [{ ...failed, validated: true }, "The outcome o-h59 says that its validation passed, but the ledger: says fail."],
      [
        { ...failed, reasons: ["check_failed"] },
        "o-h59 says that it ended for check_failed, but the ledger: replay_result_",
      ],
    ]) {
      const change = new Map([[`outcomes/${forged.id}.json`, JSON.stringify(forged)]]);
      await project.state.update("forge", async () => ({ change, value: undefined }));
      const { code, err } = await project.cli("learn");
      expect([code, err.includes(says)]).toEqual([1, true]);
      project.git("update-ref", "refs/heads/whetstone/state", view.head ?? "");
    }
  });

  test("nor does a draw that was altered, made up or left out", async () => {
    const view = await project.state.view();
    const drawn = JSON.parse((await view.read("assignments/r-h1.json")) ?? "");
    const arms = [{ ...drawn.arms[0], assigned: true }];
    for (const [forged, says] of [
      [{ ...drawn, arms }, "The draw of r-h1 was altered: the ledger holds another digest of it."],
      [{ ...drawn, run: "r-forged" }, "The draw of r-forged was altered: the ledger does not know it."],
      [undefined, "The draw of r-h1 was altered: the ledger knows it, and there is no file of it."],
    ]) {
      const text = forged === undefined ? null : JSON.stringify(forged);
      const change = new Map([[`assignments/${forged?.run ?? "r-h1"}.json`, text]]);
      await project.state.update("forge", async () => ({ change, value: undefined }));
      for (const args of [["learn"], ["rules", "list"]]) {
        const { code, err } = await project.cli(...args);
        expect([code, err.includes(says)]).toEqual([1, true]);
      }
      project.git("update-ref", "refs/heads/whetstone/state", view.head ?? "");
    }
  });

  test("a ledger with a broken chain teaches nothing", async () => {
    const view = await project.state.view();
    const [path = ""] = await view.list("ledger/");
    const broken = ((await view.read(path)) ?? "").replace('"result":"rejected"', '"result":"promoted"');
    await project.state.update("break", async () => ({ change: new Map([[path, broken]]), value: undefined }));
    for (const args of [["learn"], ["rules", "list"]]) {
      const { code, err } = await project.cli(...args);
      expect([code, err.includes("ledger_broken")]).toEqual([1, true]);
    }
  });
});
