import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { buildEvidence } from "../src/analyze/evidence.ts";
import { gitText } from "../src/github/git.ts";
import { changedPaths } from "../src/github/worktree.ts";
import { windowOf } from "../src/loop/analyze.ts";
import { CommitSha } from "../src/model/json.ts";
import type { Span } from "../src/model/span.ts";
import { locateClaude } from "../src/session/claude/cli-package.ts";
import { claudeRunner } from "../src/session/claude/runner.ts";
import { assembleContext } from "../src/session/context.ts";
import { openStore } from "../src/store/open.ts";
import { newId, systemClock, systemRandom } from "../src/wire.ts";
import { type Said, type ScriptedTurn, startMessagesApi, toolResults } from "../test/support/messages-api.ts";

/**
 * `npm run demo:claude`: the real Claude Code analyses the example server, with a scripted Messages API in place of the
 * model. It reads the code and asks the telemetry server; its answer becomes a session record. No key, no account.
 */
const MODEL = "claude-sonnet-5-5";
const KEY = "sk-ant-demo";
const SEARCHES = 20;
const NOTES = 40;

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const id = (n: number, digits: number): string => n.toString(16).padStart(digits, "0");

/** Searches as the example server traces them: every note is read for every query, one after the other. */
function searches(): Span[] {
  const begin = systemClock.now() - 60_000_000_000n;
  return Array.from({ length: SEARCHES }, (_, search) => {
    const startNs = begin + BigInt(search) * 1_000_000_000n;
    const base = { traceId: id(search + 1, 32), service: "notes", status: "unset", attributes: {} } as const;
    const rest = { events: [], links: [], resource: { "service.name": "notes" }, scope: { name: "demo" } };
    const root = id((search + 1) * 1_000, 16);
    const call: Span = {
      ...base,
      ...rest,
      spanId: root,
      name: "search_notes",
      kind: "server",
      startNs,
      durationNs: 4e7,
    };
    const reads = Array.from({ length: NOTES }, (__, note): Span => {
      const spanId = id((search + 1) * 1_000 + note + 1, 16);
      const at = startNs + BigInt(note) * 1_000_000n;
      const read = { name: "notes.read_file", kind: "internal", startNs: at, durationNs: 9e5 } as const;
      return { ...base, ...rest, ...read, spanId, parentSpanId: root };
    });
    return [call, ...reads];
  }).flat();
}

const call = (name: string, input: Readonly<Record<string, unknown>>): Said => ({ type: "tool_use", name, input });
const SCRIPT: readonly ScriptedTurn[] = [
  { say: [call("mcp__whetstone__get_traces", { service_name: "notes", limit: 1 })] },
  { say: [call("mcp__whetstone__detect_performance_issues", { trace_id: id(1, 32) })] },
  { say: [call("Grep", { pattern: "notes.read_file", path: "src", output_mode: "content" })] },
  { say: [call("Read", { file_path: "src/search.ts" })] },
  {
    say: [
      call("StructuredOutput", {
        summary: "Every search reads every note from disk, one after the other.",
        findings: [
          {
            finding: "n_plus_one",
            rootCause:
              "search asks the store for each note of the folder on every query; nothing is kept between queries",
            paths: ["src/search.ts", "src/store.ts"],
            plan: ["Read the notes once when the server starts", "Answer queries from an index in memory"],
          },
        ],
      }),
    ],
  },
];

const folder = await mkdtemp(join(tmpdir(), "whetstone-demo-"));
try {
  const worktree = join(folder, "checkout");
  await cp("examples/notes-server", worktree, { recursive: true });
  const git = (...args: string[]): Promise<string> => gitText({ args, cwd: worktree });
  await git("init", "--quiet");
  await git("add", "--all");
  await git("commit", "--quiet", "-m", "The example server");
  const baseSha = CommitSha.parse(await git("rev-parse", "HEAD"));

  const spans = searches();
  const database = join(folder, "whetstone.db");
  await (async () => {
    await using store = await openStore({ url: database });
    await store.append(spans);
  })();
  const evidence = buildEvidence({ target: "notes", window: windowOf(spans), spans });
  say(`evidence: ${evidence.traces} traces, ${evidence.findings.length} findings`);

  const onFetch = ({ name, version }: { name: string; version: string }): void => {
    say(`fetching ${name}@${version} (170 MB), once`);
  };
  const cli = await locateClaude({ env: process.env, cwd: process.cwd(), onFetch });
  say(`Claude Code ${cli.version} (${cli.source})`);
  await using api = await startMessagesApi({ key: KEY, script: SCRIPT });
  const runner = claudeRunner({
    cli,
    api: { url: api.url, key: KEY },
    model: MODEL,
    limits: { maxTurns: 10, maxBudgetUsd: 1, timeoutMs: 120_000 },
    worktree,
    changedPaths,
    server: {
      name: "whetstone",
      command: [process.execPath, resolve("bin/whetstone.js"), "mcp", "--db", database],
      tools: ["get_traces", "detect_performance_issues"],
    },
    path: `${dirname(process.execPath)}:/usr/bin:/bin`,
    folder: join(folder, "sessions"),
    newId: (prefix) => newId(prefix, systemClock),
    random: systemRandom,
    clock: systemClock,
  });
  const parts = { mode: "analysis", target: "notes", evidence, rules: [], outcomes: [] } as const;
  const { text: context } = assembleContext({ ...parts, source: ["src/**"] });
  const record = await runner.run({ mode: "analysis", target: "notes", baseSha, evidence, rules: [], context });
  const last = api.requests.at(-1);
  for (const { name, text, isError } of last === undefined ? [] : toolResults(last)) {
    say(`${isError ? "refused" : "called"} ${name}: ${text.length} characters`);
  }
  process.stdout.write(`${JSON.stringify(record, undefined, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
