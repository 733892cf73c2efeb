import { describe, expect, test } from "@jest/globals";
import { judgeMemory } from "../../src/detect/memory.ts";
import type { ProposalMemory } from "../../src/model/admission.ts";
import type { ReasonCode } from "../../src/model/codes.ts";
import { proposal } from "../propose/parts.ts";

type Earlier = ProposalMemory["earlier"][number];
const earlier = (reason: ReasonCode, change: Partial<Earlier> = {}): Earlier => ({
  outcome: "o-1",
  at: "2026-11-20T10:00:00Z",
  status: "rejected",
  reasons: [reason],
  sameBase: true,
  ...change,
});
const judge = (change: Partial<ProposalMemory>) => judgeMemory({ earlier: [], constraints: [], ...change }, proposal);

describe("the same change", () => {
  test("refused on the same commit is refused again, with its reasons", () => {
    expect(judge({ earlier: [earlier("check_failed")] })).toEqual({
      verdict: "fail",
      reasons: ["fingerprint_rejected", "check_failed"],
      details: ["The same change was rejected on 2026-11-20T10:00:00Z (check_failed; o-1)."],
    });
  });

  test("on another commit it may be tried: something new may speak for it", () => {
    expect(judge({ earlier: [earlier("check_failed", { sameBase: false })] }).verdict).toBe("pass");
  });

  test("that a person closed stays closed, on any commit", () => {
    const closed = earlier("ok", { status: "closed", sameBase: false });
    expect(judge({ earlier: [closed] })).toMatchObject({ verdict: "fail", reasons: ["fingerprint_rejected", "ok"] });
  });

  test("refused by a measurement gets a second chance, no third; what was not its fault does not count", () => {
    const slow = earlier("replay_slower");
    expect(judge({ earlier: [slow] }).verdict).toBe("pass");
    expect(
      judge({ earlier: [slow, earlier("errors_increased", { outcome: "o-2", status: "rolled_back" })] }).verdict,
    ).toBe("fail");
    expect(judge({ earlier: [slow, slow, slow].map((one) => ({ ...one, sameBase: false })) }).verdict).toBe("pass");
    expect(
      judge({
        earlier: ["server_failed", "base_moved", "duplicate_open"].map((reason) => earlier(reason as ReasonCode)),
      }).verdict,
    ).toBe("pass");
  });

  test("nothing remembered is nothing against it", () => {
    expect(judge({})).toEqual({ verdict: "pass", reasons: ["ok"], details: [] });
  });
});

describe("a hard rule", () => {
  test.each([
    ["src/a.ts", "src/a.ts"],
    ["src/**", "src/a.ts"],
    ["SRC/*.TS", "src/a.ts"],
  ])("forbids files: %s", (glob, path) => {
    expect(judge({ constraints: [{ rule: "keep-out", findings: [], paths: [glob] }] })).toEqual({
      verdict: "fail",
      reasons: ["rule_forbids"],
      details: [`The rule keep-out forbids ${path}.`],
    });
  });

  test("forbids kinds of findings, and nothing else", () => {
    const forbids = (findings: ("n_plus_one" | "errors")[], paths: string[]) =>
      judge({ constraints: [{ rule: "keep-out", findings, paths }] }).verdict;
    expect(forbids(["n_plus_one"], [])).toBe("fail");
    expect(forbids(["errors"], ["lib/**", "a.ts"])).toBe("pass");
    expect(forbids([], [])).toBe("pass");
  });
});
