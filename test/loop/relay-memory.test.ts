import { describe, expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { rememberState } from "../../src/loop/relay-memory.ts";
import { orderedView } from "../../src/loop/relay-order.ts";
import { readOutcomes } from "../../src/protect/outcomes.ts";
import { outcome } from "../learn/outcomes.ts";

const manifest = (id: string, target: string) => JSON.stringify({ id, target });

/** A state with these files besides two outcomes, of which one is of another target. */
async function remembered(more: Readonly<Record<string, string>> = {}, status: "rejected" | "proposed" = "proposed") {
  const state = openMemoryState();
  const files = new Map([
    ["outcomes/o-1.json", JSON.stringify(outcome({ id: "o-1", target: "notes", status }))],
    ["outcomes/o-2.json", JSON.stringify(outcome({ id: "o-2", target: "other", status: "rejected" }))],
    ["dossiers/d-1/manifest.json", manifest("d-1", "notes")],
    ["dossiers/d-2/manifest.json", manifest("d-2", "other")],
    ["ledger/2026-11.ndjson", "{}\n"],
    ["authorizations/a-1.json", '{"target":"notes"}'],
    ...Object.entries(more),
  ]);
  await state.update("history", async () => ({ change: files, value: undefined }));
  return { state, carried: await rememberState(state, "notes") };
}

describe("what is remembered for jobs without a token", () => {
  test("is what is about the target, as of one commit", async () => {
    const { state, carried } = await remembered();
    expect(carried.tip).toBe((await state.view()).head);
    expect(Object.keys(carried.files)).toEqual(["outcomes/o-1.json"]);
    expect(await readOutcomes(orderedView(carried), "notes")).toMatchObject([{ id: "o-1" }]);
  });

  test("holds the commits of dossiers where a change was stopped", async () => {
    const { carried } = await remembered({}, "rejected");
    expect(Object.keys(carried.files)).toEqual(["outcomes/o-1.json", "dossiers/d-1/manifest.json"]);
  });

  test("never holds ledger or authorizations", async () => {
    const { carried } = await remembered({}, "rejected");
    expect(Object.keys(carried.files).filter((path) => !/^(outcomes|dossiers)/.test(path))).toEqual([]);
  });

  test("a record that cannot be read ends the run at its gate", async () => {
    for (const [path, text] of [
      ["outcomes/o-3.json", "{"],
      ["outcomes/o-3.json", '{"target":"notes"}'],
      ["sessions/r-3.json", '{"model":"none"}'],
      ["assignments/r-3.json", "[]"],
    ] as const) {
      await expect(remembered({ [path]: text })).rejects.toMatchObject({ code: "ledger_broken", data: { path } });
    }
  });

  test("more of them than are read at once all come over; before the first write there is nothing", async () => {
    const many = Array.from({ length: 30 }, (_, n) => `o-9${n}`);
    const files = many.map((id) => [`outcomes/${id}.json`, JSON.stringify(outcome({ id, target: "notes" }))] as const);
    const { carried } = await remembered(Object.fromEntries(files));
    expect(Object.keys(carried.files)).toHaveLength(31);
    expect(await rememberState(openMemoryState(), "notes")).toEqual({ tip: null, files: {} });
  });
});
