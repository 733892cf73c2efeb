import { describe, expect, test } from "@jest/globals";
import { describeSession, formatUsd, stopOf } from "../../src/cli/session-text.ts";
import type { SessionRecord } from "../../src/model/proposal.ts";
import type { SessionEvent, SessionRun } from "../../src/model/session.ts";
import { session as answered } from "../propose/parts.ts";
import fc from "../support/fast-check.ts";
import { run as RUN } from "../session/parts.ts";

const record = (run: Partial<SessionRun> = {}, rest: Partial<SessionRecord> = {}): SessionRecord => ({
  ...answered,
  schema: "whetstone.session/2",
  run: { ...RUN, ...run },
  ...rest,
});

describe("a session for people", () => {
  test("says what it was, cost, was refused, did and answered", () => {
    const analysis = {
      summary: "All is read again.",
      findings: [{ finding: "n_plus_one", rootCause: "a loop", paths: ["src/a.ts"], plan: ["read once", "keep it"] }],
    };
    const text = describeSession(record({ analysis, question: "Why?", continues: "s-0" }, { mode: "analysis" }));
    for (const part of [
      answered.id,
      "analysis",
      `at ${"a".repeat(12)}`,
      "(anthropic), Claude Code 2.1.328",
      "took 12.3 s",
      "Bash ×2",
      "Why?",
      "s-0",
      "API tried again",
      "ok, 100",
      "1. n_plus_one: a loop",
      "in src/a.ts",
      "- keep it",
    ]) {
      expect(text).toContain(part);
    }
  });

  test("a proposal is shown with its hypothesis and its patch, a recording by hand as what it is", () => {
    const byHand = describeSession({ ...answered, schema: "whetstone.session/1" });
    expect(byHand).toContain(answered.answer?.title);
    expect(byHand).toContain(answered.answer?.patch.split("\n")[0]);
    expect(byHand).toContain("ended     recorded");
    expect(byHand).not.toContain("What it did");
  });

  test("what the limits of the context left out is said, with names", () => {
    const part = { part: "rules" as const, limitTokens: 100, tokens: 90, kept: 3, dropped: 2 };
    const digest = "b".repeat(64);
    const context = { digest, evidenceDigest: digest, tokens: 123, parts: [{ ...part, droppedIds: ["r-1", "r-2"] }] };
    expect(describeSession(record({ context }))).toMatch(/rules +3 +90 of 100 +2: r-1, r-2/);
  });

  test("a long session shows its beginning and its end, and how much lies between", () => {
    const events = Array.from({ length: 200 }, (_, n): SessionEvent => ({ kind: "said", atMs: n, text: `step ${n}.` }));
    const text = describeSession(record({ events, eventsOmitted: 7 }));
    expect(text).toContain("147 in the middle left out");
    for (const shown of ["step 0.", "step 29.", "step 170.", "step 199."]) expect(text).toContain(shown);
    for (const left of ["step 30.", "step 169."]) expect(text).not.toContain(left);
  });

  test("no text of a model or a tool reaches the terminal as more than text", () => {
    const hostile = fc.string({
      unit: fc.constantFrom("\u001b[31m", "\u009b", "\u202e", "\r", "\n", "\u0007", "a", " "),
    });
    fc.assert(
      fc.property(hostile, hostile, (text, name) => {
        const events: SessionEvent[] = [
          { kind: "said", atMs: 1, text },
          { kind: "called", atMs: 2, tool: name, input: text },
        ];
        const analysis = { summary: text, findings: [{ finding: name, rootCause: text, paths: [name], plan: [text] }] };
        const denials = [{ tool: name, count: 1 }];
        const shown = describeSession(record({ events, analysis, denials, question: text }, { id: name, model: text }));
        expect(shown.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
      }),
    );
  });

  test("why it ended, and money", () => {
    expect(stopOf(record({ stop: "no_progress" }))).toBe("no_progress");
    expect([stopOf({ partial: true }), stopOf({ partial: false })]).toEqual(["cut off", "recorded"]);
    expect([formatUsd(0), formatUsd(0.00123), formatUsd(12.345)]).toEqual(["$0.0000", "$0.0012", "$12.35"]);
  });
});
