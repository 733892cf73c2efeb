import { execFileSync } from "node:child_process";
import { appendFile, chmod, mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { WhetstoneError } from "../../../src/model/error.ts";
import { baseSubject } from "../../../src/protect/authorization/subject.ts";
import { analysisMode } from "../../../src/session/claude/analysis.ts";
import { refinementMode } from "../../../src/session/claude/refinement.ts";
import type { SessionRequest } from "../../../src/session/port.ts";
import { acts, ALICE, granted, type TestDesk } from "../../protect/authorization/desk.ts";
import { refusedFor } from "../../protect/authorization/refused-for.ts";
import { telemetryServer } from "../../support/claude.ts";
import { type Prepared, prepare, PROPOSAL, type Refining, refine } from "./refining.ts";

type Opening = { readonly request?: SessionRequest; readonly isConfined?: boolean };

/** The mode on a prepared repository, without any session: what a session did is done by the test. */
async function opened(prepared: Prepared, { request = prepared.request, isConfined = false }: Opening = {}) {
  const server = telemetryServer("unused", []);
  const random = (bytes: number) => new Uint8Array(bytes);
  const options = { worktree: prepared.worktree, server, refinement: prepared.parts, random };
  return await refinementMode(options, request, { own: prepared.folder, checkPlaces: isConfined ? [] : undefined });
}

const OUTPUT = { summary: "Done.", proposal: PROPOSAL };

/** What a session must not leave behind, done to its worktree. */
type Tampering = (prepared: Prepared) => Promise<unknown>;

const at = ({ worktree }: Prepared, path: string): string => join(worktree, path);
const git = ({ repository }: Prepared, path: string): string => join(repository.root, ".git", path);

const FILES = { "README.md": "# x\n", ".gitignore": "ignored/\n", "lib/a.js": "a\n", "ignored-not": "x" };

describe("what a refinement leaves behind", () => {
  test.each<[string, Tampering, RegExp]>([
    ["a file outside the source", (p) => writeFile(at(p, "README.md"), "evil"), /README\.md/],
    ["a new file outside", (p) => writeFile(at(p, "new"), "evil"), /"new"/],
    ["a removed file", (p) => rm(at(p, "lib/a.js")), /lib\/a\.js/],
    ["a file moved into the source", (p) => rename(at(p, "lib/a.js"), at(p, "src/a.js")), /lib\/a\.js/],
    ["a file that git ignores", (p) => writeFile(at(p, "ignored/installed.js"), "evil"), /ignored\/installed\.js/],
    ["a new file that git ignores", (p) => writeFile(at(p, "ignored/new.js"), "evil"), /ignored\/new\.js/],
    [
      "the same length and time, other content",
      async (p) => {
        await writeFile(at(p, "lib/a.js"), "b\n");
        await utimes(at(p, "lib/a.js"), 1, 1);
      },
      /lib\/a\.js/,
    ],
    ["a file that becomes executable outside", (p) => chmod(at(p, "lib/a.js"), 0o755), /lib\/a\.js/],
    ["a link in the source", (p) => symlink("/etc/passwd", at(p, "src/link.js")), /no plain file/],
    [
      "a source that becomes a link",
      async (p) => {
        await rm(at(p, "src/notes.js"));
        await symlink("../README.md", at(p, "src/notes.js"));
      },
      /no plain file/,
    ],
    ["a pipe", (p) => Promise.resolve(execFileSync("mkfifo", [at(p, "src/pipe")])), /no plain file/],
    ["instructions in the source", (p) => writeFile(at(p, "src/CLAUDE.md"), "x"), /src\/CLAUDE\.md/],
    ["scripts in the source", (p) => writeFile(at(p, "src/package.json"), "{}"), /src\/package\.json/],
    [
      "installed code in the source",
      async (p) => {
        await mkdir(at(p, "src/node_modules"));
        await writeFile(at(p, "src/node_modules/x.js"), "x");
      },
      /node_modules/,
    ],
    [
      "a repository in the source",
      async (p) => {
        await mkdir(at(p, "src/.git"));
        await writeFile(at(p, "src/.git/config"), "x");
      },
      /src\/\.git/,
    ],
    ["a submodule's file", (p) => writeFile(at(p, ".gitmodules"), "x"), /\.gitmodules/],
    ["where git is", (p) => writeFile(at(p, ".git"), "gitdir: /tmp\n"), /git's own \.git/],
    ["a hook", (p) => writeFile(git(p, "hooks/post-checkout"), "#!/bin/sh\n"), /hooks\/post-checkout/],
    [
      "a hook that can run now",
      async (p) => {
        await chmod(git(p, "hooks/sleeping"), 0o755);
      },
      /hooks\/sleeping/,
    ],
    ["git's configuration", (p) => appendFile(git(p, "config"), "[core]\n\tfsmonitor = evil\n"), /own config/],
    ["attributes", (p) => writeFile(git(p, "info/attributes"), "* filter=evil\n"), /info\/attributes/],
    ["a branch", (p) => p.repository.git("branch", "evil"), /refs\/heads\/evil/],
    [
      "a commit on the branch",
      (p) => p.repository.git("commit", "--allow-empty", "-q", "-m", "x"),
      /refs\/heads\/main/,
    ],
    [
      "a commit in the worktree",
      (p) =>
        Promise.resolve(
          execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "--allow-empty", "-qm", "x"], {
            cwd: p.worktree,
          }),
        ),
      /own HEAD/,
    ],
    [
      "what is staged",
      async (p) => {
        await writeFile(at(p, "src/notes.js"), "2\n");
        execFileSync("git", ["add", "."], { cwd: p.worktree });
      },
      /own index/,
    ],
  ])("%s: nothing of it is used", async (_name, tamper, message) => {
    const before: Refining["before"] = async ({ worktree, repository }) => {
      await mkdir(join(worktree, "ignored"));
      await writeFile(join(worktree, "ignored/installed.js"), "x");
      await writeFile(join(repository.root, ".git/hooks/sleeping"), "x", { mode: 0o644 });
    };
    await using prepared = await prepare({ files: FILES, before });
    await using mode = await opened(prepared);
    await mode.inspect();
    await tamper(prepared);
    const refused = {
      code: "session_failed",
      message: expect.stringMatching(message) as unknown,
      data: { outcome: "worktree_changed" },
    };
    await expect(mode.inspect()).rejects.toMatchObject(refused);
    await expect(mode.read(OUTPUT)).rejects.toMatchObject(refused);
  });

  test("of many faults ten are in the message, with how many more there are, and all in the data", async () => {
    await using prepared = await prepare();
    await using mode = await opened(prepared);
    for (let index = 0; index < 13; index += 1) await writeFile(at(prepared, `new-${index}`), "x");
    const error = (await mode.inspect().catch((thrown: unknown) => thrown)) as WhetstoneError;
    expect(error.message).toMatch(/And 3 more\.$/);
    expect(error.data["changed"]).toHaveLength(13);
  });

  test("what Whetstone itself moves meanwhile is no fault", async () => {
    await using prepared = await prepare();
    await using mode = await opened(prepared);
    await prepared.repository.git("update-ref", "refs/heads/whetstone/state", "HEAD");
    await mode.inspect();
  });

  test("a branch that somebody moves is no fault of a session that cannot see the repository; a hook is", async () => {
    await using prepared = await prepare();
    await using mode = await opened(prepared, { isConfined: true });
    await prepared.repository.git("commit", "--allow-empty", "-q", "-m", "a person's work goes on");
    await mode.inspect();
    await writeFile(git(prepared, "hooks/post-commit"), "#!/bin/sh\n");
    await expect(mode.inspect()).rejects.toMatchObject({ data: { outcome: "worktree_changed" } });
  });
});

describe("what a refinement proposes", () => {
  test("is what git says was changed: edits, new, removed and renamed files, also those that git would ignore", async () => {
    const files = {
      ".gitignore": "*.log\n",
      "src/old.js": `${"const a = 1;\n".repeat(9)}`,
      "src/gone.js": "gone for good\n",
    };
    await using prepared = await prepare({ files });
    await using mode = await opened(prepared);
    await rename(at(prepared, "src/old.js"), at(prepared, "src/renamed.js"));
    await rm(at(prepared, "src/gone.js"));
    await writeFile(at(prepared, "src/kept.log"), "kept although ignored\n");
    await writeFile(at(prepared, "src/notes.js"), "export const notes = 2;");
    await mode.inspect();
    const { answer, summary } = await mode.read(OUTPUT);
    expect(summary).toBe("Done.");
    expect(answer).toMatchObject(PROPOSAL);
    for (const line of [
      "rename from src/old.js",
      "deleted file mode 100644",
      "+++ b/src/kept.log",
      "\\ No newline at end of file",
    ]) {
      expect(answer?.patch).toContain(line);
    }
    // It leads where the worktree is.
    execFileSync("git", ["apply", "--index"], { cwd: prepared.repository.root, input: answer?.patch });
    execFileSync("diff", ["-r", join(prepared.repository.root, "src"), at(prepared, "src")]);
  });

  test("is nothing when nothing was changed, or nothing is stood by; what was changed is said", async () => {
    await using prepared = await prepare();
    await using mode = await opened(prepared);
    expect(await mode.read(OUTPUT)).toEqual({ summary: "Done." });
    await writeFile(at(prepared, "src/notes.js"), "2\n");
    const left = await mode.read({ summary: "No use.", proposal: null });
    expect(left).toEqual({ summary: "No use.\n\n1 files were changed, but not proposed." });
    await writeFile(at(prepared, "src/notes.js"), "export const notes = 1;\n");
    expect(await mode.read(OUTPUT)).toEqual({ summary: "Done." });
  });

  test("says no secret that the model has read", async () => {
    const secret = `ghp_${"aB3dE5gH7j".repeat(4).slice(0, 36)}`;
    await using prepared = await prepare();
    await using mode = await opened(prepared);
    await writeFile(at(prepared, "src/notes.js"), "2\n");
    const proposal = { ...PROPOSAL, title: `Use ${secret}`, rationale: `The token is ${secret}.` };
    const said = await mode.read({ summary: `I saw ${secret}.`, proposal });
    expect(JSON.stringify(said)).not.toContain(secret);
    expect(said).toMatchObject({
      summary: expect.stringContaining("[redacted: ") as unknown,
      answer: { findings: PROPOSAL.findings },
    });
    const analysis = analysisMode({
      worktree: "",
      changedPaths: () => Promise.resolve([]),
      server: telemetryServer("", []),
    });
    const finding = { finding: "errors", rootCause: `password ${secret}`, paths: [secret], plan: [secret] };
    expect(JSON.stringify(await analysis.read({ summary: secret, findings: [finding] }))).not.toContain(secret);
  });

  test.each<[string, unknown]>([
    ["no hypothesis", { ...OUTPUT, proposal: { ...PROPOSAL, hypothesis: undefined } }],
    [
      "an unknown metric",
      { ...OUTPUT, proposal: { ...PROPOSAL, hypothesis: { ...PROPOSAL.hypothesis, metric: "joy" } } },
    ],
    ["a patch of its own", { ...OUTPUT, proposal: { ...PROPOSAL, patch: "diff --git a/x b/x" } }],
    ["no reason", { ...OUTPUT, proposal: { ...PROPOSAL, rationale: "" } }],
    ["text", "done"],
    ["nothing", undefined],
  ])("an answer with %s is none", async (_name, output) => {
    await using prepared = await prepare();
    await using mode = await opened(prepared);
    await expect(mode.read(output)).rejects.toMatchObject({ data: { outcome: "answer_invalid" } });
  });

  test.each<[string, string, string]>([
    ["too large", "x\n".repeat(700), "size_exceeded"],
    ["binary", "\0\u0001", "binary_forbidden"],
  ])("a change that is %s does not pass the wall", async (_name, content, reason) => {
    await using prepared = await prepare();
    await using mode = await opened(prepared);
    await writeFile(at(prepared, "src/new.js"), content);
    await expect(mode.read(OUTPUT)).rejects.toMatchObject({ data: { outcome: "change_refused", reasons: [reason] } });
  });
});

describe("the permission of a person", () => {
  type Token = NonNullable<Refining["token"]>;
  const forBase = (desk: TestDesk, sha: string, target = "notes") =>
    granted(desk, { operation: "session.refine", target, subject: baseSubject(target, sha) });

  test.each<[string, Token, string]>([
    ["for another target", (desk, sha) => forBase(desk, sha, "other"), "authorization_target"],
    ["for another commit", (desk) => forBase(desk, "b".repeat(40)), "digest_mismatch"],
    [
      "for another operation",
      (desk, sha) => granted(desk, { operation: "rule.retire", target: "notes", subject: baseSubject("notes", sha) }),
      "authorization_operation",
    ],
    [
      "that has expired",
      async (desk, sha) => {
        const token = await forBase(desk, sha);
        desk.clock.advance(31 * 60_000);
        return token;
      },
      "authorization_expired",
    ],
    [
      "given to somebody else",
      (desk, sha) =>
        granted(desk, {
          operation: "session.refine",
          target: "notes",
          subject: baseSubject("notes", sha),
          requestedBy: ALICE,
        }),
      "authorization_actor",
    ],
    ["that nobody gave", () => Promise.resolve("wha1.x.y"), "token_malformed"],
  ])("%s is refused before anything is started", async (_name, token, reason) => {
    await using prepared = await prepare({ token });
    const refined = await refine(prepared, undefined, { script: [] });
    expect(refined.error).toMatchObject(refusedFor(reason));
    // The program does not even exist, and nobody was asked for the model.
    expect(refined.api.requests).toEqual([]);
    expect(refined.left.files).toEqual([]);
    expect((await acts(prepared.desk.state)).at(-1)).toBe(`session.refine deny ${reason}`);
  });

  test("counts once, for whoever is first", async () => {
    await using prepared = await prepare();
    const tries = await Promise.allSettled([1, 2, 3].map(() => opened(prepared)));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const each of tries) if (each.status === "fulfilled") await each.value[Symbol.asyncDispose]();
    const refusals = tries.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    for (const refusal of refusals) expect(refusal).toMatchObject(refusedFor("authorization_used"));
  });

  test("is not used up by a session that cannot start for want of its parts", async () => {
    await using prepared = await prepare();
    await rm(join(prepared.worktree, ".git"));
    await expect(opened(prepared)).rejects.toMatchObject({
      code: expect.stringMatching(/git_failed|not_a_repository/) as unknown,
    });
    expect(await acts(prepared.desk.state)).not.toContain("session.refine allow ok");
  });

  test("a permit for another target opens nothing", async () => {
    await using prepared = await prepare();
    const request = { ...prepared.request, target: "other" };
    await expect(opened(prepared, { request })).rejects.toMatchObject({ code: "unauthorized" });
  });
});

test("without its parts a refinement is refused", async () => {
  await using prepared = await prepare();
  const options = {
    worktree: prepared.worktree,
    server: telemetryServer("unused", []),
    random: () => new Uint8Array(),
  };
  const room = { own: prepared.folder, checkPlaces: undefined };
  await expect(refinementMode(options, prepared.request, room)).rejects.toMatchObject({ code: "usage" });
});
