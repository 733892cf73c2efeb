import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { openRestHost } from "../../src/github/rest/host.ts";
import { admitActors } from "../../src/loop/admit-actor.ts";
import { BOT_LOGIN, OWNER, REPO, startGitHub, type GitHub } from "../support/github.ts";

let github: GitHub;
beforeAll(async () => {
  github = await startGitHub();
});
afterAll(async () => {
  await github[Symbol.asyncDispose]();
});

const actor = { type: "workflow", id: "octo-org/notes/actions/runs/1 by ada" } as const;

async function admit(logins: readonly string[]) {
  const clock = { now: () => 1_763_000_000_000_000_000n, monotonicMs: () => 0 };
  const state = openMemoryState();
  const host = openRestHost({ owner: OWNER, repo: REPO, client: github.client(), self: BOT_LOGIN });
  const workspace = { state, clock, targetName: "notes", hosted: { host } };
  const refused = await admitActors({ workspace, actor, id: "r-1" }, logins).catch((error: unknown) => error);
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

  test("a name like that of a bot says nothing", async () => {
    for (const login of ["github-actions[bot]x", "dependabot[bot]", "ada[bot]"]) {
      expect((await admit([login])).refused).toMatchObject({ code: "unauthorized" });
    }
  });
});
