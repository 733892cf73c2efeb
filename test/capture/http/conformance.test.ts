import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { listening, proxyBefore } from "./parts.ts";
import { twoWires } from "./fixtures/two-wires.ts";

const CLI = join(
  createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/package.json"),
  "../dist/index.js",
);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-conformance-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Check = { readonly id: string; readonly status: string; readonly errorMessage?: string };

/** Runs the suite for a revision and returns what each scenario's checks said. */
async function conformance(url: URL, revision: string, name: string): Promise<Record<string, readonly string[]>> {
  const out = join(folder, name);
  const args = [CLI, "server", "--url", url.href, "--requirements", revision, "--timeout", "10000", "-o", out];
  await new Promise<void>((resolve) => {
    // The exit code is 1 when a scenario fails, which is no matter here: the same ones are to fail.
    execFile(process.execPath, args, { cwd: folder }, () => resolve());
  });
  const scenarios: Record<string, readonly string[]> = {};
  for (const run of await readdir(out)) {
    const checks = JSON.parse(await readFile(join(out, run, "checks.json"), "utf8").catch(() => "[]")) as Check[];
    scenarios[run.replace(/-\d{4}-\d\d-\d\dT.*$/, "")] = checks.map(({ id, status }) => `${id} ${status}`).sort();
  }
  return scenarios;
}

/** Checks by how they ended, and scenarios that ran. */
function tally(scenarios: Record<string, readonly string[]>) {
  const checks = Object.values(scenarios).flat();
  const ended = (status: string) => checks.filter((check) => check.endsWith(` ${status}`)).length;
  return { scenarios: Object.keys(scenarios).length, passed: ended("SUCCESS"), failed: ended("FAILURE") };
}

test.each([
  { revision: "2025-11-25", least: { scenarios: 30, passed: 60 } },
  { revision: "2026-07-28", least: { scenarios: 40, passed: 60 } },
])(
  "the conformance suite for $revision finds the same through the proxy as directly",
  async ({ revision, least }) => {
    await using upstream = await listening(twoWires().handler);
    await using proxy = await proxyBefore(upstream);
    const direct = await conformance(upstream.url, revision, `direct-${revision}`);
    const through = await conformance(new URL(`${proxy.url}/mcp`), revision, `through-${revision}`);
    expect(through).toEqual(direct);
    const { scenarios, passed } = tally(direct);
    // Fewer would say that the suite did not run, and equal would mean nothing.
    expect(scenarios).toBeGreaterThanOrEqual(least.scenarios);
    expect(passed).toBeGreaterThanOrEqual(least.passed);
    expect(await proxy.stop()).toEqual([]);
    expect(proxy.status().faults).toBe(0);
  },
  120_000,
);
