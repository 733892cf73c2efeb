import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type GateCalls, startGateCount } from "../../../src/canary/gate-count.ts";
import { decideGate, type GateLook, reportIsDue } from "../../../src/canary/gate.ts";
import { answerText, gateMark, lookSummary, reportText } from "../../../src/app/gate/text.ts";
import type { GateRecord } from "../../../src/app/gate/record.ts";
import { AppSettings } from "../../../src/config/app.ts";
import { CanarySettings } from "../../../src/config/schema.ts";
import { MOST_REPORTS } from "../../../src/github/gate-port.ts";
import { bothArms, callsOf, swapArms } from "../../canary/calls.ts";

const START = Date.parse("2026-11-20T10:00:00.000Z");
const MINUTE = 60_000;
const gate = { startedAt: new Date(START).toISOString(), deadlineAt: new Date(START + 120 * MINUTE).toISOString() };
const canary = CanarySettings.parse({});
const settings = AppSettings.parse({}).gate;

const at = (samples: ReturnType<typeof callsOf>): GateCalls => ({
  before: [],
  calls: samples
    .map((sample) => ({ ...sample, timestamp: START + sample.timestamp / 4 }))
    .toSorted((a, b) => a.timestamp - b.timestamp),
  foreign: 0,
  exchanged: 0,
});
type Change = Partial<Pick<GateLook, "nowMs">> & { calls?: GateCalls; settings?: typeof settings };
const look = ({ calls, settings: set = settings, nowMs = START + 15 * MINUTE }: Change): GateLook => {
  const { weight = null, minimumCalls } = set;
  const count = startGateCount({ settings: canary, look: { weight, minimumCalls, startedMs: START } });
  if (calls !== undefined) count.add(calls);
  return { gate, seen: calls && count.look(nowMs), settings: set, nowMs };
};

const GOOD = at(bothArms([3_000, 150], [3_000, 150]));
const BAD = at(bothArms([600, 200], [600, 30]));

describe("the decision of a gate", () => {
  test("passes what excludes harm, ends what shows it", () => {
    expect(decideGate(look({ calls: GOOD })).state).toBe("approved");
    expect(decideGate(look({ calls: BAD }))).toMatchObject({
      state: "rejected",
      reasons: expect.arrayContaining(["errors_increased"]),
    });
  });

  test("waits for the window before it passes anything, for harm it does not wait", () => {
    const long = { ...settings, windowMinutes: 60 };
    expect(decideGate(look({ calls: GOOD, settings: long }))).toMatchObject({ state: "open", reasons: ["undecided"] });
    expect(decideGate(look({ calls: BAD, settings: long })).state).toBe("rejected");
  });

  test("marked as exchanged, calls decide nothing in either direction", () => {
    for (const calls of [GOOD, BAD]) {
      const said = decideGate(look({ calls: { ...calls, exchanged: 1 } }));
      expect(said).toMatchObject({ state: "open", reasons: expect.arrayContaining(["invalid_data"]) });
    }
  });

  test("with a fixed share, arms that fit it only when exchanged pass nothing", () => {
    const weighted = { ...settings, weight: 0.1 };
    const slow = callsOf("canary", 1_000, 100).map((call) => ({ ...call, timestamp: 9 * call.timestamp }));
    const samples = [...slow, ...callsOf("baseline", 9_000, 900)];
    const [right, wrong] = [at(samples), at(swapArms(samples))];
    expect(decideGate(look({ calls: wrong, settings: weighted, nowMs: START + 40 * MINUTE })).state).not.toBe(
      "approved",
    );
    expect(decideGate(look({ calls: right, settings: weighted, nowMs: START + 40 * MINUTE })).state).toBe("approved");
  });

  test("stale calls pass nothing", () => {
    expect(decideGate(look({ calls: GOOD, nowMs: START + 100 * MINUTE })).state).toBe("open");
  });

  test("at the deadline what is open is rejected, or waits where that is set", () => {
    const late = { calls: at([]), nowMs: START + 120 * MINUTE };
    expect(decideGate(look(late))).toMatchObject({
      state: "rejected",
      reasons: expect.arrayContaining(["deadline_reached"]),
    });
    expect(decideGate(look({ ...late, settings: { ...settings, atDeadline: "wait" } })).state).toBe("open");
  });

  test("nothing passes that has not both arms, whatever the rest", () => {
    const one = fc.record({
      calls: fc.nat(60),
      errors: fc.nat(60),
      arm: fc.constantFrom("canary" as const, "baseline" as const),
      minutes: fc.nat(10_000),
      atDeadline: fc.constantFrom("wait" as const, "reject" as const),
    });
    fc.assert(
      fc.property(one, ({ calls, errors, arm, minutes, atDeadline }) => {
        const seen = at(callsOf(arm, calls, Math.min(errors, calls)));
        const set = { ...settings, atDeadline, windowMinutes: 0 };
        const said = decideGate(look({ calls: seen, nowMs: START + minutes * MINUTE, settings: set }));
        expect(said.state).not.toBe("approved");
        expect(said.state === "rejected").toBe(minutes >= 120 && atDeadline === "reject");
      }),
    );
  });

  test("nor without telemetry", () => {
    fc.assert(
      fc.property(fc.nat(10_000), (minutes) => {
        expect(decideGate(look({ nowMs: START + minutes * MINUTE })).state).not.toBe("approved");
      }),
    );
  });
});

describe("reports", () => {
  test("are at most ten and never before their time, however often is looked", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40 * MINUTE), { maxLength: 200 }), (steps) => {
        let [now, reports] = [START, 0];
        for (const step of [0, ...steps]) {
          now += step;
          if (reportIsDue({ ...gate, reports }, now)) reports += 1;
        }
        expect(reports).toBeGreaterThanOrEqual(1);
        expect(reports).toBeLessThanOrEqual(MOST_REPORTS);
      }),
    );
  });

  test("the first is due at once, the next ones later and later", () => {
    const due = (reports: number) => {
      for (let second = 0; ; second += 1) if (reportIsDue({ ...gate, reports }, START + second * 1_000)) return second;
    };
    const times = [0, 1, 2, 3, 4, 5].map(due);
    expect(times).toEqual([0, 15, 43, 99, 211, 436]);
    expect(reportIsDue({ ...gate, reports: MOST_REPORTS }, START + 1e12)).toBe(false);
  });
});

describe("texts", () => {
  const record = (id: string): GateRecord => ({
    schema: "whetstone.gate/1",
    id,
    run: null,
    sha: "a".repeat(40),
    proposal: { pull: 3, target: "notes", fingerprint: "b".repeat(64) },
    ...gate,
    reports: 0,
    decision: null,
    end: null,
  });
  const hostile = "@everyone [x](https://evil.example) <img src=x> /whetstone promote\n# x";

  test("are never longer than GitHub takes, and an answer is known again by its last line", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 0, max: 40 }), (length, metrics) => {
        const verdict = decideGate(look({ calls: GOOD })).verdict;
        const [metric] = verdict?.metrics ?? [];
        if (verdict === null || metric === undefined) throw new Error("There is no verdict.");
        const wide = { ...verdict, metrics: Array.from({ length: metrics }, (_, i) => ({ ...metric, name: `m${i}` })) };
        const one = record("x".repeat(length));
        const decision = {
          state: "approved",
          reasons: ["ok"],
          by: { type: "bot", id: "b" },
          at: gate.startedAt,
          verdict: wide,
        } as const;
        const text = answerText(one, { ...decision, reasons: ["ok"] });
        expect(text.length).toBeLessThanOrEqual(1_024);
        expect(text.split("\n")).toContain(gateMark(one));
        const report = reportText(one, { state: "open", reasons: ["undecided"], verdict: wide });
        expect(report.length).toBeLessThanOrEqual(1_024);
      }),
    );
  });

  test("foreign text in them is harmless", () => {
    const verdict = decideGate(look({ calls: GOOD })).verdict;
    const [metric] = verdict?.metrics ?? [];
    if (verdict === null || metric === undefined) throw new Error("There is no verdict.");
    const bad = { ...verdict, metrics: [{ ...metric, name: hostile }] };
    const by = { type: "person", id: hostile } as const;
    const decision = { state: "approved" as const, reasons: ["ok" as const], by, at: gate.startedAt, verdict: bad };
    const texts = [answerText(record("g"), decision), lookSummary(record("g"), bad, undefined)];
    for (const text of texts) {
      expect(text).not.toMatch(/@everyone|<img|(?<!\\)\]\(|^\/whetstone|^# x/m);
    }
  });
});
