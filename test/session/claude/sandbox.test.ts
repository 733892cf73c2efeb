import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type Confinement, openBox } from "../../../src/session/claude/confinement.ts";
import { runTool } from "../../../src/session/claude/run-tool.ts";
import { sandboxed, sandboxFault, type SandboxPlace } from "../../../src/session/claude/sandbox.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { canConfine, openTestBox } from "./box.ts";

const read = (path: string): SandboxPlace => ({ kind: "read", path });
const write = (path: string): SandboxPlace => ({ kind: "write", path });
const hide = (path: string): SandboxPlace => ({ kind: "hide", path });

const able = await canConfine();

(able ? describe : describe.skip)("a confined program", () => {
  test("writes where it may and nowhere else", async () => {
    await using box = await openTestBox();
    const places = [read(box.cwd), write(join(box.cwd, "src"))];
    const attempts = ["x", "src/y", "../z", "/etc/z", "/usr/z", "/z", "/tmp/z"];
    const text = attempts.map((path) => `(echo hi > ${path}) 2>/dev/null && echo ${path}`).join("; ");
    const { stdout } = await box.sh(`${text}; true`, { places });
    expect(stdout.split("\n").filter((line) => line !== "")).toEqual(["src/y", "../z", "/tmp/z"]);
    // Both are below a `/tmp` of its own, which is gone.
    expect(existsSync(join(box.root, "z"))).toBe(false);
    expect(await readdir(box.cwd)).toEqual(["src"]);
    expect(await readFile(join(box.cwd, "src/y"), "utf8")).toBe("hi\n");
    expect(existsSync("/tmp/z")).toBe(false);
    // The same commands unconfined do write: what kept them back was the sandbox.
    const unconfined = { program: "/bin/sh", args: ["-c", "cd $1; echo hi > x; ls", "sh", box.cwd] };
    const free = await runTool({ ...unconfined, cwd: "/", env: { PATH: "/usr/bin:/bin" }, timeoutMs: 60_000 });
    expect(free.stdout).toBe("src\nx\n");
  });

  test.each(["a b", "back\\slash", "tab\tand\nline", "*[a]?", "-x", "ž"])(
    "reads %j without writing it",
    async (name) => {
      await using box = await openTestBox();
      await mkdir(join(box.cwd, name));
      const place = join(box.cwd, name);
      const { stdout, code } = await box.sh("cd ./?*/ && echo in; echo hi > x || echo refused", {
        places: [read(place)],
      });
      expect({ stdout, code }).toEqual({ stdout: "in\nrefused\n", code: 0 });
      expect(await readdir(place)).toEqual([]);
    },
  );

  test("folders of the system stay read-only when they are named, also by a link; its own folder may be named by one", async () => {
    await using box = await openTestBox();
    await symlink(box.layers.root, join(box.root, "link"));
    const places = ["/bin", "/usr/bin", "/sbin", "/etc/ssl", "/opt"].map(read);
    const folders = "/bin /usr/bin /sbin /usr/sbin /lib /etc /etc/ssl /opt /usr / /dev /proc";
    const text = `for folder in ${folders}; do [ -w $folder ] && echo $folder; done; true`;
    const { code, stdout } = await box.sh(text, { places, root: join(box.root, "link"), cwd: "/" });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });

  test("does not see what was not named: homes, other folders, password hashes, other processes", async () => {
    await using box = await openTestBox();
    const ssh = join(box.root, "home", ".ssh");
    await mkdir(ssh, { recursive: true });
    await writeFile(join(ssh, "id_ed25519"), "PRIVATE");
    await symlink(join(ssh, "id_ed25519"), join(box.cwd, "src/key"));
    await chmod(join(ssh, "id_ed25519"), 0o644);
    const text = `cat ${ssh}/id_ed25519 src/key; ls /root /home /var /run; cat /etc/shadow; cat /proc/${process.pid}/environ; ls /proc | grep -c '^[0-9]'`;
    const { stdout } = await box.sh(text, { places: [read(box.cwd)] });
    expect(stdout).not.toContain("PRIVATE");
    expect(stdout).not.toContain("root:");
    // The shell, its confined parent, `ls` and `grep`: none of ours.
    expect(Number(stdout.trim())).toBeLessThanOrEqual(5);
    // Named, it is seen.
    const seen = await box.sh(`cat ${ssh}/id_ed25519`, { places: [read(box.cwd), read(ssh)] });
    expect(seen.stdout).toBe("PRIVATE");
  });

  test("cannot take its walls down, make its own namespaces or get a right back", async () => {
    await using box = await openTestBox();
    const text = [
      "umount /usr 2>/dev/null && echo umounted",
      `mount -o remount,bind,rw ${box.cwd} 2>/dev/null && echo remounted`,
      "unshare --user --map-root-user --mount umount /etc 2>/dev/null && echo nested",
      "mknod /tmp/disk b 254 0 2>/dev/null && echo device",
      "grep CapEff /proc/self/status",
      "grep NoNewPrivs /proc/self/status",
    ].join("; ");
    const { stdout } = await box.sh(text, { places: [read(box.cwd)] });
    expect(stdout.replaceAll(/\s+/g, " ").trim()).toBe("CapEff: 0000000000000000 NoNewPrivs: 1");
  });

  test("ends with everything that it started, also what left its group and session", async () => {
    await using box = await openTestBox();
    const mark = join(box.cwd, "src/alive");
    // Its descendant says that it lives before the program ends.
    const daemon = `setsid sh -c 'echo $$ > ${mark}; exec sleep 3600' & while [ ! -s ${mark} ]; do :; done`;
    const places = [read(box.cwd), write(join(box.cwd, "src"))];
    await box.sh(`${daemon}; readlink /proc/self/ns/pid > src/namespace`, { places });
    expect(existsSync(mark)).toBe(true);
    const namespace = (await readFile(join(box.cwd, "src/namespace"), "utf8")).trim();
    expect(namespace).toMatch(/^pid:/);
    expect(await processesOf(namespace)).toEqual([]);
    expect(await processesOf(await readlink("/proc/self/ns/pid"))).toContain(String(process.pid));
  });

  test("without network reaches nothing of this machine but its own loopback", async () => {
    await using box = await openTestBox();
    const server = createServer((_request, response) => response.end("reached"));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const node = process.execPath;
    const script = `fetch("http://127.0.0.1:${port}").then((r) => r.text()).then(console.log, () => console.log("not reached"))`;
    await writeFile(join(box.cwd, "ask.mjs"), script);
    const own = `const s = require("net").createServer((c) => c.end("own")).listen(0, "127.0.0.1", () => require("net").connect(s.address().port, "127.0.0.1").on("data", (d) => { console.log(String(d)); process.exit() }))`;
    await writeFile(join(box.cwd, "own.cjs"), own);
    const text = `${node} ask.mjs; ${node} own.cjs`;
    const places = [read(box.cwd), read(node)];
    try {
      const without = await box.sh(text, { places, network: "none" });
      expect(without.stdout).toBe("not reached\nown\n");
      expect((await box.sh(text, { places })).stdout).toBe("reached\nown\n");
    } finally {
      await new Promise((done) => server.close(done));
    }
  });

  test.each(["cwd", "a, b:c \\d 'e' $(touch f)"])(
    "writes into a copy that nobody sees; hidden folders are empty; deeper places win: in %s",
    async (name) => {
      await using box = await openTestBox(name);
      await writeFile(join(box.cwd, "kept"), "before");
      await mkdir(join(box.cwd, "src/secret/deep"), { recursive: true });
      await writeFile(join(box.cwd, "src/secret/key"), "PRIVATE");
      await writeFile(join(box.cwd, "src/secret/deep/open"), "seen");
      const copied = { path: box.cwd, layers: box.layers.path };
      const changed = await box.sh("echo after > kept; rm -r src; cat kept; ls", { places: [], copied });
      expect(changed.stdout).toBe("after\nkept\n");
      expect(await readFile(join(box.cwd, "kept"), "utf8")).toBe("before");
      expect(existsSync(join(box.cwd, "src/secret/key"))).toBe(true);
      // Whatever the order in which they are named.
      const places = [read(join(box.cwd, "src/secret/deep")), hide(join(box.cwd, "src/secret")), read(box.cwd)];
      const hidden = await box.sh("ls src/secret; cat src/secret/deep/open; cat src/secret/key", { places });
      expect(hidden.stdout).toBe("deep\nseen");
    },
  );

  test("gets its arguments, environment and working folder as they were given, whatever is in them", async () => {
    await using box = await openTestBox();
    const odd = join(box.cwd, 'it\'s $(touch x); a "b"');
    await mkdir(odd);
    const wrapped = sandboxed(
      { program: "/usr/bin/printf", args: ["%s|", "$HOME", "a b", "--", "'\";"] },
      { root: box.layers.root, cwd: odd, places: [read(odd)], network: "host" },
    );
    const { stdout, code } = await runTool({ ...wrapped, cwd: "/", env: { PATH: "/usr/bin:/bin" }, timeoutMs: 60_000 });
    expect({ stdout, code }).toEqual({ stdout: `$HOME|a b|--|'";|`, code: 0 });
    const env = await box.sh('env | sort | cut -d= -f1 | grep -v "^_$"; pwd; exit 7', { places: [read(box.cwd)] });
    expect(env.stdout.split("\n").slice(0, -2)).toEqual(["OLDPWD", "PATH", "PWD", "SECRET"]);
    expect(env.stdout).toContain(`${box.cwd}\n`);
    expect(env.code).toBe(7);
  });
});

(able ? test : test.skip)("what a sandbox was laid out in is gone afterwards, also a copy's layers", async () => {
  await using folder = await temporaryFolder();
  expect(await sandboxFault(folder.path)).toBeUndefined();
  expect(await readdir(folder.path)).toEqual([]);
});

describe("a session's walls", () => {
  const none: Confinement = { session: [], checks: [{ kind: "read", path: "/x" }] };
  const program = { program: "/bin/true", args: ["x"] };
  const seen = { worktree: "/w", readable: [], writable: ["/w/src"] };
  const cannot = () => Promise.resolve("the machine does not want to");

  test("are said, and why there are none", async () => {
    await using folder = await temporaryFolder();
    const box = await openBox(none, folder.path, cannot);
    expect(box).toMatchObject({ kind: "none: the machine does not want to", checkPlaces: undefined });
    expect(box.wrap(program, seen)).toEqual(program);
    expect(await openBox(undefined, folder.path)).toMatchObject({ kind: "none: not asked for" });
  });

  test("that are required and cannot be are a refusal", async () => {
    await using folder = await temporaryFolder();
    await expect(openBox({ ...none, required: true }, folder.path, cannot)).rejects.toMatchObject({
      code: "session_failed",
      message: expect.stringContaining("does not want to") as unknown,
    });
  });

  test("stand around the program: the worktree and its `.git` read-only, its source folders not", async () => {
    await using folder = await temporaryFolder();
    const box = await openBox(none, folder.path, () => Promise.resolve(undefined));
    expect(box).toMatchObject({ kind: "namespaces", checkPlaces: none.checks });
    const { args } = box.wrap(program, seen);
    const mounts = args.slice(args.indexOf("host") + 1, args.indexOf("--", args.indexOf("host")));
    expect(mounts).toEqual(["read", "/w", "", "read", "/w/.git", "", "write", "/w/src", ""]);
    expect(args.slice(-2)).toEqual(["/bin/true", "x"]);
  });
});

/** Processes that are in a namespace of processes, by what `/proc/PID/ns/pid` links to. */
async function processesOf(namespace: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const links = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/pid`).catch(() => "")));
  return pids.filter((_, index) => links[index] === namespace);
}
