import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

/**
 * `npm test`: types, lint, format, then every test. `npm test -- PATTERN…` runs the tests of these paths only.
 * Names every test that was skipped and ends with one line of counts; the exit code is not 0 when any step failed.
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
type Results = Readonly<Record<string, number>> & {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
};
if (!existsSync(results)) {
  process.stdout.write(`tests: the process that ran them ended early (${jest.signal ?? `exit ${jest.status}`}).\n`);
  process.exit(1);
}
const counts = JSON.parse(readFileSync(results, "utf8")) as Results;
rmSync(results, { force: true });
const number = (key: string): number => counts[key] ?? 0;
for (const { name, assertionResults } of counts.testResults) {
  for (const { status, fullName } of assertionResults) {
    if (status === "passed" || status === "failed") continue;
    process.stdout.write(`skipped: ${relative(process.cwd(), name)}: ${fullName}\n`);
  }
}
const broken = number("numRuntimeErrorTestSuites");
if (broken > 0) process.stdout.write(`${broken} test files could not be loaded.\n`);
process.stdout.write(
  `tests: ${number("numPassedTests")} passed, ${number("numFailedTests") + broken} failed, ${number("numPendingTests") + number("numTodoTests")} skipped\n`,
);
process.exitCode = failed || jest.status !== 0 ? 1 : 0;
