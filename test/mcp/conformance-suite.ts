import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const CLI = join(
  createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/package.json"),
  "../dist/index.js",
);

/** A check that did not end well. */
export type Failure = { readonly id: string; readonly why: string };

type Check = { readonly id: string; readonly status: string; readonly errorMessage?: string };

/** Runs the server scenarios that a revision asks for; the failures of each scenario. */
export async function runConformance(
  url: URL,
  { revision, folder }: { readonly revision: string; readonly folder: string },
): Promise<ReadonlyMap<string, readonly Failure[]>> {
  const out = join(folder, revision);
  const args = [CLI, "server", "--url", url.href, "--requirements", revision, "--timeout", "10000", "-o", out];
  await new Promise<void>((resolve) => {
    // The exit code is 1 when any scenario fails; which may, the caller judges.
    execFile(process.execPath, args, { cwd: folder }, () => resolve());
  });
  const scenarios = new Map<string, readonly Failure[]>();
  for (const run of await readdir(out)) {
    const checks = JSON.parse(await readFile(join(out, run, "checks.json"), "utf8")) as Check[];
    const failures = checks.filter(({ status }) => status === "FAILURE");
    const name = run.replace(/^server-/, "").replace(/-\d{4}-\d\d-\d\dT.*$/, "");
    scenarios.set(
      name,
      failures.map(({ id, errorMessage = "" }) => ({ id, why: errorMessage })),
    );
  }
  return scenarios;
}
