import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile, chmod, readdir } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { hideArguments, readTokenOption, TOKEN_VARIABLE } from "../../src/cli/token-source.ts";
import { rootWithoutGit } from "../../src/cli/protection.ts";
import { openGitState } from "../../src/github/git-state.ts";
import { SWEEP_FILE } from "../../src/protect/stop/sweep-record.ts";
import { whetstone, type Ended } from "../support/whetstone.ts";
import { bufferIo } from "./buffer-io.ts";

const ME = userInfo().username;
let folder = "";
const cli = (
  args: readonly string[],
  options: { env?: Record<string, string>; input?: string; cwd?: string } = {},
): Promise<Ended> => whetstone(args, { cwd: folder, ...options });
const json = async (...args: string[]) => {
  const ended = await cli([...args, "--json"]);
  return { code: ended.code, value: JSON.parse(ended.out) as Record<string, never> };
};
const git = (...args: string[]): string => execFileSync("git", args, { cwd: folder, encoding: "utf8" }).trim();
const committed = (): string => git("log", "--format=%H", "-1", "whetstone/state", "--", "authorizations", "stop.json");

async function freshRepository(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "whetstone-authorize-"));
  git("init", "-q");
  git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--allow-empty", "-m", "start");
}

describe("stop, ask, grant, resume", () => {
  let id = "";
  let token = "";
  beforeAll(freshRepository, 180_000);
  afterAll(() => rm(folder, { recursive: true }));

  test("nothing is stopped: nothing to ask for, nothing to resume, and no token is used", async () => {
    expect(await json("authorize", "request", "resume")).toMatchObject({
      code: 2,
      value: { error: { code: "usage" } },
    });
    expect(await json("resume")).toMatchObject({ code: 0, value: { stopped: false, lifted: false } });
  });

  test("stop says what it set; a loop is refused then", async () => {
    expect(await json("stop", "--why", "a drill")).toEqual({
      code: 0,
      value: { stopped: true, complete: true, local: "stopped", state: "stopped" },
    });
    const doctor = await json("doctor");
    expect(doctor.value).toMatchObject({
      checks: expect.arrayContaining([
        expect.objectContaining({ name: "kill switch", ok: false, found: expect.stringContaining("a drill") }),
      ]),
    });
  });

  test("resume without permission is refused with its reason", async () => {
    expect(await json("resume")).toMatchObject({
      code: 1,
      value: {
        error: {
          code: "unauthorized",
          reason: "authorization_missing",
          remedy: expect.stringContaining("authorize request resume"),
        },
      },
    });
  });

  test("doctor counts what was refused, by kind", async () => {
    expect((await json("doctor")).value).toMatchObject({
      checks: expect.arrayContaining([
        expect.objectContaining({
          name: "protection",
          found: expect.stringContaining(
            "two-person rule off; refused: 1 read-only, 0 scope, 0 resource limit, 0 timeout",
          ),
        }),
      ]),
    });
  });

  test("a permission for somebody who starts the workflow on GitHub is theirs, and is not granted by who asked", async () => {
    const { code, value } = await json("authorize", "request", "resume", "--for", "octocat");
    expect({ code, value }).toMatchObject({
      code: 0,
      value: { requestedBy: { type: "person", id: "octocat" }, author: ME },
    });
    await cli(["authorize", "revoke", value["id"] as unknown as string]);
  });

  test("a request names operation, risk, role and expiry", async () => {
    const { code, value } = await json("authorize", "request", "resume", "--impact", "the loop goes on");
    expect({ code, value }).toMatchObject({
      code: 0,
      value: {
        operation: "resume",
        target: "all",
        risk: { level: "high" },
        role: "admin",
        requestedBy: { type: "person", id: ME },
      },
    });
    id = value["id"] as unknown as string;
    const shown = await cli(["authorize", "show", id]);
    for (const said of [id, "pending", "the loop goes on", "whetstone stop", "admin"])
      expect(shown.out).toContain(said);
  });

  test("a job is no person: it may not grant", async () => {
    const ended = await cli(["authorize", "grant", id, "--json"], { env: { CI: "true" } });
    expect([ended.code, JSON.parse(ended.out)]).toMatchObject([1, { error: { reason: "person_needed" } }]);
  });

  test("grant prints the token alone on standard output", async () => {
    const ended = await cli(["authorize", "grant", id]);
    expect([ended.code, ended.out]).toEqual([0, expect.stringMatching(/^wha1\.[\w-]+\.[\w-]{86}\n$/)]);
    expect(ended.err).toContain("the loop goes on");
    token = ended.out.trim();
    expect((await json("authorize", "grant", id)).value).toMatchObject({ error: { reason: "authorization_decided" } });
  });

  test("an altered or truncated token is refused, and nothing changes", async () => {
    const before = committed();
    for (const [input, reason] of [
      [token.slice(0, -1), "token_malformed"],
      [token.replace(/.$/, (last) => (last === "A" ? "Q" : "A")), "token_"],
      ["", "token_malformed"],
    ] as const) {
      const ended = await cli(["resume", "--token-file", "-", "--json"], { input });
      expect([ended.code, JSON.parse(ended.out).error.reason]).toEqual([1, expect.stringContaining(reason)]);
    }
    expect(committed()).toBe(before);
  });

  test("the token works once, from standard input", async () => {
    const ended = await cli(["resume", "--token-file", "-", "--json"], { input: `${token}\n` });
    expect([ended.code, JSON.parse(ended.out)]).toEqual([
      0,
      { stopped: false, lifted: true, authorization: id, switchedOff: [] },
    ]);
    await cli(["stop"]);
    const again = await cli(["resume", "--json"], { env: { [TOKEN_VARIABLE]: token } });
    expect([again.code, JSON.parse(again.out)]).toMatchObject([1, { error: { reason: "authorization_used" } }]);
  });

  test("no token is in any file that git or the working folder holds", async () => {
    const everything = git("log", "-p", "--all", "--format=%B");
    expect(everything).toContain(id);
    expect(everything).not.toContain(token.split(".")[2]);
    for (const name of await readdir(join(folder, ".whetstone"), { recursive: true, withFileTypes: true })) {
      if (name.isFile()) expect(await readFile(join(name.parentPath, name.name), "utf8")).not.toContain(token);
    }
    const verified = await cli(["audit", "verify"]);
    // The key that the grant made signs every record from then on.
    expect([verified.code, verified.out]).toEqual([0, expect.stringContaining("; 0 records behind it are not.")]);
  });

  test("a token of a stop that was renewed since is for another state", async () => {
    const asked = (await json("authorize", "request", "resume")).value["id"] as unknown as string;
    expect((await json("authorize", "grant", asked, "--out", "token")).value).toMatchObject({
      file: join(folder, "token"),
    });
    expect((await stat(join(folder, "token"))).mode & 0o777).toBe(0o600);
    await cli(["stop", "--why", "once more"]);
    expect((await json("resume", "--token-file", "token")).value).toMatchObject({
      error: { reason: "digest_mismatch" },
    });
  });

  test("rotating the keys ends what they signed; list and keys show it", async () => {
    const asked = (await json("authorize", "request", "resume")).value["id"] as unknown as string;
    const granted = await cli(["authorize", "grant", asked, "--out", "token"]);
    expect(granted.err).toContain("Only you can read the file; do not commit it.");
    expect((await json("authorize", "keys", "rotate")).value).toMatchObject({
      voided: expect.arrayContaining([asked]),
    });
    expect((await json("resume", "--token-file", "token")).value).toMatchObject({ error: { reason: "key_retired" } });
    expect((await json("authorize", "list", "--limit", "1")).value).toMatchObject({ total: 4, returned: 1 });
    const keys = (await json("authorize", "keys", "list")).value["keys"] as unknown as {
      kid: string;
      retired: unknown;
      here: boolean;
    }[];
    expect(keys.map(({ retired, here }) => [retired === null, here])).toEqual([
      [false, true],
      [true, true],
    ]);
    const kid = keys[1]?.kid ?? "";
    expect((await json("authorize", "keys", "revoke", kid)).value).toMatchObject({ retired: [kid] });
    expect((await json("authorize", "keys", "revoke", kid)).code).toBe(2);
  });

  test("a revoked request cannot be granted", async () => {
    const asked = (await json("authorize", "request", "resume")).value["id"] as unknown as string;
    expect((await json("authorize", "revoke", asked, "--why", "no need")).value).toMatchObject({ standing: "revoked" });
    expect((await json("authorize", "grant", asked)).value).toMatchObject({
      error: { reason: "authorization_decided" },
    });
  });
});

describe("people and their keys", () => {
  beforeEach(freshRepository);
  const configure = (protection: string) =>
    writeFile(join(folder, "whetstone.yaml"), `version: 1\ntargets: {}\nprotection: ${protection}\n`);
  const ask = async (): Promise<string> => {
    await cli(["stop"]);
    return (await json("authorize", "request", "resume")).value["id"] as unknown as string;
  };

  test("where roles are named only these may grant, from any folder of the repository", async () => {
    await configure(`{ roles: { admin: [somebody-else], maintainer: ["${ME}"] } }`);
    const id = await ask();
    execFileSync("mkdir", [join(folder, "below")]);
    for (const cwd of [folder, join(folder, "below")]) {
      const ended = await cli(["authorize", "grant", id, "--json"], { cwd });
      expect([ended.code, JSON.parse(ended.out).error.reason]).toEqual([1, "role_missing"]);
    }
    await configure("{ roles: { admin: [somebody-else] } }");
    expect((await json("authorize", "keys", "rotate")).value).toMatchObject({ error: { reason: "role_missing" } });
    await configure(`{ roles: { admin: ["${ME}"] } }`);
    expect((await cli(["authorize", "grant", id])).code).toBe(0);
  });

  test("resume names the workflows that a stop on GitHub switched off, which a clone cannot switch on", async () => {
    const workflows = [
      { file: "whetstone.yml", off: true },
      { file: "still-on.yml", off: false },
    ];
    const sweep = { schema: "whetstone.stop-sweep/1", workflows, runs: [], resumed: null };
    const id = await ask();
    await cli(["authorize", "grant", id, "--out", "token"]);
    const state = openGitState({ cwd: folder, now: () => 0n });
    const put = (text: string) =>
      state.update("sweep", () => Promise.resolve({ change: new Map([[SWEEP_FILE, text]]), value: undefined }));
    await put("{");
    expect((await json("resume", "--token-file", "token")).value).toMatchObject({ error: { code: "ledger_broken" } });
    await put(JSON.stringify(sweep));
    const resumed = await cli(["resume", "--token-file", "token"]);
    expect([resumed.code, resumed.out]).toEqual([
      0,
      expect.stringMatching(/\n {2}gh workflow enable whetstone\.yml\n$/),
    ]);
  });

  test("the two-person rule and the expiry are those of whetstone.yaml", async () => {
    await configure("{ twoPerson: true, expiryMinutes: 5 }");
    const id = await ask();
    const { request } = (await json("authorize", "show", id)).value as unknown as {
      request: { requestedAt: string; expiresAt: string };
    };
    expect(Date.parse(request.expiresAt) - Date.parse(request.requestedAt)).toBe(5 * 60_000);
    expect((await json("authorize", "grant", id)).value).toMatchObject({ error: { reason: "two_person" } });
  });

  test("a private key that others can read is refused, and nothing is granted", async () => {
    const first = await ask();
    await cli(["authorize", "grant", first, "--out", "token"]);
    const second = (await json("authorize", "request", "resume")).value["id"] as unknown as string;
    const keys = join(folder, ".whetstone", "keys");
    const [name = ""] = (await readdir(keys)).filter((file) => file.endsWith(".json"));
    expect((await stat(join(keys, name))).mode & 0o777).toBe(0o600);
    await chmod(join(keys, name), 0o644);
    expect(await json("authorize", "grant", second)).toMatchObject({
      code: 2,
      value: { error: { code: "key_refused" } },
    });
    expect((await json("authorize", "show", second)).value).toMatchObject({ standing: "pending", grant: null });
    expect(git("ls-files", "--others", "--exclude-standard", ".whetstone/keys")).toBe("");
  });

  test("stop works where git does not, and says so", async () => {
    execFileSync("mkdir", [join(folder, "deep")]);
    await writeFile(join(folder, ".git", "HEAD"), "broken");
    const ended = await cli(["stop", "--json"], { cwd: join(folder, "deep") });
    expect([ended.code, JSON.parse(ended.out)]).toMatchObject([
      1,
      { stopped: true, complete: false, local: "stopped", state: { failed: expect.any(String) } },
    ]);
    expect(await readdir(join(folder, ".whetstone"))).toEqual(["stop.json"]);
    expect(rootWithoutGit(join(folder, "deep"))).toBe(folder);
  });
});

describe("what cannot be asked", () => {
  beforeAll(freshRepository);
  afterAll(() => rm(folder, { recursive: true }));

  test.each([
    [["authorize", "request", "resum"], "usage", 'Did you mean "resume"?'],
    [["authorize", "request", "proposal.open"], "usage", "Just do it."],
    [["authorize", "request", "rule.retire"], "usage", "--target"],
    [["authorize", "request", "rule.retire", "--target", "x", "--base", "nothing"], "usage", "--base"],
    [
      ["authorize", "request", "rule.retire", "--target", "x", "--patch", "none.patch"],
      "input_unreadable",
      "Name the file",
    ],
    [["authorize", "request", "rule.retire", "--target", "x".repeat(201)], "usage", "200 characters"],
    [["authorize", "request", "rule.retire", "--target", "x", "--impact", "y".repeat(501)], "usage", "500"],
    [["authorize", "show", "a-none"], "not_found", "authorize list"],
    [["authorize", "list", "--limit", "0"], "usage", "1 or more"],
    [["stop", "--why", "y".repeat(501)], "usage", "shorter"],
    [["resume", "--token", "a", "--token-file", "b"], "usage", "one of them"],
    [["resume", "--token-file", "none"], "input_unreadable", "authorize grant"],
  ])("%j", async (args, code, remedy) => {
    expect(await json(...args)).toEqual({
      code: 2,
      value: { error: { code, message: expect.any(String), remedy: expect.stringContaining(remedy) } },
    });
    expect(git("branch", "--list", "whetstone/*")).toBe("");
  });

  test("a change and a base are permitted by their digests", async () => {
    await writeFile(join(folder, "a.patch"), "diff");
    const change = await json(
      "authorize",
      "request",
      "canary.promote",
      "--target",
      "notes",
      "--patch",
      "a.patch",
      "--author",
      "bob",
    );
    expect(change.value).toMatchObject({
      author: "bob",
      // printf diff | sha256sum
      subject: { kind: "change", digest: "df087996d45b03e7eb8c133c0298fd98d35113fca26aaba58612fef3cc212cad" },
    });
    const base = await json("authorize", "request", "canary.promote", "--target", "notes");
    expect(base.value).toMatchObject({ subject: { kind: "base", baseSha: git("rev-parse", "HEAD") } });
  });
});

describe("where a token is taken from", () => {
  test("flag, file, environment, in this order", async () => {
    await using folderOf = {
      path: await mkdtemp(join(tmpdir(), "whetstone-token-")),
      [Symbol.asyncDispose]: () => rm(folderOf.path, { recursive: true }),
    };
    await writeFile(join(folderOf.path, "t"), " from-file\n");
    const { io } = bufferIo({ cwd: folderOf.path, inherited: { [TOKEN_VARIABLE]: " from-env " } });
    expect(await readTokenOption({ tokenFile: "t" }, io)).toBe("from-file");
    expect(await readTokenOption({}, io)).toBe("from-env");
    expect(await readTokenOption({}, bufferIo().io)).toBeUndefined();
    expect(await readTokenOption({}, bufferIo({ inherited: { [TOKEN_VARIABLE]: "" } }).io)).toBeUndefined();
    await expect(readTokenOption({ tokenFile: "none" }, io)).rejects.toMatchObject({ code: "input_unreadable" });
  });

  const onLinux = process.platform === "linux" ? test : test.skip;
  onLinux("one that was given as an argument is taken out of what process listings show", async () => {
    expect(hideArguments.length).toBe(0);
    const script = `import { readFileSync } from "node:fs";
      import { hideArguments } from ${JSON.stringify(join(process.cwd(), "src/cli/token-source.ts"))};
      const look = () => readFileSync("/proc/self/cmdline", "utf8").includes("THE-" + "TOKEN");
      const before = look(); hideArguments(); process.stdout.write(before + " " + look());`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, "THE-TOKEN"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    expect(await text(child.stdout)).toBe("true false");
  });
});
