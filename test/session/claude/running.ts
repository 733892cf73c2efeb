import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { changedPaths } from "../../../src/github/worktree.ts";
import { CommitSha } from "../../../src/model/json.ts";
import type { SessionMode, SessionRecord } from "../../../src/model/proposal.ts";
import { manualClock } from "../../../src/model/time.ts";
import type { ClaudeCli } from "../../../src/session/claude/cli-package.ts";
import { claudeRunner, type ClaudeRunnerOptions } from "../../../src/session/claude/runner.ts";
import { openStore } from "../../../src/store/open.ts";
import { span, spanId, traceId } from "../../store/spans.ts";
import { stayingIn, telemetryServer } from "../../support/claude.ts";
import { temporaryFolder, temporaryRepository } from "../../support/git-repository.ts";
import { type MessagesApi, type ScriptedTurn, startMessagesApi } from "../../support/messages-api.ts";
import { evidence } from "../../propose/parts.ts";
import { PROGRAMS, seenBySession } from "./box.ts";

/** The key that only the API and the runner's process may see. */
export const REAL_KEY = "sk-ant-real-1111";
export const MODEL = "claude-sonnet-5-5";

/** An answer in the form that is asked for. */
export const ANSWER = {
  summary: "The list is read once per note.",
  findings: [{ finding: "n_plus_one", rootCause: "a query in a loop", paths: ["src/notes.js"], plan: ["read once"] }],
};

/** What a session left behind, whether it gave a record or an error. */
export type Ran = {
  readonly record: SessionRecord | undefined;
  readonly error: unknown;
  readonly api: Pick<MessagesApi, "requests" | "faults" | "left">;
  /** Entries of the session folder, files that differ, and processes in the checkout. */
  readonly leftovers: {
    readonly files: readonly string[];
    readonly changed: readonly string[];
    readonly pids: number[];
  };
};

/** What a test changes. */
export type RunSettings = {
  readonly cli: ClaudeCli | undefined;
  readonly script: readonly ScriptedTurn[];
  readonly mode?: SessionMode;
  readonly files?: Readonly<Record<string, string>>;
  readonly options?: Partial<ClaudeRunnerOptions>;
};

/** One session of the real program in a small repository, over a store with one trace. */
export async function run({ cli, script, mode = "analysis", files, options }: RunSettings): Promise<Ran> {
  await using api = await startMessagesApi({ key: REAL_KEY, script });
  await using repository = await temporaryRepository();
  await using folder = await temporaryFolder();
  const sha = await repository.commit({ "src/notes.js": "export const notes = 1;\n", ...files });
  const database = join(folder.path, "whetstone.db");
  // Open while the session runs, as a run of the loop has it: a confined server cannot make the store's companions.
  await using store = await openStore({ url: database });
  await store.append([span({ traceId: traceId(1), spanId: spanId(1) })]);
  const sessions = join(folder.path, "sessions");
  const runner = claudeRunner({
    cli: cli ?? { path: "", version: "", source: "pinned" },
    api: { url: api.url, key: REAL_KEY },
    model: MODEL,
    limits: { maxTurns: 6, maxBudgetUsd: 1, timeoutMs: 60_000 },
    worktree: repository.root,
    changedPaths,
    server: telemetryServer(database, ["get_trace_by_id"]),
    confinement: seenBySession(database, repository.root),
    path: PROGRAMS,
    folder: sessions,
    newId: (prefix) => `${prefix}-1`,
    random: (bytes) => new Uint8Array(bytes).fill(7),
    clock: manualClock(),
    ...options,
  });
  const context = "# Task\nFind the cause.\n";
  const baseSha = CommitSha.parse(sha);
  const asked = { mode, target: "notes", baseSha, evidence, rules: [], context };
  const settled = await runner.run(asked).then(
    (record) => ({ record, error: undefined }),
    (error: unknown) => ({ record: undefined, error }),
  );
  const pids = await stayingIn(repository.root);
  const left = await readdir(sessions).catch(() => []);
  return { ...settled, api, leftovers: { files: left, changed: await changedPaths(repository.root), pids } };
}
