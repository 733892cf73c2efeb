import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openGitState } from "../../../src/github/git-state.ts";
import { reasonOf } from "../../../src/protect/authorization/denial.ts";
import { useAuthorization } from "../../../src/protect/authorization/use.ts";
import { verifyLedger } from "../../../src/protect/ledger.ts";
import { temporaryRepository } from "../../support/git-repository.ts";
import { acts, granted, openDesk, START_NS, USE } from "./desk.ts";

/** Uses the token in a process of its own and says what came of it. */
async function useInProcess(root: string, token: string): Promise<string> {
  const child = spawn(process.execPath, ["test/protect/authorization/one-use.ts", root], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(token);
  return await text(child.stdout);
}

describe("one token, several users at once", () => {
  test.each([2, 8])(
    "of %i real processes on one git repository exactly one wins, and the ledger is one chain",
    async (users) => {
      await using repository = await temporaryRepository();
      const state = openGitState({ cwd: repository.root, now: () => START_NS });
      const token = await granted(openDesk({ state }));
      const ends = await Promise.all(Array.from({ length: users }, () => useInProcess(repository.root, token)));
      expect(ends.sort()).toEqual([...Array.from({ length: users - 1 }, () => "authorization_used"), "used"]);
      expect(await verifyLedger(await state.view())).toMatchObject({ ok: true, records: 3 });
      expect((await acts(state)).filter((act) => act.startsWith("resume"))).toEqual(["resume allow ok"]);
    },
  );

  test("of any number in one process exactly one wins", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 12 }), async (users) => {
        const desk = openDesk();
        const token = await granted(desk);
        const ends = await Promise.all(
          Array.from({ length: users }, () =>
            useAuthorization(desk, token, USE).then(
              () => "used",
              (error: unknown) => reasonOf(error),
            ),
          ),
        );
        expect(ends.filter((end) => end === "used")).toHaveLength(1);
        expect(ends.filter((end) => end === "authorization_used")).toHaveLength(users - 1);
      }),
      { numRuns: 20 },
    );
  });
});
