import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { cacheFolder, locateClaude } from "../../../src/session/claude/cli-package.ts";
import { packageFolder } from "../../../src/session/claude/fetch-package.ts";
import { claudePackage, CLAUDE_VERSION, hostPlatform } from "../../../src/session/claude/release.ts";
import { temporaryFolder } from "../../support/git-repository.ts";

const LINUX = { platform: "linux", arch: "x64", musl: false };
const release = claudePackage(LINUX);

async function program(path: string, script: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe("the program that sessions run", () => {
  test("one that the user names is taken, with the version that it states, and nothing is fetched", async () => {
    await using folder = await temporaryFolder();
    const path = await program(join(folder.path, "bin/claude"), "echo '9.9.9 (Claude Code)'");
    const env = { PATH: "/usr/bin:/bin", WHETSTONE_CLAUDE: "bin/claude" };
    const onFetch = (): void => {
      throw new Error("fetched");
    };
    expect(await locateClaude({ env, cwd: folder.path, onFetch })).toEqual({ path, version: "9.9.9", source: "named" });
  });

  test.each([
    ["is no Claude Code", "echo 'claude 3'"],
    ["fails", "echo '2.1.328 (Claude Code)'; exit 3"],
  ])("a named program that %s is refused with its path", async (_name, script) => {
    await using folder = await temporaryFolder();
    const path = await program(join(folder.path, "claude"), script);
    await expect(
      locateClaude({ env: { PATH: "/usr/bin:/bin", WHETSTONE_CLAUDE: path }, cwd: "/" }),
    ).rejects.toMatchObject({ code: "package_refused", data: { path } });
  });

  test("a named program that is not there is refused", async () => {
    const found = locateClaude({ env: { WHETSTONE_CLAUDE: "/nowhere/claude" }, cwd: "/" });
    await expect(found).rejects.toMatchObject({ code: "package_refused", data: { program: "/nowhere/claude" } });
  });

  test("the environment's secrets do not reach the program when it is asked for its version", async () => {
    await using folder = await temporaryFolder();
    const path = await program(join(folder.path, "claude"), `env > ${folder.path}/env; echo '1.0.0 (Claude Code)'`);
    const env = { PATH: "/usr/bin:/bin", WHETSTONE_CLAUDE: path, ANTHROPIC_API_KEY: "sk-ant-real", GITHUB_TOKEN: "t" };
    await locateClaude({ env, cwd: folder.path });
    expect(await readFile(join(folder.path, "env"), "utf8")).not.toMatch(/ANTHROPIC|GITHUB_TOKEN/);
  });

  test("a kept copy of another release than its folder says is refused", async () => {
    await using folder = await temporaryFolder();
    const kept = packageFolder({ cache: folder.path, name: release?.name ?? "", version: CLAUDE_VERSION });
    const path = await program(join(kept, "claude"), "echo '1.0.0 (Claude Code)'");
    const env = { PATH: "/usr/bin:/bin", WHETSTONE_CACHE: folder.path };
    await expect(locateClaude({ env, cwd: folder.path, host: LINUX })).rejects.toMatchObject({
      code: "package_refused",
      message: expect.stringContaining(path) as unknown,
    });
  });

  test("a kept copy is used without npm", async () => {
    await using folder = await temporaryFolder();
    const kept = packageFolder({ cache: folder.path, name: release?.name ?? "", version: CLAUDE_VERSION });
    const path = await program(join(kept, "claude"), `echo '${CLAUDE_VERSION} (Claude Code)'`);
    const env = { PATH: "/nowhere", WHETSTONE_CACHE: folder.path };
    expect(await locateClaude({ env, cwd: folder.path, host: LINUX })).toEqual({
      path,
      version: CLAUDE_VERSION,
      source: "pinned",
    });
  });

  test("a platform without a release is refused, with what helps", async () => {
    const host = { platform: "sunos", arch: "x64", musl: false };
    await expect(locateClaude({ env: {}, cwd: "/", host })).rejects.toMatchObject({
      code: "package_refused",
      remedy: expect.stringContaining("WHETSTONE_CLAUDE") as unknown,
    });
  });
});

describe("which release", () => {
  test("libc decides on Linux only, and nothing that is no platform is one", () => {
    expect(claudePackage({ ...LINUX, musl: true })?.name).toBe("@anthropic-ai/claude-code-linux-x64-musl");
    expect(claudePackage({ platform: "darwin", arch: "arm64", musl: true })?.name).toMatch(/darwin-arm64$/);
    expect(claudePackage({ platform: "win32", arch: "x64", musl: false })?.program).toBe("claude.exe");
    expect(claudePackage({ platform: "constructor", arch: "", musl: false })).toBeUndefined();
  });

  test("every pinned integrity is a whole SHA-512, and no two are equal", () => {
    const hosts = ["linux", "darwin", "win32"].flatMap((platform) =>
      ["x64", "arm64"].flatMap((arch) => [false, true].map((musl) => claudePackage({ platform, arch, musl }))),
    );
    const pinned = new Map(hosts.map((each) => [each?.name, each?.integrity ?? ""]));
    expect(pinned.size).toBe(8);
    expect(new Set(pinned.values()).size).toBe(8);
    for (const integrity of pinned.values()) {
      expect(Buffer.from(integrity.replace("sha512-", ""), "base64")).toHaveLength(64);
    }
  });

  test("this machine is told apart", () => {
    expect(hostPlatform()).toMatchObject({ platform: process.platform, arch: process.arch });
  });
});

describe("the cache folder", () => {
  test.each([
    ["linux", { HOME: "/h" }, "/h/.cache/whetstone"],
    ["linux", { HOME: "/h", XDG_CACHE_HOME: "/x" }, "/x/whetstone"],
    ["darwin", { HOME: "/h", XDG_CACHE_HOME: "/x" }, "/h/Library/Caches/whetstone"],
    ["linux", { HOME: "/h", XDG_CACHE_HOME: "/x", WHETSTONE_CACHE: "/w" }, "/w"],
  ])("%s with %j: %s", (platform, env, path) => {
    expect(cacheFolder(env, platform)).toBe(path);
  });
});
