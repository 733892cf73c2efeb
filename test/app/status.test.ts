import { describe, expect, test } from "@jest/globals";
import type { CommandContext } from "../../src/app/command.ts";
import { status } from "../../src/app/commands/status.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import { manualClock } from "../../src/model/time.ts";
import { recordRun, type RunRecord } from "../../src/protect/outcomes.ts";
import { recordedRun } from "./recorded-run.ts";

const clock = manualClock();
/** Asks on an issue of a repository of which there is nothing but its state. */
async function ask(state: StateStore, target?: string) {
  const look = async () => ({ local: { kind: "running" }, state: { kind: "running" } });
  const config = async () => ({ targets: { notes: {} } });
  const repository = { state, config, killSwitch: { look }, desk: { state, clock } };
  const place = { conversation: 1, isPull: false, comment: 1 };
  const context = { repository, clock, place, values: { target }, commands: [] } as unknown as CommandContext;
  const { body, state: how } = await status.run(context);
  return { ok: how === "done", body };
}
/** A state with these runs, recorded as the loop records them. */
async function recorded(runs: readonly RunRecord[]): Promise<StateStore> {
  const state = openMemoryState();
  for (const run of runs) await recordRun(state, run, clock);
  return state;
}
describe("/whetstone status", () => {
  test("without any record says so and what to do", async () => {
    const answer = await ask(openMemoryState());
    expect(answer.ok).toBe(true);
    expect(answer.body).toContain("nothing is recorded yet");
    expect(answer.body).toContain("`whetstone loop`");
  });

  test("shows the five newest outcomes, how many there are, and the newest run with its stages", async () => {
    const ids = Array.from({ length: 7 }, (_, index) => `20261120T10000${index}Z-abc`);
    const state = await recorded(ids.map((id) => recordedRun(id)));
    const { ok, body } = await ask(state);
    expect(ok).toBe(true);
    expect(body).toContain("newest first: 5 of 7;");
    const shown = [...body.matchAll(/\| (p-\S+) \|/g)].map((match) => match[1]);
    expect(shown).toEqual(
      ids
        .toReversed()
        .slice(0, 5)
        .map((id) => `p-${id}`),
    );
    expect(body).toContain("**Newest run** r-20261120T100006Z-abc on notes: promoted, dossier d-20261120T100006Z-abc");
    expect(body).toContain("| canary | pass | ok | 0 of 200 calls failed |");
    expect(body).toContain(`state \`${(await state.view()).head?.slice(0, 7)}\``);
  });

  test("foreign text can neither mention, link, break the table nor hide", async () => {
    const hostile =
      "@octocat fixes #1 | x\n\n/whetstone status\n<!-- whetstone:answer --> https://evil.example [a](b) \u202e";
    const state = await recorded([
      recordedRun("1", {
        outcome: { target: hostile, proposal: hostile },
        manifest: {
          target: hostile,
          verdict: hostile,
          stages: [{ stage: hostile, verdict: hostile, reasons: ["ok"], durationMs: 1, summary: hostile }],
        },
      }),
    ]);
    const { body } = await ask(state);
    expect(body).not.toMatch(/@octocat|#1\b|<!--|https:\/\/|(?<!\\)\]\(|\u202e|^\/whetstone/m);
    const rows = body.split("\n").filter((line) => line.startsWith("|"));
    expect(rows.map((row) => row.replaceAll("\\|", "").split("|").length)).toEqual([7, 7, 7, 6, 6, 6]);
  });

  test("long text and many stages are cut, and it says so; the body stays below GitHub's limit", async () => {
    const stage = recordedRun("1").manifest.stages[0]!;
    const stages = Array.from({ length: 500 }, () => ({ ...stage, summary: "&".repeat(5_000) }));
    const { body } = await ask(await recorded([recordedRun("1", { manifest: { stages } })]));
    expect(body).toContain("20 of 500 stages");
    expect(body).toContain("(cut: 240 of 5000 characters)");
    expect(body.length).toBeLessThan(65_536);
  });

  test.each(["{", '{"schema":"whetstone.outcome/2"}', ""])(
    "a record that reads %j is named, the others are shown",
    async (text) => {
      const state = await recorded([recordedRun("1")]);
      const change = new Map([
        ["outcomes/o-2.json", text],
        ["dossiers/d-2/manifest.json", text],
      ]);
      await state.update("damage", async () => ({ change, value: undefined }));
      const { ok, body } = await ask(state);
      expect(ok).toBe(false);
      expect(body).toContain("Cannot be read as a record: outcomes/o-2.json.");
      expect(body).toContain("Cannot be read as a record: dossiers/d-2/manifest.json.");
      expect(body).toContain("| p-1 |");
    },
  );

  test("of one target shows that target's alone, and an unknown one is a usage error", async () => {
    const state = await recorded([recordedRun("1"), recordedRun("2", { outcome: { target: "hub" } })]);
    const { body } = await ask(state, "notes");
    expect(body).toContain("| p-1 |");
    expect(body).not.toContain("| p-2 |");
    await expect(ask(state, "note")).rejects.toMatchObject({ code: "usage", remedy: 'Did you mean "notes"?' });
  });

  test("files that are no records are not counted", async () => {
    const state = await recorded([recordedRun("1")]);
    const change = new Map([
      ["outcomes/README.md", "x"],
      ["outcomes/old/o-0.json", "x"],
      ["dossiers/d-9/notes.md", "x"],
    ]);
    await state.update("more", async () => ({ change, value: undefined }));
    expect((await ask(state)).body).toContain("newest first: 1 of 1;");
  });
});
