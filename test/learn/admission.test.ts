import { describe, expect, test } from "@jest/globals";
import { admissionOf, type AdmissionSource, judgeAdmission } from "../../src/learn/admission.ts";
import { SessionAdmission } from "../../src/model/admission.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import { outcome } from "./outcomes.ts";
import { rule } from "./rules.ts";

const NOW = "2026-11-20T12:00:00.000Z";
const stopped = (hour: number, change: Partial<Outcome> = {}): Outcome =>
  outcome({
    at: `2026-11-20T${String(hour).padStart(2, "0")}:00:00Z`,
    status: "rejected",
    reasons: ["check_failed"],
    ...change,
  });
const judged = (change: Partial<AdmissionSource>) => {
  const admission = admissionOf({
    outcomes: [],
    rules: [],
    findings: ["n_plus_one"],
    now: NOW,
    cooldownHours: 24,
    cooldownAfter: 3,
    ...change,
  });
  expect(SessionAdmission.parse(admission)).toEqual(admission);
  return judgeAdmission(admission);
};
const three = [stopped(8), stopped(9), stopped(10)];

describe("a kind of finding rests", () => {
  test("after three changes in a row that were stopped, for a day since the last", () => {
    expect(judged({ outcomes: three })).toEqual({
      verdict: "inconclusive",
      reasons: ["cooldown"],
      details: ["n_plus_one: 3 changes in a row were stopped; it rests until 2026-11-21T10:00:00.000Z"],
    });
    expect(judged({ outcomes: three.slice(1) }).verdict).toBe("pass");
    expect(judged({ outcomes: three, now: "2026-11-21T09:59:59.999Z" }).verdict).toBe("inconclusive");
    expect(judged({ outcomes: three, now: "2026-11-21T10:00:00Z" }).verdict).toBe("pass");
    expect(judged({ outcomes: three, cooldownHours: 0 }).verdict).toBe("pass");
  });

  test("not when one in between was kept, nor for what its author could not heed", () => {
    expect(judged({ outcomes: [...three.slice(0, 2), stopped(9, { status: "promoted" }), stopped(11)] }).verdict).toBe(
      "pass",
    );
    expect(judged({ outcomes: three.map((one) => ({ ...one, reasons: ["base_moved" as const] })) }).verdict).toBe(
      "pass",
    );
    expect(judged({ outcomes: three.map((one) => ({ ...one, findings: ["errors" as const] })) }).verdict).toBe("pass");
  });

  test("a change counts by what became of it in the end, and once", () => {
    const [first, second, third] = three as [Outcome, Outcome, Outcome];
    const held = { ...third, id: "later", at: "2026-11-20T11:00:00Z", status: "held" as const };
    expect(judged({ outcomes: [first, second, third, held] }).verdict).toBe("pass");
    const again = { ...third, id: "again", at: "2026-11-20T11:00:00Z" };
    expect(judged({ outcomes: [second, third, again] }).verdict).toBe("pass");
  });

  test("a session may work on what is left", () => {
    expect(judged({ outcomes: three, findings: ["n_plus_one", "errors"] }).verdict).toBe("pass");
  });
});

describe("a hard rule forbids", () => {
  const hard = rule({ id: "hands-off", hard: { findings: ["n_plus_one", "errors"], paths: [] } });

  test("a session when it names every kind of finding that there is", () => {
    expect(judged({ rules: [hard] })).toEqual({
      verdict: "fail",
      reasons: ["rule_forbids"],
      details: ["n_plus_one: forbidden by the rule hands-off"],
    });
    expect(judged({ rules: [hard], findings: ["n_plus_one", "cold_start"] }).verdict).toBe("pass");
    expect(judged({ rules: [rule()] }).verdict).toBe("pass");
  });

  test("what is partly forbidden and partly rests is undecided, and each is named", () => {
    const rests = three.map((one) => ({ ...one, findings: ["cold_start" as const] }));
    const { verdict, details } = judged({ rules: [hard], outcomes: rests, findings: ["errors", "cold_start"] });
    expect(verdict).toBe("inconclusive");
    expect(details).toHaveLength(2);
  });

  test("no finding is nobody's to forbid: that there is none was judged before", () => {
    expect(judged({ rules: [hard], findings: [] }).verdict).toBe("pass");
  });
});
