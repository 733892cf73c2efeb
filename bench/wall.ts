import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderTable } from "../src/cli/table.ts";
import { runGit } from "../src/github/git.ts";
import { openWallGit } from "../src/github/wall-git.ts";
import { passWall } from "../src/protect/wall/wall.ts";
import type { WallGit } from "../src/protect/wall/wall-git.ts";

/**
 * The patch wall on patches of 1, 10 and 100 KB, and on the last as a bundle: milliseconds in all, in git (waiting for
 * its processes, which take turns with nothing else) and in our own code; medians of rounds. Target: at most 150 ms
 * besides git's own time for 100 KB.
 */
const ROUNDS = 9;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The same git, with the time that is spent waiting for it. */
function timedGit(git: WallGit): { readonly git: WallGit; readonly spent: () => number } {
  let total = 0;
  const timed = async <T>(work: Promise<T>, begun = performance.now()): Promise<T> => {
    const value = await work;
    total += performance.now() - begun;
    return value;
  };
  const wrapped: WallGit = {
    clear: () => timed(git.clear()),
    base: (sha) => timed(git.base(sha)),
    objects: (ids) => timed(git.objects(ids)),
    apply: (base, patch) => timed(git.apply(base, patch)),
    diffTree: (before, after) => timed(git.diffTree(before, after)),
    takeBundle: (bundle, options) => timed(git.takeBundle(bundle, options)),
    diff: (before, after) => timed(git.diff(before, after)),
  };
  return { git: wrapped, spent: () => total };
}

const root = await mkdtemp(join(tmpdir(), "whetstone-bench-"));
const git = async (args: readonly string[], input: string | Uint8Array = "") =>
  (await runGit({ args, cwd: root, input })).stdout;
const text = async (...args: string[]) => (await git(args)).toString("utf8").trim();

/** Commits files of 40-byte lines of which every fourth differs between the two sides. */
async function commitOf(side: "old" | "new", lines: number, parent?: string): Promise<string> {
  const content = (file: number) =>
    Array.from(
      { length: lines / 10 },
      (_, n) => `${n % 4 === 0 ? side : "kept"} line ${file} ${n} ${"x".repeat(20)}\n`,
    ).join("");
  const stream = Array.from({ length: 10 }, (_, file) => {
    const bytes = content(file);
    return `M 100644 inline src/f${file}.ts\ndata ${bytes.length}\n${bytes}\n`;
  });
  const from = parent === undefined ? "" : `from ${parent}\n`;
  const ref = `refs/heads/${side}${lines}`;
  await git(
    ["fast-import", "--quiet", "--force"],
    `commit ${ref}\ncommitter A <a@b> 1 +0000\ndata 1\nx\n${from}${stream.join("")}\n`,
  );
  return await text("rev-parse", ref);
}

const rules = { source: ["src/**"], limits: { lines: 100_000, bytes: 1_000_000, hunks: 100_000 } };
const rows: string[][] = [];
try {
  await git(["init", "--quiet"]);
  for (const [name, lines, kind] of [
    ["1 KB diff", 20, "diff"],
    ["10 KB diff", 180, "diff"],
    ["100 KB diff", 1_800, "diff"],
    ["100 KB diff as a bundle", 1_800, "bundle"],
  ] as const) {
    const base = await commitOf("old", lines);
    const head = await commitOf("new", lines, base);
    const diff = await git(["diff", base, head]);
    if (kind === "bundle") await git(["bundle", "create", "--quiet", "x.bundle", `${base}..refs/heads/new${lines}`]);
    const bytes = kind === "diff" ? diff : await (await import("node:fs/promises")).readFile(join(root, "x.bundle"));
    const [whole, gits] = [[] as number[], [] as number[]];
    for (let round = 0; round < ROUNDS; round += 1) {
      const begun = performance.now();
      await using opened = await openWallGit(root);
      const openMs = performance.now() - begun;
      const timed = timedGit(opened);
      const result = await passWall(timed.git, { kind, bytes, baseSha: base }, rules);
      whole.push(performance.now() - begun);
      gits.push(timed.spent() + openMs);
      if (!result.ok) throw new Error(result.details.join(" "));
    }
    const own = median(whole.map((ms, index) => ms - (gits[index] ?? 0)));
    const cells = [median(whole), median(gits), own].map((ms) => ms.toFixed(1));
    rows.push([name, `${(diff.length / 1000).toFixed(0)} KB`, ...cells, (median(whole) / median(gits)).toFixed(2)]);
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
process.stdout.write(
  `${renderTable(["change", "patch", "ms in all", "ms in git", "ms our own", "all / git"], rows)}\n`,
);
