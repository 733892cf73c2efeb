import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openGitState } from "../../src/github/git-state.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import type { DossierManifest } from "../../src/model/dossier.ts";
import type { LedgerEntry } from "../../src/model/ledger.ts";
import type { Outcome, Rule } from "../../src/model/outcome.ts";
import type { SessionRecord } from "../../src/model/proposal.ts";
import { manualClock, parseInstant } from "../../src/model/time.ts";
import { readLedger, verifyLedger } from "../../src/protect/ledger.ts";
import {
  appendOutcome,
  readCandidates,
  readOutcomes,
  recordCandidates,
  recordRun,
  type RunRecord,
} from "../../src/protect/outcomes.ts";
import { outcome } from "../learn/outcomes.ts";
import { rule } from "../learn/rules.ts";
import { temporaryRepository } from "../support/git-repository.ts";
import { entry } from "./ledger-entries.ts";

const clock = manualClock();
const session = { schema: "whetstone.session/1", id: "s-1", target: "notes" } as SessionRecord;

/** One run's record; `name` tells it apart. */
function recordOf(name: string, entries: readonly LedgerEntry[] = [entry(1)]): RunRecord {
  const manifest = { schema: "whetstone.dossier/1", id: `d-${name}`, run: `r-${name}` } as DossierManifest;
  return { outcome: outcome({ id: `o-${name}` }), manifest, session, entries };
}

function candidate(id: string, change: Partial<Rule> = {}): Rule {
  return rule({ id, state: "candidate", ...change });
}

async function all(state: StateStore): Promise<Record<string, string>> {
  const view = await state.view();
  const paths = await view.list("");
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, (await view.read(path)) ?? ""])));
}

const put = (state: StateStore, files: Record<string, string | null>) =>
  state.update("test", async () => ({ change: new Map(Object.entries(files)), value: undefined }));

/** A state, other writers of it, and how many commits it has. */
type Place = AsyncDisposable & { readonly writer: () => StateStore; readonly commits?: () => Promise<number> };

const adapters: Readonly<Record<string, () => Promise<Place>>> = {
  memory: async () => {
    const state = openMemoryState();
    return { writer: () => state, [Symbol.asyncDispose]: async () => undefined };
  },
  git: async () => {
    const repository = await temporaryRepository();
    return {
      writer: () => openGitState({ cwd: repository.root, now: clock.now }),
      commits: async () => Number(await repository.git("rev-list", "--count", "whetstone/state")),
      [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
    };
  },
};

describe.each(Object.entries(adapters))("a run's record in %s", (_name, open) => {
  test("is one step: outcome, session, manifest and ledger together", async () => {
    await using place = await open();
    const state = place.writer();
    const record = recordOf("a", [entry(1), entry(2)]);
    await recordRun(state, record, clock);
    const files = await all(state);
    expect(Object.keys(files)).toEqual([
      "dossiers/d-a/manifest.json",
      "ledger-tip.json",
      "ledger/2023-11.ndjson",
      "outcomes/o-a.json",
      "sessions/r-a.json",
    ]);
    expect(JSON.parse(files["outcomes/o-a.json"] ?? "")).toEqual(record.outcome);
    expect(JSON.parse(files["sessions/r-a.json"] ?? "")).toEqual(session);
    expect(JSON.parse(files["dossiers/d-a/manifest.json"] ?? "")).toEqual(record.manifest);
    const { records } = await readLedger(await state.view());
    expect(records.map(({ result }) => result)).toEqual(["outcome 1", "outcome 2"]);
    expect(await place.commits?.()).toBe(place.commits ? 1 : undefined);
  });

  test("is one commit each, and a run without a session leaves none", async () => {
    await using place = await open();
    const state = place.writer();
    await recordRun(state, recordOf("a"), clock);
    const { session: _session, ...silent } = recordOf("b");
    await recordRun(state, silent, clock);
    expect(await (await state.view()).list("sessions")).toEqual(["sessions/r-a.json"]);
    expect(await place.commits?.()).toBe(place.commits ? 2 : undefined);
    expect(await verifyLedger(await state.view())).toMatchObject({ ok: true, records: 2 });
  });

  test("is seen whole or not at all by a reader at any time", async () => {
    await using place = await open();
    const writing = ["a", "b", "c", "d"].map((name) => recordRun(place.writer(), recordOf(name), clock));
    let over = false;
    const written = Promise.all(writing).finally(() => {
      over = true;
    });
    do {
      const view = await place.writer().view();
      const counts = await Promise.all(["outcomes", "sessions", "dossiers"].map((name) => view.list(name)));
      const [runs = 0] = counts.map((list) => list.length);
      expect(counts.map((list) => list.length)).toEqual([runs, runs, runs]);
      const ledger = await verifyLedger(view);
      expect(ledger).toMatchObject({ ok: true, records: runs });
    } while (!over);
    await written;
    expect(await (await place.writer().view()).list("outcomes")).toHaveLength(4);
  });

  test("lands beside that of another run that ends at the same time", async () => {
    await using place = await open();
    const names = ["a", "b", "c"];
    await Promise.all(names.map((name) => recordRun(place.writer(), recordOf(name, [entry(1), entry(2)]), clock)));
    const view = await place.writer().view();
    expect((await readOutcomes(view, "notes")).map(({ id }) => id).sort()).toEqual(["o-a", "o-b", "o-c"]);
    expect(await verifyLedger(view)).toMatchObject({ ok: true, records: 6 });
    const { records } = await readLedger(view);
    // The two entries of one run stand side by side: each run was one step.
    expect(records.map(({ result }) => result)).toEqual(names.flatMap(() => ["outcome 1", "outcome 2"]));
    expect(await place.commits?.()).toBe(place.commits ? 3 : undefined);
  });

  test("is not written at all when the ledger is broken", async () => {
    await using place = await open();
    const state = place.writer();
    await recordRun(state, recordOf("a"), clock);
    const text = (await all(state))["ledger/2023-11.ndjson"] ?? "";
    await put(state, { "ledger/2023-11.ndjson": text.replace("outcome 1", "outcome 9") });
    const before = await all(state);
    await expect(recordRun(state, recordOf("b"), clock)).rejects.toMatchObject({ code: "ledger_broken" });
    const learned = { rules: [candidate("r")], entries: [entry(3)] };
    await expect(recordCandidates(state, learned, clock)).rejects.toMatchObject({ code: "ledger_broken" });
    expect(await all(state)).toEqual(before);
  });

  test("is refused when an id would lead out of its folder", async () => {
    await using place = await open();
    const state = place.writer();
    const record = { ...recordOf("a"), outcome: outcome({ id: "../ledger/2023-11" }) };
    await expect(recordRun(state, record, clock)).rejects.toMatchObject({ code: "write_failed" });
    expect(await all(state)).toEqual({});
  });

  test("a later outcome is added with its ledger record; the first one stays", async () => {
    await using place = await open();
    const state = place.writer();
    const record = recordOf("a");
    await recordRun(state, record, clock);
    const held = { ...record.outcome, id: "o-later", at: "2026-11-27T10:00:00.000Z", status: "held" as const };
    await appendOutcome(state, { outcome: held, entries: [entry(2)] }, clock);
    const outcomes = await readOutcomes(await state.view(), "notes");
    expect(outcomes.map(({ id, status }) => [id, status])).toEqual([
      ["o-a", "promoted"],
      ["o-later", "held"],
    ]);
    expect(await verifyLedger(await state.view())).toMatchObject({ ok: true, records: 2 });
    expect(await place.commits?.()).toBe(place.commits ? 2 : undefined);
  });

  test("candidates are written with their ledger records, and replaced by their next version", async () => {
    await using place = await open();
    const state = place.writer();
    expect(await readCandidates(await state.view())).toEqual([]);
    await recordCandidates(state, { rules: [candidate("b"), candidate("a")], entries: [entry(1), entry(2)] }, clock);
    const next = candidate("a", { version: 2, text: "Share what calls have in common." });
    await recordCandidates(state, { rules: [next], entries: [entry(3)] }, clock);
    expect(await readCandidates(await state.view())).toEqual([next, candidate("b")]);
    expect(await verifyLedger(await state.view())).toMatchObject({ ok: true, records: 3 });
  });
});

describe("reading", () => {
  test("gives the outcomes of the target only", async () => {
    const state = openMemoryState();
    await recordRun(state, { ...recordOf("a"), outcome: outcome({ id: "o-a", target: "files" }) }, clock);
    await recordRun(state, recordOf("b"), clock);
    const view = await state.view();
    expect((await readOutcomes(view, "files")).map(({ id }) => id)).toEqual(["o-a"]);
    expect(await readOutcomes(view, "none")).toEqual([]);
  });

  test("gives the oldest first, however many digits their times have", async () => {
    const digits = fc.tuple(fc.nat(2), fc.stringMatching(/^\d{1,9}$/));
    const instants = fc.array(
      digits.map(([second, fraction]) => `2026-11-20T10:00:0${second}.${fraction}Z`),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(instants, async (times) => {
        const state = openMemoryState();
        const files = times.map((at, index) => [`outcomes/o-${index}.json`, JSON.stringify(outcome({ at }))]);
        await put(state, Object.fromEntries(files));
        const read = (await readOutcomes(await state.view(), "notes")).map(({ at }) => parseInstant(at, 0n));
        expect(read).toEqual(read.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
        expect(read).toHaveLength(times.length);
      }),
    );
  });

  const sound: Outcome = outcome({ id: "o-1" });
  test.each([
    ["half-written", JSON.stringify(sound).slice(0, -5)],
    ["empty", ""],
    ["of another schema", JSON.stringify({ ...sound, schema: "whetstone.outcome/2" })],
    ["with a field that nobody knows", JSON.stringify({ ...sound, extra: 1 })],
    ["with a reason that nobody knows", JSON.stringify({ ...sound, reasons: ["because"] })],
    ["no object", "[]"],
  ])("a record that is %s is named, and nothing is read past it", async (_name, text) => {
    const state = openMemoryState();
    await put(state, { "outcomes/o-0.json": JSON.stringify(outcome()), "outcomes/o-1.json": text });
    await expect(readOutcomes(await state.view(), "notes")).rejects.toMatchObject({
      code: "ledger_broken",
      message: expect.stringContaining("outcomes/o-1.json"),
      remedy: expect.stringContaining("whetstone/state"),
      data: { path: "outcomes/o-1.json" },
    });
  });

  test("a candidate that is no rule is named too", async () => {
    const state = openMemoryState();
    await put(state, { "candidates/x.json": JSON.stringify({ ...candidate("x"), state: "maybe" }) });
    const read = readCandidates(await state.view());
    await expect(read).rejects.toMatchObject({ code: "ledger_broken", data: { path: "candidates/x.json" } });
  });
});
