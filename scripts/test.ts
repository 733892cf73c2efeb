import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * `npm test`: types, lint, format, then every test. `npm test -- PATTERN…` runs the tests of these paths only.
 * Ends with one line of counts; the exit code is not 0 when any step failed.
 */
const patterns = process.argv.slice(2);
const steps: readonly (readonly [string, readonly string[]])[] =
  patterns.length > 0
    ? []
    : [
        ["types", ["node_modules/typescript/bin/tsc", "--noEmit"]],
        ["lint", ["node_modules/oxlint/bin/oxlint", "--type-aware", "--deny-warnings"]],
        ["format", ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."]],
      ];

let failed = false;
for (const [name, args] of steps) {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  process.stdout.write(`${name}: ${status === 0 ? "ok" : "FAILED"}\n`);
  failed ||= status !== 0;
}

const results = join(tmpdir(), `whetstone-test-${process.pid}.json`);
const jest = spawnSync(
  process.execPath,
  [
    "--disable-warning=ExperimentalWarning",
    "--experimental-vm-modules",
    "node_modules/jest/bin/jest.js",
    "--json",
    `--outputFile=${results}`,
    ...patterns,
  ],
  { stdio: ["inherit", "ignore", "inherit"] },
);
const counts = JSON.parse(readFileSync(results, "utf8")) as Record<string, number>;
rmSync(results, { force: true });
const number = (key: string): number => counts[key] ?? 0;
const broken = number("numRuntimeErrorTestSuites");
if (broken > 0) process.stdout.write(`${broken} test files could not be loaded.\n`);
process.stdout.write(
  `tests: ${number("numPassedTests")} passed, ${number("numFailedTests") + broken} failed, ${number("numPendingTests") + number("numTodoTests")} skipped\n`,
);
process.exitCode = failed || jest.status !== 0 ? 1 : 0;
