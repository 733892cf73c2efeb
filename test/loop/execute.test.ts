import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseEnv } from "../../src/config/env.ts";
import { executeLoop, exitCodeOf, standingBranch, type LoopRequest, type Watcher } from "../../src/loop/execute.ts";
import { Outcome } from "../../src/model/outcome.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";

const watcher: Watcher = { observer: { started: () => {}, ended: () => {} }, progress: () => {}, note: () => {} };

function request(cwd: string, more: Partial<LoopRequest> = {}): LoopRequest {
  const actor = { type: "person", id: "tester" } as const;
  return {
    places: { cwd },
    env: parseEnv({}),
    actor,
    target: undefined,
    mode: "refinement",
    recording: undefined,
    dryRun: false,
    ...more,
  };
}

describe("executeLoop", () => {
  test("without a recording there is no refinement, whatever the folder holds", async () => {
    await using folder = await temporaryFolder();
    const refused = executeLoop(request(folder.path), watcher);
    await expect(refused).rejects.toMatchObject({ code: "usage", remedy: expect.stringContaining("replay:FILE") });
  });

  test("a recording that cannot be read is refused before the repository is opened", async () => {
    await using folder = await temporaryFolder();
    const recording = join(folder.path, "session.json");
    await writeFile(recording, '{"schema": "whetstone.session/1", ');
    const refused = executeLoop(request(folder.path, { recording }), watcher);
    await expect(refused).rejects.toMatchObject({ code: "session_invalid" });
  });

  test("analysis needs no recording, and a faulty set-up leaves nothing behind", async () => {
    await using folder = await temporaryFolder();
    const look = (cwd: string) => executeLoop(request(cwd, { mode: "analysis" }), watcher);
    await expect(look(folder.path)).rejects.toMatchObject({ code: "not_a_repository" });
    await using repository = await temporaryRepository();
    await repository.commit({ "a.txt": "a" });
    await expect(look(repository.root)).rejects.toMatchObject({ code: "config_missing" });
    expect(existsSync(join(repository.root, ".whetstone"))).toBe(false);
  });
});

test("every status has its exit code: 0 pass, 1 fail, 3 inconclusive", () => {
  const codes = Object.fromEntries(Outcome.shape.status.options.map((status) => [status, exitCodeOf(status)]));
  expect(codes).toEqual({
    no_change: 0,
    proposed: 0,
    promoted: 0,
    merged: 0,
    held: 0,
    rejected: 1,
    rolled_back: 1,
    closed: 1,
    faded: 1,
    inconclusive: 3,
  });
});

test("a branch stands after a promotion and while nothing is decided, not after a refusal", () => {
  const branch = "whetstone/proposal/notes/a";
  const standing = Outcome.shape.status.options.filter((status) => standingBranch({ status, branch }) === branch);
  expect(standing.sort()).toEqual(["inconclusive", "promoted", "proposed"]);
});
