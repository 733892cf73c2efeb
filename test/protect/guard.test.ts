import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openMemoryForge } from "../../src/github/memory.ts";
import { type ReasonCode, REASON_CODE_LIST } from "../../src/model/codes.ts";
import { codeOf, WhetstoneError } from "../../src/model/error.ts";
import {
  type Guard,
  guardForge,
  guardState,
  guardWorktrees,
  openGuard,
  type UsedBefore,
} from "../../src/protect/guard.ts";
import { digestOf } from "../../src/protect/digest.ts";
import type { KillSwitch } from "../../src/protect/kill-switch.ts";
import { needsAuthorization, operationOf, OPERATIONS, type OperationName } from "../../src/protect/operations.ts";
import { assertPermit } from "../../src/protect/permit.ts";
import { countViolations, VIOLATION_KINDS, violationOf } from "../../src/protect/violations.ts";
import { acts, BOT, granted, openDesk, SUBJECT, type TestDesk } from "./authorization/desk.ts";
import { refusedFor } from "./authorization/refused-for.ts";

let desk: TestDesk;
let guard: Guard;
let isStopped = false;
beforeEach(() => {
  desk = openDesk();
  isStopped = false;
  const stopped = new WhetstoneError("stopped", "The kill switch is set.", { data: { reason: "disabled" } });
  const killSwitch = { assertRunning: () => (isStopped ? Promise.reject(stopped) : Promise.resolve()) } as KillSwitch;
  guard = openGuard({ desk, killSwitch });
});
const ACTING = { actor: BOT, target: "all", run: "r-1" };
const NAMES = Object.keys(OPERATIONS) as OperationName[];

describe("operations", () => {
  test.each(NAMES)("%s is declared as its class and risk demand", (name) => {
    const operation = operationOf(name);
    expect(operation.name).toBe(name);
    if (operation.class === "read")
      expect(operation).toMatchObject({ risk: "low", whileStopped: true, rollback: null });
    expect(needsAuthorization(operation)).toBe(operation.risk !== "low");
  });

  test("what changes for good, for all, or for other people needs an authorization", () => {
    const protectedOnes = NAMES.filter((name) => needsAuthorization(OPERATIONS[name])).sort();
    expect(protectedOnes).toEqual([
      "backup.restore",
      "canary.promote",
      "canary.rollback",
      "resume",
      "rule.retire",
      "server.update",
      "session.refine",
    ]);
  });

  test("a name that is none is answered with the nearest", () => {
    expect(() => operationOf("resum")).toThrow(
      expect.objectContaining({ code: "usage", remedy: 'Did you mean "resume"?' }),
    );
    expect(() => operationOf("constructor")).toThrow(expect.objectContaining({ code: "usage" }));
  });
});

describe("the guard", () => {
  test.each(NAMES)("permits %s without an authorization exactly when none is needed", async (name) => {
    const asked = guard.permit(name, { ...ACTING, subject: SUBJECT });
    if (!needsAuthorization(OPERATIONS[name])) return expect(await asked).toMatchObject({ operation: name });
    await expect(asked).rejects.toMatchObject(refusedFor("authorization_missing"));
    expect(await acts(desk.state)).toEqual([`${name} deny authorization_missing`]);
  });

  test.each(NAMES)("keeps %s back while stopped unless it is declared otherwise", async (name) => {
    isStopped = true;
    const code = await guard.permit(name, { ...ACTING, subject: SUBJECT }).then(() => "permitted", codeOf);
    expect(code === "stopped").toBe(!OPERATIONS[name].whileStopped);
    if (code === "stopped") expect(await acts(desk.state)).toEqual([`${name} deny disabled`]);
  });

  test("takes a token for its operation, and no other; the permit names the authorization", async () => {
    const token = await granted(desk);
    const request = { ...ACTING, subject: SUBJECT, token };
    await expect(guard.permit("backup.restore", request)).rejects.toMatchObject(refusedFor("authorization_operation"));
    const permit = await guard.permit("resume", request);
    expect(permit).toMatchObject({ operation: "resume", authorization: expect.stringMatching(/^a-/) });
    await expect(guard.permit("resume", request)).rejects.toMatchObject(refusedFor("authorization_used"));
  });

  test("a token without what it would change is none", async () => {
    const token = await granted(desk);
    await expect(guard.permit("resume", { ...ACTING, token })).rejects.toMatchObject(
      refusedFor("authorization_missing"),
    );
  });

  test("a refusal that cannot be recorded stands, and says so", async () => {
    await desk.state.update("tamper", async () => ({
      change: new Map([["ledger/2025-10.ndjson", "{}\n"]]),
      value: undefined,
    }));
    await expect(guard.permit("resume", ACTING)).rejects.toMatchObject({
      ...refusedFor("authorization_missing"),
      message: expect.stringContaining("could not be recorded"),
    });
  });

  test("a permit is for its operation, once, and cannot be written by hand", async () => {
    const permit = await guard.permit("state.write", ACTING);
    expect(() => assertPermit(permit, "proposal.open" as "state.write")).toThrow(WhetstoneError);
    expect(() => assertPermit({ ...permit }, "state.write")).toThrow(WhetstoneError);
    assertPermit(permit, "state.write");
    expect(() => assertPermit(permit, "state.write")).toThrow(WhetstoneError);
    expect(() => Object.assign(permit, { operation: "resume" })).toThrow(TypeError);
  });
});

describe("guarded ports", () => {
  const memory = () => openMemoryForge({ files: { "a.txt": "a\n" }, apply: () => ({ "a.txt": "b\n" }) });
  const open = async (forge: ReturnType<typeof memory>) => {
    const { sha } = await forge.head();
    return await guardForge(forge, guard, ACTING).openProposal({
      branch: "whetstone/proposal/x",
      baseSha: sha,
      patch: "p",
      title: "t",
      body: "b",
    });
  };

  test("a proposal is opened and closed, and neither opened while stopped", async () => {
    const forge = memory();
    const opened = await open(forge);
    isStopped = true;
    await expect(open(forge)).rejects.toMatchObject({ code: "stopped" });
    expect(await guardForge(forge, guard, ACTING).closeProposal(opened.branch, opened.sha)).toBe(true);
    expect(await forge.proposals("whetstone")).toEqual([]);
    await expect(open(forge)).rejects.toMatchObject({ code: "stopped" });
    expect(await forge.proposals("whetstone")).toEqual([]);
  });

  test("the state is written also while stopped: how a run ended must be on record", async () => {
    isStopped = true;
    const state = guardState(desk.state, guard, ACTING);
    await state.update("m", async () => ({ change: new Map([["a", "1"]]), value: undefined }));
    expect(await (await state.view()).read("a")).toBe("1");
  });

  test("worktrees are not made while stopped, and removed all the same", async () => {
    const calls: string[] = [];
    const real = { add: async () => void calls.push("add"), remove: async () => void calls.push("remove") };
    const worktrees = guardWorktrees(real, guard, ACTING);
    await worktrees.add({ root: "/r", path: "/p", sha: "1".repeat(40) });
    isStopped = true;
    await expect(worktrees.add({ root: "/r", path: "/p", sha: "1".repeat(40) })).rejects.toMatchObject({
      code: "stopped",
    });
    await worktrees.remove({ root: "/r", path: "/p" });
    expect(calls).toEqual(["add", "remove"]);
  });

  test("nothing is written when the guard refuses, whatever the port", async () => {
    const refusing: Guard = { permit: () => Promise.reject(new WhetstoneError("unauthorized", "no")) };
    const fail = () => Promise.reject(new Error("written"));
    const forge = guardForge({ ...memory(), openProposal: fail, closeProposal: fail }, refusing, ACTING);
    const state = guardState({ view: desk.state.view, update: fail }, refusing, ACTING);
    const worktrees = guardWorktrees({ add: fail, remove: fail }, refusing, ACTING);
    const place = { root: "/r", path: "/p", sha: "1".repeat(40) };
    const proposal = { branch: "b", baseSha: place.sha, patch: "", title: "", body: "" };
    const plan = async () => ({ change: new Map(), value: undefined });
    for (const write of [
      forge.openProposal(proposal),
      forge.closeProposal("b", place.sha),
      state.update("m", plan),
      worktrees.add(place),
      worktrees.remove(place),
    ]) {
      await expect(write).rejects.toMatchObject({ code: "unauthorized" });
    }
  });
});

describe("violations", () => {
  test("each kind has its reasons, and what was allowed is none", () => {
    const kinds = REASON_CODE_LIST.map((reasonCode) => violationOf({ decision: "deny", reasonCode }));
    expect(new Set(kinds.filter((kind) => kind !== undefined))).toEqual(new Set(VIOLATION_KINDS));
    for (const reasonCode of REASON_CODE_LIST) {
      expect(violationOf({ decision: "allow", reasonCode })).toBeUndefined();
      expect(violationOf({ decision: "none", reasonCode })).toBeUndefined();
    }
    expect(violationOf({ decision: "deny", reasonCode: "check_failed" })).toBeUndefined();
  });

  test("a reason of a family of violations is one: who, what for, how large, how long", () => {
    const families =
      /^(authorization|token|key|two)_|^(role|person)_|_(forbidden|exceeded|collision|disagree|mismatch)$|^timed_/;
    const members = REASON_CODE_LIST.filter((code) => families.test(code));
    expect(members.length).toBeGreaterThan(25);
    for (const reasonCode of members)
      expect([reasonCode, violationOf({ decision: "deny", reasonCode })]).not.toContain(undefined);
    const later = { decision: "deny", reasonCode: "colour_forbidden" as ReasonCode } as const;
    expect(violationOf(later)).toBe("scope");
  });

  test.each([
    ["authorization_missing", "readOnly"],
    ["authorization_expired", "timeout"],
    ["authorization_actor", "scope"],
    ["disabled", "readOnly"],
    ["views_disagree", "scope"],
    ["budget_exhausted", "resourceLimit"],
    ["size_exceeded", "resourceLimit"],
    ["timed_out", "timeout"],
    ["patch_empty", undefined],
    ["deadline_reached", undefined],
  ] as const)("%s counts as %s", (reasonCode, kind) => {
    expect(violationOf({ decision: "deny", reasonCode })).toBe(kind);
  });

  test("counts add up", () => {
    const counts = fc
      .dictionary(fc.constantFrom(...REASON_CODE_LIST), fc.nat(5))
      .map((some) => new Map(Object.entries(some)));
    type Denied = ReadonlyMap<ReasonCode, number>;
    fc.assert(
      fc.property(counts, counts, (first, second) => {
        const [a, b] = [first as Denied, second as Denied];
        const both = new Map(REASON_CODE_LIST.map((code) => [code, (a.get(code) ?? 0) + (b.get(code) ?? 0)]));
        for (const kind of VIOLATION_KINDS) {
          expect(countViolations(both)[kind]).toBe(countViolations(a)[kind] + countViolations(b)[kind]);
        }
      }),
    );
    expect(
      countViolations(
        new Map([
          ["path_forbidden", 2],
          ["size_exceeded", 1],
          ["timed_out", 3],
          ["ok", 9],
        ]),
      ),
    ).toEqual({
      readOnly: 0,
      scope: 2,
      resourceLimit: 1,
      timeout: 3,
    });
  });
});

describe("an authorization that another job of the run used up", () => {
  const asked = { actor: BOT, target: "notes", run: "r-1", subject: SUBJECT };
  const used: UsedBefore = {
    authorization: "a-1",
    operation: "session.refine",
    target: "notes",
    run: "r-1",
    actor: BOT,
    subject: digestOf(SUBJECT),
  };

  test("permits exactly that, and nothing is used up a second time", async () => {
    const permit = await guard.permit("session.refine", { ...asked, used });
    expect(permit).toMatchObject({ operation: "session.refine", authorization: "a-1", target: "notes" });
    expect(await acts(desk.state)).toEqual([]);
  });

  test("permits nothing else: another target, run, person or subject", async () => {
    const other: Partial<UsedBefore>[] = [
      { target: "other" },
      { run: "r-2" },
      { actor: { type: "person", id: "mallory" } },
      { subject: digestOf("another commit") },
      { operation: "resume" },
    ];
    for (const change of other) {
      const permit = guard.permit("session.refine", { ...asked, used: { ...used, ...change } });
      await expect(permit).rejects.toMatchObject(refusedFor("authorization_altered"));
    }
    const { subject: _subject, ...without } = asked;
    await expect(guard.permit("session.refine", { ...without, used })).rejects.toMatchObject(
      refusedFor("authorization_altered"),
    );
  });

  test("is no way to any other protected operation", async () => {
    for (const name of NAMES.filter((one) => needsAuthorization(OPERATIONS[one]) && one !== "session.refine")) {
      const permit = guard.permit(name, { ...asked, used: { ...used, operation: name } });
      await expect(permit).rejects.toMatchObject(refusedFor("authorization_altered"));
    }
  });

  test("counts for nothing while the kill switch is set", async () => {
    isStopped = true;
    await expect(guard.permit("session.refine", { ...asked, used })).rejects.toMatchObject({ code: "stopped" });
  });
});
