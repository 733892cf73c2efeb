import { describe, expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { SessionRecord } from "../../src/model/proposal.ts";
import { manualClock } from "../../src/model/time.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import { findSession, listSessions, recordSession } from "../../src/protect/session-records.ts";
import { session as answered } from "../propose/parts.ts";
import fc from "../support/fast-check.ts";

const clock = manualClock();
const record = (id: string, recordedAt = "2026-11-20T10:00:00.000Z"): SessionRecord => ({
  ...answered,
  id,
  recordedAt,
});
const entry = {
  actor: { type: "person", id: "tester" },
  operation: "session.end",
  target: "notes",
  run: "r-1",
  decision: "none",
  reasonCode: "ok",
  result: "answered",
  parametersDigest: "0".repeat(64),
} as const;

async function stateWith(...records: readonly SessionRecord[]) {
  const state = openMemoryState();
  for (const one of records) await recordSession(state, { record: one, entries: [entry] }, clock);
  return state;
}

describe("sessions on record", () => {
  test("a session and its ledger record come in one commit, and it is read back as it was", async () => {
    const state = await stateWith(record("s-1"));
    const view = await state.view();
    expect((await findSession(view, "s-1")).record).toEqual(record("s-1"));
    expect((await readLedger(view)).records.map(({ operation }) => operation)).toEqual(["session.end"]);
  });

  test("newest first, by time and not by text", async () => {
    const state = await stateWith(
      record("s-a", "2026-11-20T10:00:00.500Z"),
      record("s-b", "2026-11-20T10:00:00.50000001Z"),
      record("s-c", "2026-11-19T10:00:00.000Z"),
    );
    const { sessions } = await listSessions(await state.view());
    expect(sessions.map(({ key }) => key)).toEqual(["s-b", "s-a", "s-c"]);
  });

  test("of a recording that was played in several runs the newest is found, each by its run", async () => {
    const state = openMemoryState();
    const file = (at: string): string => JSON.stringify(record("s-played", at));
    const change = new Map([
      ["sessions/r-1.json", file("2026-11-20T10:00:00.000Z")],
      ["sessions/r-2.json", file("2026-11-20T11:00:00.000Z")],
    ]);
    await state.update("play", async () => ({ change, value: undefined }));
    const view = await state.view();
    expect((await findSession(view, "s-played")).key).toBe("r-2");
    expect((await findSession(view, "r-1")).record.recordedAt).toBe("2026-11-20T10:00:00.000Z");
  });

  test("what is no record is named, hides no other, and is not found as one", async () => {
    const state = await stateWith(record("s-good"));
    const broken = ["{", "null", JSON.stringify({ ...record("x"), schema: "whetstone.session/9" })];
    const change = new Map(broken.map((text, n) => [`sessions/bad-${n}.json`, text] as const));
    await state.update("break", async () => ({ change, value: undefined }));
    const view = await state.view();
    const { sessions, unreadable } = await listSessions(view);
    expect(sessions.map(({ key }) => key)).toEqual(["s-good"]);
    expect(unreadable).toEqual(["sessions/bad-0.json", "sessions/bad-1.json", "sessions/bad-2.json"]);
    await expect(findSession(view, "bad-1")).rejects.toMatchObject({ code: "ledger_broken" });
    await expect(findSession(view, "s-none")).rejects.toMatchObject({ code: "not_found" });
  });

  test("every recorded session is listed once, whatever the order of recording", async () => {
    const time = fc.date({ min: new Date("2026-01-01"), max: new Date("2026-12-31"), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 0, max: 99 })),
        fc.array(time, { minLength: 100 }),
        async (ids, at) => {
          const records = ids.map((id) => record(`s-${id}`, (at[id] ?? new Date(0)).toISOString()));
          const { sessions } = await listSessions(await (await stateWith(...records)).view());
          expect(sessions.map(({ key }) => key).sort()).toEqual(ids.map((id) => `s-${id}`).sort());
          const times = sessions.map(({ record: { recordedAt } }) => recordedAt);
          expect(times).toEqual(times.toSorted().toReversed());
        },
      ),
      { numRuns: 15 },
    );
  });
});
