import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { openRestState } from "../../../src/github/rest-state.ts";
import type { StateStore } from "../../../src/github/state-port.ts";
import { LEDGER_GENESIS, type LedgerEntry } from "../../../src/model/ledger.ts";
import { manualClock } from "../../../src/model/time.ts";
import { appendLedger, verifyLedger } from "../../../src/protect/ledger.ts";
import { type GitHub, OWNER, REPO, startGitHub } from "../../support/github.ts";

nock.restore();

let github: GitHub;
beforeAll(async () => {
  github = await startGitHub();
});
afterAll(async () => {
  await github[Symbol.asyncDispose]();
});

const now = () => 1_700_000_000_000_000_000n;
const open = (): StateStore => openRestState({ owner: OWNER, repo: REPO, octokit: github.client(), now });
const entry = (run: string): LedgerEntry => ({
  actor: { type: "workflow", id: run },
  operation: "loop.end",
  target: "notes",
  decision: "none",
  reasonCode: "recorded",
  result: "promoted",
  parametersDigest: LEDGER_GENESIS,
  run,
});
const record = (run: string) => appendLedger(open(), [entry(run)], { clock: manualClock() });
const runsIn = async () => {
  const view = await open().view();
  const lines: string[] = [];
  for (const path of await view.list("ledger/")) lines.push(...((await view.read(path)) ?? "").trim().split("\n"));
  return lines.map((line) => (JSON.parse(line) as { run: string }).run);
};

describe("the state branch on the emulator", () => {
  test("two runs that end at the same time both land, in one chain that verifies", async () => {
    await record("r-0");
    await Promise.all(["r-1", "r-2", "r-3", "r-4"].map(record));
    expect([...(await runsIn())].sort()).toEqual(["r-0", "r-1", "r-2", "r-3", "r-4"]);
    expect(await verifyLedger(await open().view())).toMatchObject({ ok: true, records: 5 });
    expect(github.violations).toEqual([]);
  });

  test("the first two records of a repository race for the branch itself", async () => {
    await using fresh = await startGitHub();
    const state = () => openRestState({ owner: OWNER, repo: REPO, octokit: fresh.client(), now });
    await Promise.all(["r-1", "r-2"].map((run) => appendLedger(state(), [entry(run)], { clock: manualClock() })));
    expect(await verifyLedger(await state().view())).toMatchObject({ ok: true, records: 2 });
  });

  test.each([
    ["GitHub fails before", { when: "before", reply: { status: 502, body: { message: "x" } } }],
    ["the answer is lost after", { when: "after", reply: "cut" }],
  ] as const)("%s any write of it: run again, the record is there exactly once", async (_name, fault) => {
    const names = ["POST git/blobs", "POST git/trees", "POST git/commits", "PATCH git/refs/heads/whetstone/state"];
    for (const route of names) {
      const run = `${fault.when} ${route}`;
      let once = false;
      github.bend((request) => {
        if (once || request !== route) return undefined;
        once = true;
        return fault;
      });
      const landed = await record(run).then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ code: "api_failed" });
          return false;
        },
      );
      github.bend(undefined);
      expect(once).toBe(true);
      // What is told to have failed did not land; what landed is not told to have failed.
      expect((await runsIn()).includes(run)).toBe(landed);
      if (!landed) await record(run);
      expect((await runsIn()).filter((one) => one === run)).toEqual([run]);
    }
    expect(await verifyLedger(await open().view())).toMatchObject({ ok: true });
  });
});
