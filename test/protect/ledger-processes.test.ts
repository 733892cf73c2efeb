import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openGitState } from "../../src/github/git-state.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import { manualClock } from "../../src/model/time.ts";
import { appendLedger, readLedger } from "../../src/protect/ledger.ts";
import { verifyLedger } from "../../src/protect/ledger-verify.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";
import { entries, entry } from "./ledger-entries.ts";

const WRITER = join(import.meta.dirname, "append-record.ts");
const clock = manualClock();
const runs = async (state: StateStore) => (await readLedger(await state.view())).records.map(({ run }) => run);
const verify = async (state: StateStore) => verifyLedger(await state.view());

/** Runs the writer; resolves with its exit code, or the signal that ended it. */
async function write(args: readonly (string | number)[], env: Record<string, string> = {}): Promise<unknown> {
  const child = spawn(process.execPath, [WRITER, ...args.map(String)], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return signal ?? code;
}

describe("several writers of one ledger", () => {
  test.each([2, 8])("%i processes on one git repository: one chain with every record once", async (writers) => {
    await using repository = await temporaryRepository();
    const state = openGitState({ cwd: repository.root, now: clock.now });
    const ends = await Promise.all(Array.from({ length: writers }, (_, n) => write([repository.root, n * 2 + 1, 2])));
    expect(ends).toEqual(Array.from({ length: writers }, () => 0));
    expect(await verify(state)).toMatchObject({ ok: true, records: writers * 2 });
    expect((await runs(state)).sort()).toEqual(
      entries(writers * 2)
        .map(({ run }) => run)
        .sort(),
    );
  });

  test("any number in one process, appending any number each, in any order: one chain with every record once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 12 }),
        fc.scheduler(),
        async (sizes, scheduler) => {
          const state = openMemoryState({ retries: 1_000 });
          let next = 1;
          const batches = sizes.map((size) => Array.from({ length: size }, () => entry(next++)));
          const appends = batches.map((batch) =>
            scheduler.schedule(Promise.resolve()).then(() => appendLedger(state, batch, { clock })),
          );
          await scheduler.waitAll();
          await Promise.all(appends);
          expect(await verify(state)).toMatchObject({ ok: true, records: next - 1 });
          expect((await runs(state)).toSorted()).toEqual(
            batches
              .flat()
              .map(({ run }) => run)
              .toSorted(),
          );
        },
      ),
      { numRuns: 50 },
    );
  });
});

/**
 * An append on disk is what git does. Every git command of it is a fault point: the writer is killed before the command,
 * and after it, or the command fails.
 */
const FAULTS = {
  "killed before": 'kill -9 $PPID; exec git "$@"',
  "killed after": 'git "$@"; code=$?; kill -9 $PPID; exit $code',
  "failing at": "exit 74",
} as const;

describe("an append that ends between any two steps", () => {
  test.each(Object.entries(FAULTS))(
    "%s each git command: the ledger is the one before or the one after",
    async (_name, fault) => {
      await using repository = await temporaryRepository();
      await using shim = await temporaryFolder();
      const state = openGitState({ cwd: repository.root, now: clock.now });
      await appendLedger(state, entries(3), { clock });
      const counter = join(shim.path, "counter");
      const path = process.env["PATH"] ?? "";
      const ends: unknown[] = [];
      let landed = 0;
      for (let at = 1; ends.at(-1) !== 0; at += 1) {
        await writeFile(counter, "");
        const lines = [
          `PATH=${path}`,
          `printf x >>${counter}`,
          `if [ $(wc -c <${counter}) -eq ${at} ]; then ${fault}; fi`,
        ];
        await writeFile(join(shim.path, "git"), `#!/bin/sh\n${lines.join("\n")}\nexec git "$@"\n`);
        await chmod(join(shim.path, "git"), 0o755);
        const before = await runs(state);
        const number = 100 + at;
        ends.push(await write([repository.root, number], { PATH: `${shim.path}:${path}`, TMPDIR: shim.path }));
        const after = await runs(state);
        expect([before, [...before, `r${number}`]]).toContainEqual(after);
        const verdict = await verify(state);
        expect(verdict).toMatchObject({ ok: true, records: after.length });
        expect(verdict).not.toHaveProperty("torn");
        landed += after.length - before.length;
      }
      // Reading, storing the objects, moving the branch.
      expect(ends.filter((end) => end !== 0).length).toBe(3);
      expect(landed).toBeGreaterThanOrEqual(1);
      const sound = await verify(state);
      await appendLedger(state, [entry(999)], { clock });
      expect(await verify(state)).toMatchObject({ ok: true, records: sound.ok ? sound.records + 1 : -1 });
      expect(await repository.git("fsck", "--strict", "--no-dangling")).toBe("");
    },
  );
});
