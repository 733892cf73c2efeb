import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { renderTable } from "../src/cli/table.ts";
import { gitText } from "../src/github/git.ts";
import { addWorktree, removeWorktree } from "../src/github/worktree.ts";
import { CommitSha } from "../src/model/json.ts";
import { locateClaude } from "../src/session/claude/cli-package.ts";
import { runClaude } from "../src/session/claude/process.ts";
import { ANALYSIS_TOOLS, mcpConfig, sessionArguments, sessionEnvironment } from "../src/session/claude/recipe.ts";
import { temporaryRepository } from "../test/support/git-repository.ts";
import { startMessagesApi, type Turn } from "../test/support/messages-api.ts";
import { sampleProject } from "../test/support/sample-project.ts";

/**
 * What a session costs beside the model: time from the beginning of its stage until the first request, beside the bare
 * program; peak memory of our process at that moment; and our worktrees beside git's own.
 */
const RUNS = 5;
const KEY = "sk-ant-bench";
const ANSWER: Turn = {
  say: [{ type: "tool_use", name: "StructuredOutput", input: { summary: "Nothing.", findings: [] } }],
};
const cli = await locateClaude({ env: process.env, cwd: process.cwd() });

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Peak resident memory of a running process, MB (Linux). */
async function peakMb(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** ms until the first request of `whetstone session start`, from the end of its evidence stage; and its memory then. */
async function ours(root: string): Promise<{ readonly ms: number; readonly mb: number }> {
  const asked = Promise.withResolvers<number>();
  const turn = (): Turn => {
    asked.resolve(performance.now());
    return ANSWER;
  };
  await using api = await startMessagesApi({ key: KEY, script: [turn] });
  const env = { ...process.env, ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: api.url, WHETSTONE_CLAUDE: cli.path };
  const args = [resolve("bin/whetstone.js"), "session", "start", "--target", "sample", "--json"];
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "ignore", "pipe"] });
  let begun = Number.NaN;
  let said = "";
  createInterface({ input: child.stderr }).on("line", (line) => {
    said += `${line}\n`;
    if (line.includes("evidence")) begun = performance.now();
  });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const first = await Promise.race([asked.promise, ended.then(() => Number.NaN)]);
  if (Number.isNaN(first)) throw new Error(`The session ended without a request:\n${said}`);
  const mb = await peakMb(child.pid);
  if ((await ended) !== 0) throw new Error(said);
  return { ms: first - begun, mb };
}

/** The same of the bare program with the same tools, without any server. */
async function bare(folder: string): Promise<number> {
  const own = await mkdtemp(join(folder, "bare-"));
  const [home, temporary, mcpConfigFile] = [join(own, "home"), join(own, "tmp"), join(own, "mcp.json")];
  await mkdir(home);
  await mkdir(temporary);
  await writeFile(mcpConfigFile, mcpConfig());
  let first = Number.NaN;
  const turn = (): Turn => {
    first = performance.now();
    return { say: [{ type: "text", text: "Done." }] };
  };
  await using api = await startMessagesApi({ key: KEY, script: [turn] });
  const path = `${dirname(process.execPath)}:/usr/bin:/bin`;
  const limits = { model: "claude-sonnet-5-5", maxTurns: 3, maxBudgetUsd: 1 };
  const rules = { tools: ANALYSIS_TOOLS, allowed: [], denied: ["Edit", "Write"], servers: [] };
  const begun = performance.now();
  await runClaude({
    program: cli.path,
    args: sessionArguments({ ...limits, ...rules, mcpConfigFile }),
    cwd: own,
    env: sessionEnvironment({ path, home, temporary, baseUrl: api.url, placeholderKey: KEY }),
    prompt: "Say done.",
    timeoutMs: 60_000,
  });
  return first - begun;
}

/** Median ms of our worktree and of git's own, of a commit with so many files. */
async function worktrees(files: number, folder: string): Promise<readonly [number, number]> {
  await using repository = await temporaryRepository();
  const { root, commit } = repository;
  const names = Array.from({ length: files }, (_, n) => [`d${n % 100}/f${n}.txt`, `file ${n}\n`.repeat(50)]);
  const sha = CommitSha.parse(await commit(Object.fromEntries(names) as Record<string, string>));
  const timed = async (add: (path: string) => Promise<unknown>, name: string): Promise<number> => {
    const path = join(folder, name);
    const begun = performance.now();
    await add(path);
    const ms = performance.now() - begun;
    await removeWorktree({ root, path });
    return ms;
  };
  const [own, git]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run += 1) {
    own.push(await timed((path) => addWorktree({ root, path, sha }), `own-${files}-${run}`));
    const args = (path: string) => ["worktree", "add", "--detach", "--quiet", path, sha];
    git.push(await timed((path) => gitText({ args: args(path), cwd: root }), `git-${files}-${run}`));
  }
  return [median(own), median(git)];
}

const folder = await mkdtemp(join(tmpdir(), "whetstone-bench-"));
const project = await sampleProject();
try {
  const sessions: { readonly ms: number; readonly mb: number }[] = [];
  const programs: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    programs.push(await bare(folder));
    sessions.push(await ours(project.root));
  }
  const [whole, program] = [median(sessions.map(({ ms }) => ms)), median(programs)];
  const rows = [
    ["bare Claude Code, first request", `${program.toFixed(0)} ms`, ""],
    ["session stage, first request", `${whole.toFixed(0)} ms`, ""],
    ["of it ours: worktree, gateway, telemetry, server", `${(whole - program).toFixed(0)} ms`, "1500 ms"],
    ["peak memory of our process", `${median(sessions.map(({ mb }) => mb)).toFixed(0)} MB`, "150 MB"],
  ];
  for (const files of [100, 2_000]) {
    const [own, git] = await worktrees(files, folder);
    rows.push([`worktree of ${files} files`, `${own.toFixed(0)} ms`, `${(own / git).toFixed(2)} × git's own`]);
  }
  process.stdout.write(renderTable(["what", "median", "goal or ratio"], rows));
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  await project.remove();
}
