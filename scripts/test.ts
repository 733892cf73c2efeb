import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

/**
 * `npm test`: types, lint, format, then every test. `npm test -- PATTERN…` runs the tests of these paths only.
 * Names every test that was skipped and ends with one line of counts; the exit code is not 0 when any step failed.
 *
 * A few files that failed run once more, alone: a machine too busy for a real process, server or database is told from
 * a fault that way. What passes only then is named as unstable and counted; `STRICT=1` counts it as failed.
 */
const patterns = process.argv.slice(2);
const strict = (process.env["STRICT"] ?? "") !== "";

/** More files than this have one cause, and it is not the load of the machine. */
const MOST_UNSTABLE_FILES = 3;

type TestFile = {
  readonly name: string;
  readonly status: string;
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
};
type Results = Readonly<Record<string, number>> & { readonly testResults: readonly TestFile[] };

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const pathOf = ({ name }: TestFile): string => relative(process.cwd(), name);

/** Runs Jest in a process of its own. Ends this one when Jest left no results. */
function jest(args: readonly string[]): { readonly failed: boolean; readonly results: Results } {
  const file = join(tmpdir(), `whetstone-test-${process.pid}.json`);
  const flags = ["--disable-warning=ExperimentalWarning", "--experimental-vm-modules"];
  const ran = spawnSync(
    process.execPath,
    [...flags, "node_modules/jest/bin/jest.js", "--json", `--outputFile=${file}`, ...args],
    { stdio: ["inherit", "ignore", "inherit"] },
  );
  if (!existsSync(file)) {
    say(`tests: the process that ran them ended early (${ran.signal ?? `exit ${ran.status}`}).`);
    process.exit(1);
  }
  const results = JSON.parse(readFileSync(file, "utf8")) as Results;
  rmSync(file, { force: true });
  return { failed: ran.status !== 0, results };
}

/** Names of the tests of a file with this status. */
function testsOf(file: TestFile, wanted: (status: string) => boolean): string[] {
  return file.assertionResults.filter(({ status }) => wanted(status)).map(({ fullName }) => fullName);
}

/** The failed files that pass alone, each with a line for every test that had failed. */
function unstable(failed: readonly TestFile[]): ReadonlySet<string> {
  if (strict || failed.length === 0 || failed.length > MOST_UNSTABLE_FILES) return new Set();
  say(`tests: ${failed.map(pathOf).join(", ")} failed; once more, alone.`);
  const again = jest(["--runInBand", "--runTestsByPath", ...failed.map(({ name }) => name)]);
  const well = new Set(again.results.testResults.filter((file) => file.status === "passed").map(({ name }) => name));
  for (const file of failed.filter(({ name }) => well.has(name))) {
    const names = testsOf(file, (status) => status === "failed");
    for (const name of names.length > 0 ? names : ["the whole file"]) say(`unstable: ${pathOf(file)}: ${name}`);
  }
  return well;
}

function check(): boolean {
  const steps = [
    ["types", ["node_modules/typescript/bin/tsc", "--noEmit"]],
    ["lint", ["node_modules/oxlint/bin/oxlint", "--type-aware", "--deny-warnings"]],
    ["format", ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."]],
  ] as const;
  return steps
    .map(([name, args]) => {
      const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
      say(`${name}: ${status === 0 ? "ok" : "FAILED"}`);
      return status === 0;
    })
    .every(Boolean);
}

function runTests(): boolean {
  const { failed, results } = jest(patterns);
  const files = results.testResults;
  for (const file of files) {
    for (const name of testsOf(file, (status) => status !== "passed" && status !== "failed")) {
      say(`skipped: ${pathOf(file)}: ${name}`);
    }
  }
  const bad = files.filter(({ status }) => status === "failed");
  const saved = unstable(bad);
  const failures = bad.filter(({ name }) => !saved.has(name));
  // A file that could not be loaded has no test to name, and counts as one.
  const count = (list: readonly TestFile[]): number =>
    list.reduce((sum, file) => sum + Math.max(1, testsOf(file, (status) => status === "failed").length), 0);
  const number = (key: string): number => results[key] ?? 0;
  const passed = number("numPassedTests") + count(bad) - count(failures);
  say(
    `tests: ${passed} passed${saved.size > 0 ? ` (${count(bad) - count(failures)} unstable)` : ""}, ` +
      `${count(failures)} failed, ${number("numPendingTests") + number("numTodoTests")} skipped`,
  );
  return failures.length === 0 && (!failed || saved.size > 0);
}

const checked = patterns.length > 0 || check();
process.exitCode = runTests() && checked ? 0 : 1;
