import { readdirSync, readFileSync, statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { loadedFiles } from "../../scripts/loaded-files.ts";
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

  test("the actions need nothing but Node and are below 4 MB together", () => {
    const folder = join(staging.path, "dist/actions");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
    expect(files.length).toBeGreaterThan(7);
    const sizes = files.map((name) => statSync(join(folder, name)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(4_000_000);
    const builtin = new Set(process.getBuiltinModule("node:module").builtinModules);
    const imports = files.flatMap((name) => {
      const text = readFileSync(join(folder, name), "utf8");
      const found = text.matchAll(/(?:^|[;\n])import\b(?:[^"';]*?from)?\s*["']([^"']+)["']/g);
      return [...found].map((match) => match[1] ?? "");
    });
    expect(imports.length).toBeGreaterThan(10);
    const foreign = imports.filter((name) => !/^(?:node:|\.{1,2}\/)/.test(name) && !builtin.has(name));
    expect(foreign).toEqual([]);
  });

  test("an action loads a third of it at most before it works", () => {
    const entry = join(staging.path, "dist/actions/gate.js");
    const files = [...loadedFiles(entry)];
    expect(files.length).toBeGreaterThan(3);
    const size = files.reduce((sum, file) => sum + statSync(file).size, 0);
    expect(size).toBeGreaterThan(200_000);
    expect(size).toBeLessThan(4_000_000 / 3);
  });

  test("another folder and another time give the same bytes", async () => {
    await using other = await stageRepository();
    await run("npm", ["run", "--silent", "build"], { cwd: other.path, env: toolPath });
    const digests = [staging, other].map(async ({ path }) => {
      const { stdout } = await run(resolve("scripts/digest.sh"), ["dist"], { cwd: path });
      return stdout;
    });
    const [first, second] = await Promise.all(digests);
    expect(first).toMatch(/^[0-9a-f]{64}\n$/);
    expect(second).toBe(first);
  }, 180_000);

  test("the licences of what an action holds lie beside it", () => {
    const text = readFileSync(join(staging.path, "dist/actions/LICENSES.txt"), "utf8");
    const named = [...text.matchAll(/^(\S+) \d+\.\d+\.\d+\S*: (\S+)$/gm)].map((match) => match[1]);
    expect(named).toEqual(expect.arrayContaining(["@actions/core", "zod", "yaml"]));
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
