import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SessionRecord } from "../../src/model/proposal.ts";

/** The smallest MCP server that starts in milliseconds: `work` computes, `fail` always errs, `stamp` tells the time. */
const SERVER = `import { createInterface } from "node:readline";
import { work } from "./src/work.mjs";

const tools = ["work", "fail", "stamp"].map((name) => ({ name, inputSchema: { type: "object" } }));

function call({ name, arguments: args }) {
  if (name === "fail") return { content: [{ type: "text", text: "it failed" }], isError: true };
  const value = name === "stamp" ? { at: process.hrtime.bigint().toString() } : { sum: work(args.n ?? 1) };
  return { content: [{ type: "text", text: JSON.stringify(value) }] };
}

const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "sample", version: "1" } }),
  "tools/list": () => ({ tools }),
  "tools/call": call,
  ping: () => ({}),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result: answers[method](params ?? {}) }) + "\\n");
});
`;

/** Wasteful on purpose: the good patch takes the repetition out. */
const WORK = `const REPEAT = 400;

export function work(n) {
  let sum = 0;
  for (let round = 0; round < REPEAT; round += 1) {
    sum = 0;
    for (let i = 0; i < 20000; i += 1) sum += (i * n) % 7;
  }
  return sum;
}
`;

const CONFIG = `version: 1
targets:
  sample:
    command: node server.mjs
    source: ["src/**"]
    workload: workload.json
    checks:
      - name: syntax
        run: node --check src/work.mjs
    canary:
      margin: 3
      slowdown: 1
      concurrency: 2
      minimumSessions: 3
      maxSessions: 200
`;

const calls = [
  ...[1, 2, 3, 4, 5, 6].map((n) => ({ tool: "work", arguments: { n } })),
  ...Array.from({ length: 6 }, () => ({ tool: "fail", arguments: {} })),
  { tool: "stamp", arguments: {} },
];

const WORKLOAD = {
  schema: "whetstone.workload/1",
  description: "Two short sessions.",
  sessions: [
    { id: "one", calls },
    { id: "two", calls },
  ],
};

/** A repository in a temporary folder; removed with {@link SampleProject.remove}. */
export type SampleProject = {
  readonly root: string;
  readonly git: (...args: string[]) => string;
  readonly write: (path: string, text: string) => Promise<void>;
  readonly commit: (message: string) => void;
  /** Writes a session file outside the repository whose patch turns `src/work.mjs` into the given text. */
  readonly session: (work: string | null, extra?: Partial<SessionRecord>) => Promise<string>;
  readonly remove: () => Promise<void>;
};

/** The text of the good change. */
export const BETTER_WORK = WORK.replace("const REPEAT = 400;", "const REPEAT = 1;");

/** Makes the repository with one commit. */
export async function sampleProject(): Promise<SampleProject> {
  const folder = await mkdtemp(join(tmpdir(), "whetstone-sample-"));
  const root = join(folder, "repo");
  await mkdir(root);
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.invalid", ...args], {
      cwd: root,
      encoding: "utf8",
    }).trim();
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const commit = (message: string): void => {
    git("add", "-A");
    git("commit", "-q", "-m", message);
  };
  git("init", "-q", "-b", "main");
  await write("server.mjs", SERVER);
  await write("src/work.mjs", WORK);
  await write("workload.json", JSON.stringify(WORKLOAD));
  await write("whetstone.yaml", CONFIG);
  await write(".gitignore", ".whetstone/\n");
  commit("start");
  return {
    root,
    git,
    write,
    commit,
    session: async (work, extra = {}) => {
      const file = join(folder, "session.json");
      await writeFile(
        file,
        JSON.stringify({ ...recordOf(work === null ? "" : await patchOf(root, work, git)), ...extra }),
      );
      return file;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function patchOf(root: string, work: string, git: SampleProject["git"]): Promise<string> {
  const file = join(root, "src/work.mjs");
  const before = await readFile(file, "utf8");
  await writeFile(file, work);
  const patch = git("diff", "--no-color");
  await writeFile(file, before);
  return `${patch}\n`;
}

function recordOf(patch: string): SessionRecord {
  return {
    schema: "whetstone.session/1",
    id: "s-sample",
    mode: "refinement",
    target: "sample",
    model: "written for a test",
    recordedAt: "2026-11-20T10:00:00.000Z",
    arms: [],
    usage: { inputTokens: 0, outputTokens: 0, turns: 0, costUsd: 0 },
    summary: "",
    partial: false,
    answer: {
      title: "Compute once",
      patch,
      hypothesis: { metric: "p50_ms", operation: "work", direction: "decrease", expectedChange: -0.9 },
      rationale: "The sum was computed again and again.",
      findings: ["slow_operation"],
    },
  };
}
