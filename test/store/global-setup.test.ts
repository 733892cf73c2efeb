import { describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";

const setup = new URL("../support/global-setup.ts", import.meta.url).href;
const rootDir = new URL("../..", import.meta.url).pathname;

/** Runs the global set-up in a process of its own, with a server that cannot be reached. */
function runSetup(patterns: readonly string[], env: Record<string, string>) {
  const run = JSON.stringify({ rootDir, testPathPatterns: { patterns } });
  const code = `const { default: setup } = await import(${JSON.stringify(setup)}); await setup(${run});`;
  return spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", code], {
    env: { PATH: process.env["PATH"] ?? "", DATABASE_URL: "postgres://user@127.0.0.1:1/db", ...env },
    encoding: "utf8",
  });
}

describe("PostgreSQL for a test run", () => {
  test("that cannot be reached is one visible line", () => {
    const { status, stderr } = runSetup(["test/store"], {});
    expect(stderr).toMatch(/^PostgreSQL tests NOT RUN: .*127\.0\.0\.1:1\n$/);
    expect(status).toBe(0);
  });

  test("that cannot be reached fails a run of CI", () => {
    const { status, stderr } = runSetup([], { CI: "true" });
    expect(stderr).toContain("PostgreSQL tests NOT RUN");
    expect(status).toBe(1);
  });

  test("is not started for files that do not use it", () => {
    expect(runSetup(["test/store/text"], { CI: "true" })).toMatchObject({ status: 0, stderr: "" });
  });
});
