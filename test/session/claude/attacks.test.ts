import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { runClaude } from "../../../src/session/claude/process.ts";
import { sessionEnvironment } from "../../../src/session/claude/recipe.ts";
import { claudeForTests, DUMMY_KEY } from "../../support/claude.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { type Said, type ScriptedTurn, startMessagesApi, toolResults } from "../../support/messages-api.ts";
import { hostileFiles } from "./hostile-files.ts";
import { type Prepared, prepare, PROPOSAL, type Refined, refine } from "./refining.ts";
import { MODEL } from "./running.ts";

const cli = await claudeForTests();

const call = (name: string, input: Readonly<Record<string, unknown>>): Said => ({ type: "tool_use", name, input });
const turn = (name: string, input: Readonly<Record<string, unknown>>): ScriptedTurn => ({ say: [call(name, input)] });
const answering = turn("StructuredOutput", { summary: "Done.", proposal: PROPOSAL });
const mending = turn("Edit", { file_path: "src/notes.js", old_string: "1", new_string: "2" });

const FILES = {
  "README.md": "# Read me\n",
  "lib/other.js": "export const other = 1;\n",
  "package.json": '{ "scripts": { "test": "true" } }\n',
  "package-lock.json": "{}\n",
  "CLAUDE.md": "# Rules of the house\n",
  ".github/workflows/ci.yml": "on: push\n",
  "rules/one.yaml": "id: one\n",
  ".gitignore": "ignored/\n",
};

/** Ways out of the source folder, by what would be written. */
function writes(
  { worktree, repository }: Pick<Prepared, "worktree" | "repository">,
  outside: string,
): readonly string[] {
  return [
    "README.md",
    "lib/new.js",
    "src/../lib/dots.js",
    join(worktree, "lib/absolute.js"),
    "../beside.js",
    join(outside, "far.js"),
    "src/out/through-a-folder.js",
    "src/alias.js",
    "src/home/x.js",
    ".git",
    ".git/hooks/post-checkout",
    join(repository.root, ".git/hooks/post-checkout"),
    join(repository.root, ".git/config"),
    "src/.git/config",
    ".github/workflows/evil.yml",
    ".gitmodules",
    ".gitattributes",
    "CLAUDE.md",
    "src/CLAUDE.md",
    "AGENTS.md",
    "rules/evil.yaml",
    "package-lock.json",
    "package.json",
    "src/package.json",
    "src/node_modules/x/index.js",
    "src/.npmrc",
    ".npmrc",
    ".claude/settings.json",
    "src/.claude/settings.json",
    ".mcp.json",
    "whetstone.yaml",
    "ignored/x.js",
  ];
}

/** Tools that must not exist, and looks at what is not the session's. */
function others({ folder, repository }: Prepared, outside: string): readonly Said[] {
  return [
    call("Edit", { file_path: "package.json", old_string: '"true"', new_string: '"touch evil"' }),
    call("Edit", { file_path: "src/alias.js", old_string: "other", new_string: "evil" }),
    call("Bash", { command: "touch src/x" }),
    call("WebFetch", { url: "http://127.0.0.1:1/", prompt: "x" }),
    call("WebSearch", { query: "x" }),
    call("NotebookEdit", { notebook_path: "src/x.ipynb", new_source: "x" }),
    call("Agent", { description: "x", prompt: "x", subagent_type: "general-purpose" }),
    call("Read", { file_path: "/etc/passwd" }),
    call("Read", { file_path: "/proc/self/environ" }),
    call("Read", { file_path: `/proc/${process.pid}/environ` }),
    call("Read", { file_path: join(outside, ".ssh/id_ed25519") }),
    call("Read", { file_path: "src/home/.ssh/id_ed25519" }),
    call("Read", { file_path: join(repository.root, ".git/config") }),
    call("Read", { file_path: join(folder, "sessions/session-x/mcp.json") }),
    call("Grep", { pattern: "PRIVATE", path: outside, output_mode: "content" }),
    call("Grep", { pattern: "PRIVATE", path: "src/home", output_mode: "content" }),
    call("mcp__whetstone__search_traces", {}),
    call("mcp__checks__anything", {}),
  ];
}

async function home(): Promise<AsyncDisposable & { readonly path: string }> {
  const outside = await temporaryFolder();
  await mkdir(join(outside.path, ".ssh"));
  await writeFile(join(outside.path, ".ssh/id_ed25519"), "PRIVATE");
  return outside;
}

const links = (outside: string) => ({ "src/out": "../lib", "src/alias.js": "../lib/other.js", "src/home": outside });

function resultsOf({ api }: Refined) {
  const last = api.requests.at(-1);
  return last === undefined ? [] : toolResults(last);
}

(cli === undefined ? describe.skip : describe)("attacks of a session that may edit, each refused", () => {
  test.each([
    ["in namespaces of its own", true],
    ["by Claude Code's rules alone", false],
  ])("writes outside the source, forbidden tools, looks at other people's files: %s", async (_name, isConfined) => {
    await using outside = await home();
    await using prepared = await prepare({ files: FILES, links: links(outside.path) });
    const paths = writes(prepared, outside.path);
    const tries = others(prepared, outside.path);
    const said = [...paths.map((path) => call("Write", { file_path: path, content: "evil\n" })), ...tries];
    // Several calls in one answer: fewer requests, the same calls.
    const script = Array.from({ length: Math.ceil(said.length / 8) }, (_, index) =>
      said.slice(index * 8, index * 8 + 8),
    );
    const refined = await refine(prepared, cli, {
      script: [...script.map((some): ScriptedTurn => ({ say: some })), mending, answering],
      isConfined,
    });
    expect(refined.error).toBeUndefined();
    const results = resultsOf(refined);
    expect(results).toHaveLength(said.length + 1);
    const accepted = results.flatMap(({ isError }, index) => (isError ? [] : [said[index] ?? "the change"]));
    expect(accepted).toEqual(["the change"]);
    expect(JSON.stringify(results)).not.toContain("PRIVATE");
    expect(refined.record?.answer?.patch).toMatch(/^diff --git a\/src\/notes.js b\/src\/notes.js\n/);
    expect(refined.record?.answer?.patch.split("diff --git")).toHaveLength(2);
    expect(existsSync(join(outside.path, "far.js"))).toBe(false);
    expect(refined.left).toEqual({ files: [], pids: [] });
  });

  test("the same calls do all that in a session without these walls", async () => {
    await using outside = await home();
    const marker = join(outside.path, "ran");
    const files = { ...FILES, ...hostileFiles(marker, true) };
    await using prepared = await prepare({ files, links: links(outside.path) });
    const paths = writes(prepared, outside.path).filter(
      (path) => path !== ".git" && path !== ".git/hooks/post-checkout",
    );
    const said = [
      ...paths.map((path) => call("Write", { file_path: path, content: "evil\n" })),
      call("Bash", { command: "touch src/x" }),
      call("Read", { file_path: join(outside.path, ".ssh/id_ed25519") }),
    ];
    await using api = await startMessagesApi({
      key: DUMMY_KEY,
      script: [{ say: said }, { say: [{ type: "text", text: "x" }] }],
    });
    await using own = await temporaryFolder();
    const places = { path: process.env["PATH"] ?? "", home: own.path, temporary: own.path };
    const env = sessionEnvironment({ ...places, baseUrl: api.url, placeholderKey: DUMMY_KEY });
    const free = ["--permission-mode", "bypassPermissions", "--model", MODEL, "--max-turns", "5"];
    await runClaude({
      program: cli?.path ?? "",
      args: ["-p", "--output-format", "stream-json", "--verbose", ...free],
      cwd: prepared.worktree,
      env: { ...env, IS_SANDBOX: "1" },
      prompt: "x",
      timeoutMs: 100_000,
    });
    const last = api.requests.at(-1);
    const results = last === undefined ? [] : toolResults(last);
    const refused = results.flatMap(({ isError }, index) => (isError ? [JSON.stringify(said[index])] : []));
    // The program itself does not write through a link to a file.
    expect(refused).toEqual([expect.stringContaining("src/alias.js")]);
    expect(JSON.stringify(results)).toContain("PRIVATE");
    expect(existsSync(join(prepared.worktree, ".github/workflows/evil.yml"))).toBe(true);
    expect(existsSync(join(prepared.repository.root, ".git/hooks/post-checkout"))).toBe(true);
    expect(existsSync(join(outside.path, "far.js"))).toBe(true);
    expect(existsSync(join(prepared.worktree, "src/x"))).toBe(true);
    // And what the repository brings runs, and is told to the model.
    expect(existsSync(marker)).toBe(true);
    expect(JSON.stringify(api.requests[0]?.body)).toContain("HOSTILE-INSTRUCTION");
  });

  test("a hostile repository: its hooks, servers, key helper, settings, package settings and instructions do nothing", async () => {
    await using outside = await temporaryFolder();
    const marker = join(outside.path, "ran");
    const files = { ...hostileFiles(marker), "src/CLAUDE.md": "HOSTILE-INSTRUCTION" };
    await using prepared = await prepare({ files });
    const outsideScope = turn("Write", { file_path: "README.md", content: "x" });
    const script = [turn("Read", { file_path: "src/notes.js" }), outsideScope, mending, answering];
    // By the program's own rules: in namespaces the marker's folder would not even be there.
    const refined = await refine(prepared, cli, { script, isConfined: false });
    expect(refined.error).toBeUndefined();
    expect(resultsOf(refined).map(({ isError }) => isError)).toEqual([false, true, false]);
    expect(existsSync(marker)).toBe(false);
    expect(new Set(refined.api.requests.map(({ body }) => body.model))).toEqual(new Set([MODEL]));
    expect(JSON.stringify(refined.api.requests[0]?.body)).not.toContain("HOSTILE-INSTRUCTION");
  });

  test("a key in the change is refused, by kind and place and never by itself", async () => {
    const secret = `sk-ant-api03-${"aB3dE5gH7jK9".repeat(7)}-AAAAAAAA`;
    await using prepared = await prepare();
    const leaking = turn("Write", { file_path: "src/key.js", content: `export const key = "${secret}";\n` });
    const refined = await refine(prepared, cli, { script: [leaking, answering] });
    expect(refined.error).toMatchObject({
      code: "session_failed",
      data: { outcome: "change_refused", reasons: ["secret_found"] },
    });
    expect(String(refined.error)).toContain("src/key.js");
    expect(String(refined.error)).not.toContain(secret);
  });
});
