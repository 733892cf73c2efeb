import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";
import { run, stageRepository, toolPath } from "./staging.ts";
import { productionTree } from "./weight.ts";

/** A project that installed the packed tarball, without dev dependencies. */
type Consumer = AsyncDisposable & { readonly bin: string; readonly root: string; readonly packed: readonly string[] };

async function installPacked(): Promise<Consumer> {
  await using staging = await stageRepository();
  const folder = await temporaryFolder();
  const packArgs = ["pack", "--json", "--pack-destination", folder.path];
  const { stdout } = await run("npm", packArgs, { cwd: staging.path, env: toolPath, maxBuffer: 2 ** 26 });
  // In front of the JSON stands what the build prints.
  const [manifest] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [
    { filename: string; files: { path: string }[] },
  ];
  const root = join(folder.path, "node_modules/whetstone");
  await mkdir(root, { recursive: true });
  await run("tar", ["-xzf", join(folder.path, manifest.filename), "-C", root, "--strip-components=1"]);
  for (const path of productionTree("package-lock.json").filter(isTopLevel)) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true });
    await symlink(resolve(path), join(folder.path, path));
  }
  return {
    root,
    bin: join(root, "bin/whetstone.js"),
    packed: manifest.files.map(({ path }) => path),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function isTopLevel(path: string): boolean {
  return path.lastIndexOf("node_modules/") === 0 && existsSync(path);
}

describe("the published package", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await installPacked();
  }, 120_000);
  afterAll(async () => {
    await consumer[Symbol.asyncDispose]();
  });

  const whetstone = (args: readonly string[], cwd = consumer.root) =>
    run(process.execPath, [consumer.bin, ...args], { cwd, env: toolPath });

  test("holds what `files` says and nothing else", () => {
    const { files } = JSON.parse(readFileSync("package.json", "utf8")) as { files: string[] };
    const always = ["LICENSE", "README.md", "package.json"];
    const folderOf = (path: string): string => path.split("/")[0] ?? "";
    const strangers = consumer.packed.filter((path) => ![...files, ...always].includes(folderOf(path)));
    expect(strangers).toEqual([]);
    const present = [...new Set(consumer.packed.map(folderOf))].sort();
    expect(present).toEqual([...files.filter((name) => name === "dist" || existsSync(name)), ...always].sort());
    expect(consumer.packed).toEqual(expect.arrayContaining(["dist/cli/main.js", "dist/actions/step.js"]));
    expect(globSync("{src,test}/**", { cwd: consumer.root })).toEqual([]);
  });

  test("every migration, schema and example file of the repository is in it", () => {
    const wanted = globSync([
      "sql/**/*.sql",
      "schemas/*.json",
      "specs/templates/*.yaml",
      "docs/specs.md",
      "examples/*/sessions/*.json",
      "examples/*/workload.json",
    ]);
    expect(wanted.length).toBeGreaterThan(5);
    expect(consumer.packed).toEqual(expect.arrayContaining(wanted));
  });

  test("--help and --version run from dist", async () => {
    expect((await whetstone(["--help"])).stdout).toContain("Usage: whetstone");
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect((await whetstone(["--version"])).stdout.trim()).toBe(version);
  });

  test("init writes a configuration into a fresh repository, and a search finds an empty store", async () => {
    await using repository = await temporaryRepository();
    const { stdout } = await whetstone(["init", "--target", "mine", "--command", "node server.js"], repository.root);
    expect(stdout).toContain("wrote whetstone.yaml");
    expect(readFileSync(join(repository.root, "whetstone.yaml"), "utf8")).toContain("mine:");
    const search = await whetstone(["traces", "search", "--json"], repository.root);
    expect(JSON.parse(search.stdout)).toEqual({ traces: [], total: 0, returned: 0 });
    expect(existsSync(join(repository.root, ".whetstone/whetstone.db"))).toBe(true);
  });

  test("templates of specifications are found from dist", async () => {
    const { stdout } = await whetstone(["spec", "list", "--templates", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      templates: expect.arrayContaining([{ name: "checkout" }].map((part) => expect.objectContaining(part))),
    });
  });

  test("the proxy stores its spans: the thread that writes them is in the package", async () => {
    await using folder = await temporaryFolder();
    const echo = "process.stdin.on('data', (data) => process.stdout.write(data))";
    const proxying = run(process.execPath, [consumer.bin, "proxy", "--", process.execPath, "-e", echo], {
      cwd: folder.path,
      env: toolPath,
    });
    proxying.child.stdin?.end('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    expect(await proxying).toMatchObject({ stderr: "" });
    const { stdout } = await whetstone(["traces", "search", "--json"], folder.path);
    // The fixture echoes, so the notification passes both ways.
    expect(JSON.parse(stdout)).toMatchObject({ total: 1, traces: [{ spans: 4 }] });
  });

  test("every chunk loads with the runtime dependencies alone", async () => {
    const chunks = globSync("dist/cli/**/*.js", { cwd: consumer.root }).map((path) => join(consumer.root, path));
    expect(chunks.length).toBeGreaterThan(10);
    const script = `for (const chunk of ${JSON.stringify(chunks)}) await import(chunk);`;
    await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: consumer.root });
    const bare = chunks.flatMap((chunk) =>
      importsOf(chunk).map((name) => ({ chunk: relative(consumer.root, chunk), name })),
    );
    const { dependencies, peerDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as Record<
      string,
      object
    >;
    // An optional peer is imported on use only: every chunk has been loaded without it above.
    const known = Object.keys({ ...dependencies, ...peerDependencies });
    // What is imported is not copied into the build as well.
    expect(bare.map(({ name }) => name)).toEqual(expect.arrayContaining(["commander", "pg", "yaml", "zod"]));
    expect(bare.filter(({ name }) => !known.includes(name))).toEqual([]);
  });
});

/** Packages that a built file imports. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const named = [...text.matchAll(/^(?:import|export) .*?from "([^".][^"]*)";$|\bimport\("([^".][^"]*)"\)/gm)];
  const specifiers = named.map((match) => match[1] ?? match[2] ?? "").filter((name) => !name.startsWith("node:"));
  return specifiers.map((name) =>
    name
      .split("/")
      .slice(0, name.startsWith("@") ? 2 : 1)
      .join("/"),
  );
}
