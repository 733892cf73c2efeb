import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { openRestHost } from "../../src/github/rest/host.ts";
import { admitActors } from "../../src/loop/admit-actor.ts";
import type { AskedRun } from "../../src/model/asked-run.ts";
import { askedRunFile } from "../../src/protect/asked-runs.ts";
import { BOT_LOGIN, OWNER, REPO, startGitHub, type GitHub } from "../support/github.ts";
import { askedRun } from "../support/asked-run.ts";

let github: GitHub;
beforeAll(async () => {
  github = await startGitHub();
});
afterAll(async () => {
  await github[Symbol.asyncDispose]();
});

const actor = { type: "workflow", id: "octo-org/notes/actions/runs/1 by ada" } as const;

async function admit(logins: readonly string[], wish?: AskedRun) {
  const clock = { now: () => 1_763_000_000_000_000_000n, monotonicMs: () => 0 };
  const state = openMemoryState();
  const change = new Map(wish === undefined ? [] : [askedRunFile(wish)]);
  await state.update("wish", async () => ({ change, value: undefined }));
  const host = openRestHost({ owner: OWNER, repo: REPO, client: github.client(), self: BOT_LOGIN });
  const workspace = { state, clock, targetName: "notes", hosted: { host } };
  const refused = await admitActors(
    { workspace, actor, id: "r-1" },
    { logins, workflow: { id: 4711, attempt: 1 }, dryRun: false },
  ).catch((error: unknown) => error);
  const view = await state.view();
  const paths = await view.list("ledger/");
  const ledger = await Promise.all(paths.filter((path) => path.endsWith(".ndjson")).map((path) => view.read(path)));
  return { refused, ledger: ledger.join("") };
}

describe("who may start a run on GitHub", () => {
  test("somebody who may write to the repository", async () => {
    expect(await admit(["ada"])).toEqual({ refused: undefined, ledger: "" });
    expect(await admit(["ada", "grace"])).toEqual({ refused: undefined, ledger: "" });
  });

  test("nobody else, and the refusal is on record", async () => {
    const { refused, ledger } = await admit(["stranger"]);
    expect(refused).toMatchObject({ code: "unauthorized", data: { reason: "actor_not_allowed" } });
    expect(ledger).toContain('"actor_not_allowed"');
    expect(ledger).toContain('"loop.start"');
  });

  test("whoever has a run of somebody else run again is asked as well", async () => {
    expect((await admit(["ada", "stranger"])).refused).toMatchObject({ code: "unauthorized" });
  });

  test.each([
    ["may write", { permission: "write", role_name: "Release captain" }, true],
    ["may do everything", { permission: "admin", role_name: "read" }, true],
    ["maintains", { permission: "write", role_name: "maintain" }, true],
    ["may only read, whatever it is called", { permission: "read", role_name: "write" }, false],
    ["calls itself a maintainer and may only read", { permission: "read", role_name: "maintain" }, false],
    ["triages", { permission: "read", role_name: "triage" }, false],
    ["may nothing", { permission: "none", role_name: "admin" }, false],
  ])("a role that an organisation made up counts by what it permits: one that %s", async (_what, role, may) => {
    github.bend((request) =>
      /^GET .*\/permission$/.test(request) ? { when: "before", reply: { status: 200, body: role } } : undefined,
    );
    const { refused } = await admit(["ada"]);
    expect(refused === undefined).toBe(may);
  });

  describe("a person by way of the App", () => {
    beforeEach(() => github.bend(undefined));
    const wish = askedRun({ run: 4711 });

    test("who asked counts, and what was asked for is told", async () => {
      const { refused } = await admit(["whetstone[bot]"], wish);
      expect(refused).toMatchObject({ asked: { comment: 1 }, isFirst: true });
    });

    test.each([
      ["asked by somebody who may not write", { by: { type: "person", id: "stranger" } as const }],
      ["asked of another App", { app: "other[bot]" }],
      ["asked for another run", { run: 4712 }],
      ["asked for another target", { target: "hub" }],
    ])("not when it was %s", async (_name, change) => {
      const { refused } = await admit(["whetstone[bot]"], { ...wish, ...change });
      expect(refused).toMatchObject({ code: "unauthorized", data: { reason: "actor_not_allowed" } });
    });

    test("not when somebody without the right has it run again", async () => {
      expect((await admit(["whetstone[bot]", "stranger"], wish)).refused).toMatchObject({ code: "unauthorized" });
    });
  });

  test("a name like that of a bot says nothing", async () => {
    for (const login of ["github-actions[bot]x", "dependabot[bot]", "ada[bot]"]) {
      expect((await admit([login])).refused).toMatchObject({ code: "unauthorized" });
    }
  });
});
