import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { fetchPackage, packageFolder, type PackageRequest } from "../../../src/session/claude/fetch-package.ts";
import { NAME, tinyRegistry } from "./registry.ts";

type Registry = Awaited<ReturnType<typeof tinyRegistry>>;

function request({ integrity, cache, env }: Registry, changes: Partial<PackageRequest> = {}): PackageRequest {
  return { name: NAME, version: "1.0.0", integrity, cache, env, timeoutMs: 60_000, ...changes };
}

const inCache = async ({ cache }: Registry): Promise<string[]> => readdir(cache).catch(() => []);

describe("fetching a pinned package", () => {
  test("it is fetched once, kept whole, and taken from there without asking anybody", async () => {
    await using registry = await tinyRegistry();
    const told: string[] = [];
    const fetching = request(registry, { onFetch: ({ name }) => told.push(name) });
    const folder = await fetchPackage(fetching);
    expect(folder).toBe(join(registry.cache, "example-tool-1.0.0"));
    expect(await readFile(join(folder, "claude"), "utf8")).toContain("Claude Code");
    const unreachable = { ...registry.env, npm_config_registry: "http://127.0.0.1:1/" };
    expect(await fetchPackage({ ...fetching, env: unreachable, offline: true })).toBe(folder);
    expect({ downloads: registry.state.downloads, told }).toEqual({ downloads: 1, told: [NAME] });
    expect(await inCache(registry)).toEqual(["example-tool-1.0.0"]);
  });

  test("another tarball than the pinned one is refused, although the registry vouches for it", async () => {
    await using registry = await tinyRegistry();
    const pinned = `sha512-${"A".repeat(86)}==`;
    await expect(fetchPackage(request(registry, { integrity: pinned }))).rejects.toMatchObject({
      code: "package_refused",
      data: { integrity: pinned, found: registry.integrity },
    });
    expect(await inCache(registry)).toEqual([]);
  });

  test("a download that is cut off leaves nothing, and the next one works", async () => {
    await using registry = await tinyRegistry();
    registry.state.manner = "cut";
    await expect(fetchPackage(request(registry))).rejects.toMatchObject({ code: "api_failed" });
    expect(await inCache(registry)).toEqual([]);
    registry.state.manner = "whole";
    expect(await readdir(await fetchPackage(request(registry)))).toContain("claude");
  });

  test("a registry that does not answer is given up at the time limit, npm ended with it", async () => {
    await using registry = await tinyRegistry();
    registry.state.manner = "hang";
    await expect(fetchPackage(request(registry, { timeoutMs: 3_000 }))).rejects.toMatchObject({
      code: "timeout",
      remedy: expect.stringContaining("again") as unknown,
    });
    expect(await inCache(registry)).toEqual([]);
  });

  test("a registry that is not there is named with what npm says", async () => {
    await using registry = await tinyRegistry();
    const env = { ...registry.env, npm_config_registry: "http://127.0.0.1:1/" };
    await expect(fetchPackage(request(registry, { env }))).rejects.toMatchObject({
      code: "api_failed",
      message: expect.stringContaining("ECONNREFUSED") as unknown,
      remedy: expect.stringContaining("registry") as unknown,
    });
  });

  test("without npm the error says what could not be started", async () => {
    await using registry = await tinyRegistry();
    await expect(fetchPackage(request(registry, { env: { PATH: registry.cache } }))).rejects.toMatchObject({
      code: "package_refused",
      data: { program: "npm" },
    });
  });

  test("npm settings of a project around the cache are not read", async () => {
    await using registry = await tinyRegistry();
    await mkdir(registry.cache, { recursive: true });
    await writeFile(join(registry.cache, "package.json"), "{}");
    await writeFile(
      join(registry.cache, ".npmrc"),
      "registry=http://127.0.0.1:1/\n@example:registry=http://127.0.0.1:1/\n",
    );
    expect(await readdir(await fetchPackage(request(registry)))).toContain("claude");
  });

  test("a cache that cannot be written to is said before anything is downloaded", async () => {
    await using registry = await tinyRegistry();
    await mkdir(registry.cache, { recursive: true });
    await writeFile(join(registry.cache, "file"), "");
    await expect(fetchPackage(request(registry, { cache: join(registry.cache, "file") }))).rejects.toMatchObject({
      code: "write_failed",
    });
    expect(registry.state.downloads).toBe(0);
  });

  test("whoever comes second leaves the copy of the first as it is", async () => {
    await using registry = await tinyRegistry();
    const first = join(registry.cache, "example-tool-1.0.0");
    registry.state.onDownload = () => {
      mkdirSync(first, { recursive: true });
      writeFileSync(join(first, "claude"), "the first");
    };
    expect(await fetchPackage(request(registry))).toBe(first);
    expect(await readFile(join(first, "claude"), "utf8")).toBe("the first");
    expect(await inCache(registry)).toEqual(["example-tool-1.0.0"]);
  });

  test("what a killed process left long ago is removed, what another one works on is not", async () => {
    await using registry = await tinyRegistry();
    const drafts = [".example-tool-old", ".example-tool-new", ".example-other-old"];
    for (const name of drafts) await mkdir(join(registry.cache, name), { recursive: true });
    const hours = new Date(Date.now() - 2 * 3_600_000);
    for (const name of drafts.filter((each) => each.endsWith("old")))
      await utimes(join(registry.cache, name), hours, hours);
    await fetchPackage(request(registry));
    expect((await inCache(registry)).sort()).toEqual([".example-other-old", ".example-tool-new", "example-tool-1.0.0"]);
  });

  test("two processes at once both get it, and one copy is left", async () => {
    await using registry = await tinyRegistry();
    const { cache } = registry;
    const both = await Promise.all([inProcess(request(registry)), inProcess(request(registry))]);
    const folder = packageFolder({ cache, name: NAME, version: "1.0.0" });
    expect(both).toEqual([
      { code: 0, out: folder },
      { code: 0, out: folder },
    ]);
    expect(await inCache(registry)).toEqual(["example-tool-1.0.0"]);
    expect((await readdir(folder)).sort()).toEqual(["claude", "package.json"]);
  });
});

async function inProcess(fetching: PackageRequest): Promise<{ code: number; out: string }> {
  const file = resolve("src/session/claude/fetch-package.ts");
  const code = `import { fetchPackage } from ${JSON.stringify(file)};
    process.stdout.write(await fetchPackage(${JSON.stringify(fetching)}));`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  const [ended] = (await once(child, "close")) as [number];
  return { code: ended, out };
}
