import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ASKED_INPUTS, readAsked } from "../../src/actions/asked.ts";

type Inputs = Partial<Record<(typeof ASKED_INPUTS)[number] | "dry-run", string>>;
const read = (inputs: Inputs) => readAsked((name) => inputs[name as keyof Inputs] ?? "", "/w/repository");
const LIVE = { mode: "refinement", session: "claude", authorization: "wha1.x.y" } as const;
const PULL = { mode: "refinement", session: `pull:7@${"a".repeat(40)}`, "dry-run": "true" } as const;

describe("what is asked for", () => {
  test("nothing said only looks", () => {
    const asked = { mode: "analysis", session: null, question: null };
    expect(read({})).toEqual({ asked, authorization: undefined });
  });

  test("a recording answers, in either mode", () => {
    for (const mode of ["analysis", "refinement"] as const) {
      expect(read({ mode, session: "replay:a/b.json" }).asked).toEqual({
        mode,
        session: { kind: "replay", file: "a/b.json" },
        question: null,
      });
    }
  });

  test("Claude Code answers, with a question, a budget and a person's permission", () => {
    const inputs = { ...LIVE, question: "Why is search slow?", "budget-usd": "1.50" };
    expect(read(inputs)).toEqual({
      asked: {
        mode: "refinement",
        session: { kind: "claude", budgetUsd: 1.5 },
        question: "Why is search slow?",
      },
      authorization: "wha1.x.y",
    });
    expect(read({ session: "claude" }).asked.session).toEqual({ kind: "claude", budgetUsd: null });
  });

  test("the change of a pull request is proved at one commit, and nobody is asked", () => {
    expect(read(PULL)).toEqual({
      asked: { mode: "refinement", session: { kind: "pull", number: 7, headSha: "a".repeat(40) }, question: null },
      authorization: undefined,
    });
  });

  const BAD: readonly (readonly [what: string, inputs: Inputs, message: string])[] = [
    ["a mistyped mode", { mode: "refinment" }, "`mode: refinment` is no mode."],
    ["another case of it", { mode: "Refinement", session: "claude" }, "is no mode"],
    ["a change that nobody proposes", { mode: "refinement" }, "needs the input `session`"],
    ["a session of another kind", { session: "gpt" }, "neither `claude`, `replay:FILE` nor `pull:NUMBER@COMMIT`"],
    ["a recording without a name", { session: "replay:" }, "neither `claude`, `replay:FILE` nor"],
    ["a pull request without its commit", { ...PULL, session: "pull:7" }, "names no pull request at a commit"],
    ["a pull request at half a commit", { ...PULL, session: "pull:7@abcdef1" }, "names no pull request at a commit"],
    ["a pull request at a branch", { ...PULL, session: "pull:7@main" }, "names no pull request at a commit"],
    ["the pull request 0", { ...PULL, session: `pull:0@${"a".repeat(40)}` }, "names no pull request at a commit"],
    ["a pull request and more", { ...PULL, session: `${PULL.session}\nx` }, "names no pull request at a commit"],
    ["a pull request that is proposed again", { ...PULL, "dry-run": "false" }, "without writing anything"],
    ["a pull request, written as usual", { ...PULL, "dry-run": "" }, "without writing anything"],
    ["a pull request that is looked at", { ...PULL, mode: "analysis" }, "in the mode refinement"],
    ["a question about a pull request", { ...PULL, question: "Why?" }, "nobody would be asked"],
    ["a recording elsewhere", { session: "replay:../secrets.json" }, "leads out of"],
    ["a question to nobody", { question: "Why?" }, "`question` is set, but nobody would be asked"],
    ["a question to a recording", { session: "replay:s.json", question: "Why?" }, "nobody would be asked"],
    ["money for a recording", { session: "replay:s.json", "budget-usd": "1" }, "nobody would be asked"],
    ["a permission for a recording", { ...LIVE, session: "replay:s.json" }, "nobody would be asked"],
    ["a permission to look", { ...LIVE, mode: "analysis" }, "an analysis needs none"],
    ["a question as long as a book", { session: "claude", question: "?".repeat(2_001) }, "2001 characters"],
    ...["0", "-1", "1e3", "one", "NaN", "Infinity", "0x10", "10001", "1,5", " "].map(
      (text) => [`the budget ${text}`, { session: "claude", "budget-usd": text }, "is no amount"] as const,
    ),
  ];

  test.each(BAD)("is not %s", (_what, inputs, message) => {
    expect(() => read(inputs)).toThrow(message);
  });

  test("a refinement without a token is the guard's to refuse: the App brings its permission another way", () => {
    expect(read({ mode: "refinement", session: "claude" }).authorization).toBeUndefined();
  });

  test("a mistyped mode is answered with the right one", () => {
    expect(() => read({ mode: "refinment" })).toThrow(
      expect.objectContaining({ remedy: "Did you mean `refinement`?" }),
    );
  });

  test("whatever is said is read or refused as usage, and a token never stands in what is asked for", () => {
    const word = fc.constantFrom("", "claude", "replay:s.json", "refinement", "analysis", "1", "wha1.x.y", "?");
    const inputs = fc.record(Object.fromEntries(ASKED_INPUTS.map((name) => [name, word])));
    fc.assert(
      fc.property(inputs, (given) => {
        try {
          const { asked, authorization } = read(given);
          if (authorization !== undefined)
            expect(asked).toMatchObject({ mode: "refinement", session: { kind: "claude" } });
          if (given["authorization"] === "wha1.x.y") expect(JSON.stringify(asked)).not.toContain("wha1");
        } catch (error) {
          expect(error).toMatchObject({ code: "usage" });
        }
      }),
    );
  });
});
