import { existsSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type ChecksRun, runChecks } from "../../../src/session/claude/run-checks.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { canConfine } from "./box.ts";

const able = await canConfine();

/** A worktree with a file, an installed package above it, and a folder of the session. */
async function laid() {
  const folder = await temporaryFolder();
  const worktree = join(folder.path, "worktree");
  const own = join(folder.path, "own");
  for (const path of [join(worktree, "src"), own, join(folder.path, "node_modules/above")])
    await mkdir(path, { recursive: true });
  await writeFile(join(worktree, "src/a.txt"), "content\n");
  await writeFile(join(worktree, ".git"), "gitdir: elsewhere\n");
  await symlink("a.txt", join(worktree, "src/link"));
  await writeFile(join(folder.path, "node_modules/above/index.js"), "module.exports = 'found above';\n");
  return { root: folder.path, worktree, own, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const check = (run: string, timeoutSeconds = 60) => ({ name: run.slice(0, 20), run, timeoutSeconds });

const kinds: readonly (readonly [string, boolean])[] = [
  ["in a plain copy", false],
  ...(able ? [["confined", true] as const] : []),
];

describe.each(kinds)("checks %s", (_name, isConfined) => {
  const run = async ({ root, worktree, own }: Awaited<ReturnType<typeof laid>>, changes: Partial<ChecksRun>) => {
    const places = [
      { kind: "read" as const, path: join(root, "node_modules") },
      { kind: "read" as const, path: process.execPath },
    ];
    return await runChecks({
      checks: [],
      worktree,
      env: { PATH: "/usr/bin:/bin" },
      places: isConfined ? places : undefined,
      folder: own,
      signal: new AbortController().signal,
      ...changes,
    });
  };

  test("end at the first that fails, with the end of what it said; paths are relative", async () => {
    await using made = await laid();
    const checks = [check("cat src/a.txt src/link"), check("seq 100000; pwd >&2; exit 3"), check("echo never")];
    const [first, second, ...rest] = await run(made, { checks });
    expect(first).toMatchObject({ exitCode: 0, timedOut: false, output: "content\ncontent\n" });
    expect(second).toMatchObject({ exitCode: 3, timedOut: false });
    expect(second?.output).toMatch(/\n99999\n100000\n\.\n$/);
    expect(second?.output.length).toBeLessThanOrEqual(8 * 1024);
    expect(rest).toEqual([]);
  });

  test("see what the one before wrote, and leave nothing of it in the worktree", async () => {
    await using made = await laid();
    const checks = [
      check("echo built > built; echo evil > src/a.txt; rm src/link"),
      check("cat built src/a.txt; ls -a src"),
    ];
    const results = await run(made, { checks });
    expect(results.at(-1)?.output).toContain("built\nevil\n");
    expect(results.at(-1)?.output).not.toContain("link");
    expect((await readdir(made.worktree)).sort()).toEqual([".git", "src"]);
    expect((await readdir(join(made.worktree, "src"))).sort()).toEqual(["a.txt", "link"]);
    const again = await run(made, { checks: [check("ls; cat src/a.txt")] });
    expect(again[0]?.output).not.toMatch(/built|evil/);
    expect(await readdir(made.own)).toEqual([]);
    expect((await readdir(made.root)).sort()).toEqual(["node_modules", "own", "worktree"]);
  });

  test("find packages that are installed above, and get the environment that was given", async () => {
    await using made = await laid();
    const ask = `${process.execPath} -e 'console.log(require("above"), Object.keys(process.env).filter((n) => !["PWD", "OLDPWD", "_", "SHLVL"].includes(n)).sort().join())'`;
    const [result] = await run(made, { checks: [check(ask)], env: { PATH: "/usr/bin:/bin", ONLY: "this" } });
    expect(result).toMatchObject({ exitCode: 0, output: "found above ONLY,PATH\n" });
  });

  test("are ended at their limit, with whatever they started", async () => {
    await using made = await laid();
    const [result, ...rest] = await run(made, { checks: [check("sleep 3600 & sleep 3600", 1), check("true")] });
    expect(result).toMatchObject({ exitCode: null, timedOut: true });
    expect(rest).toEqual([]);
    expect(await readdir(made.own)).toEqual([]);
  });

  test("that are given up end, and are no pass", async () => {
    await using made = await laid();
    const given = new AbortController();
    const marker = join(made.worktree, "src/a.txt");
    const running = run(made, { checks: [check("sleep 3600"), check("true")], signal: given.signal });
    given.abort();
    const said = await running.then(
      (all) => all.map(({ exitCode }) => exitCode),
      (error: unknown) => (error as Error).name,
    );
    // By the time it was given up the first had been started, or not yet.
    expect([[null], "AbortError"]).toContainEqual(said);
    expect(existsSync(marker)).toBe(true);
    expect(await readdir(made.own)).toEqual([]);
  });
});

(able ? test : test.skip)("confined checks see no key, no home and no network; unconfined ones would", async () => {
  await using made = await laid();
  const secret = join(made.root, "secret");
  await writeFile(secret, "PRIVATE");
  const text = `cat ${secret}; ls ${made.root}; tr '\\0' '\\n' < /proc/${process.pid}/environ | head -1; cut -d: -f1 /proc/net/dev | tail -n +3`;
  const base = {
    checks: [check(`${text}; true`)],
    worktree: made.worktree,
    env: { PATH: "/usr/bin:/bin" },
    folder: made.own,
  };
  const signal = new AbortController().signal;
  const [confined] = await runChecks({ ...base, places: [], signal });
  expect(confined?.output).not.toContain("PRIVATE");
  expect(confined?.output).not.toContain("secret\n");
  expect(confined?.output).toMatch(/ lo\n$/);
  const [plain] = await runChecks({ ...base, places: undefined, signal });
  expect(plain?.output).toContain("PRIVATE");
});
