import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runGit } from "../../src/github/git.ts";
import { fuzzPatches } from "./patch-fuzz.ts";

/**
 * `npm run fuzz:patch [-- CASES [SEED [SAMPLE]]]`: 200,000 cases by default, of which 2,000 that we refuse are given to git.
 * Exit code 1 when git reads a patch otherwise than we do.
 */
const [cases = "200000", seed = "whetstone", sample = "2000"] = process.argv.slice(2);
const root = await mkdtemp(join(tmpdir(), "whetstone-fuzz-"));
try {
  await runGit({ args: ["init", "--quiet"], cwd: root });
  const begun = performance.now();
  const told = (done: number): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${cases}`);
  };
  const result = await fuzzPatches(root, { seed, cases: Number(cases), sample: Number(sample), told });
  const seconds = (performance.now() - begun) / 1000;
  process.stdout.write(`${JSON.stringify({ seed, seconds: Math.round(seconds), ...result }, undefined, 2)}\n`);
  process.exitCode = result.otherwise.length === 0 ? 0 : 1;
} finally {
  await rm(root, { recursive: true, force: true });
}
