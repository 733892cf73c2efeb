import { readdirSync, readFileSync, statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { run, stageRepository, toolPath } from "./staging.ts";

describe("npm run build", () => {
  let staging: Awaited<ReturnType<typeof stageRepository>>;
  const build = () => run("npm", ["run", "--silent", "build"], { cwd: staging.path, env: toolPath });
  beforeAll(async () => {
    staging = await stageRepository();
    await build();
  }, 180_000);
  afterAll(async () => {
    await staging[Symbol.asyncDispose]();
  });

  test("an action is one file that needs nothing but Node, below 2 MB", () => {
    const file = join(staging.path, "dist/actions/loop.js");
    expect(statSync(file).size).toBeLessThanOrEqual(2_000_000);
    const text = readFileSync(file, "utf8");
    const imports = [...text.matchAll(/(?:^|;|\n)import\b[^"';]*?from\s*["']([^"']+)["']/g)].map(
      (match) => match[1] ?? "",
    );
    expect(imports.length).toBeGreaterThan(5);
    const builtin = new Set(process.getBuiltinModule("node:module").builtinModules);
    expect(imports.filter((name) => !name.startsWith("node:") && !builtin.has(name))).toEqual([]);
  });

  test("the licences of what an action holds lie beside it", () => {
    const text = readFileSync(join(staging.path, "dist/actions/LICENSES.txt"), "utf8");
    const named = [...text.matchAll(/^(\S+) \d+\.\d+\.\d+\S*: (\S+)$/gm)].map((match) => match[1]);
    expect(named).toEqual(expect.arrayContaining(["@actions/core", "@actions/github", "zod", "undici", "yaml"]));
    expect(text).not.toContain("undefined");
  });

  test("a build that fails says why and leaves the last good one", async () => {
    const main = join(staging.path, "dist/cli/main.js");
    const before = await readFile(main, "utf8");
    await writeFile(join(staging.path, "src/cli/actor.ts"), 'import "./missing.ts";\n');
    await expect(build()).rejects.toMatchObject({ stderr: expect.stringContaining("missing.ts") });
    expect(await readFile(main, "utf8")).toBe(before);
    expect(readdirSync(staging.path).filter((name) => name.startsWith("dist"))).toEqual(["dist"]);
  }, 180_000);
});
