import { mkdir, readdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { patchOfFiles, watchRepository } from "../../../src/github/session-tree.ts";
import { openWallGit } from "../../../src/github/wall-git.ts";
import { addWorktree, changedPaths } from "../../../src/github/worktree.ts";
import type { Actor } from "../../../src/model/ledger.ts";
import { manualClock } from "../../../src/model/time.ts";
import type { SessionRecord } from "../../../src/model/proposal.ts";
import { baseSubject } from "../../../src/protect/authorization/subject.ts";
import { openGuard } from "../../../src/protect/guard.ts";
import type { KillSwitch } from "../../../src/protect/kill-switch.ts";
import type { ClaudeCli } from "../../../src/session/claude/cli-package.ts";
import type { RefinementParts } from "../../../src/session/claude/refinement.ts";
import { claudeRunner, type ClaudeRunnerOptions } from "../../../src/session/claude/runner.ts";
import type { SessionRequest } from "../../../src/session/port.ts";
import { openStore } from "../../../src/store/open.ts";
import { BOT, granted, openDesk, type TestDesk } from "../../protect/authorization/desk.ts";
import { evidence } from "../../propose/parts.ts";
import { span, spanId, traceId } from "../../store/spans.ts";
import { stayingIn, telemetryServer } from "../../support/claude.ts";
import { temporaryFolder, temporaryRepository, type TestRepository } from "../../support/git-repository.ts";
import { type MessagesApi, type ScriptedTurn, startMessagesApi } from "../../support/messages-api.ts";
import { PROGRAMS, seenBySession } from "./box.ts";
import { MODEL, REAL_KEY } from "./running.ts";

/** What an answer says of a change. */
export const PROPOSAL = {
  title: "Read the list once",
  hypothesis: { metric: "p50_ms", operation: "search", direction: "decrease", expectedChange: -0.5 },
  rationale: "It was read once per note.",
  findings: ["n_plus_one"],
} as const;

/** A refinement that is about to run: its repository with a worktree, and what permits it. */
export type Prepared = AsyncDisposable & {
  readonly repository: TestRepository;
  readonly worktree: string;
  readonly folder: string;
  readonly desk: TestDesk;
  readonly request: SessionRequest;
  readonly parts: RefinementParts;
};

/** What a test changes. */
export type Refining = {
  readonly files?: Readonly<Record<string, string>>;
  /** Symbolic links that are committed: path to what it leads to. */
  readonly links?: Readonly<Record<string, string>>;
  readonly source?: readonly string[];
  readonly checks?: RefinementParts["checks"];
  /** Changes the repository and its worktree before the session. */
  readonly before?: (prepared: { readonly worktree: string; readonly repository: TestRepository }) => Promise<void>;
  /** Whose token is shown; a granted one for this target and commit when absent, none when null. */
  readonly token?: (desk: TestDesk, sha: string) => Promise<string>;
  readonly actor?: Actor;
};

/** A repository with sources, a worktree of its commit, and an authorization for it. */
export async function prepare(refining: Refining = {}): Promise<Prepared> {
  const owned = new AsyncDisposableStack();
  const repository = owned.use(await temporaryRepository());
  const folder = owned.use(await temporaryFolder()).path;
  for (const [path, to] of Object.entries(refining.links ?? {})) {
    await mkdir(dirname(join(repository.root, path)), { recursive: true });
    await symlink(to, join(repository.root, path));
  }
  const sha = await repository.commit({ "src/notes.js": "export const notes = 1;\n", ...refining.files });
  const worktree = join(folder, "worktree");
  await addWorktree({ root: repository.root, path: worktree, sha });
  await refining.before?.({ worktree, repository });
  const desk = openDesk();
  const subject = baseSubject("notes", sha);
  const ask = refining.token ?? ((own) => granted(own, { operation: "session.refine", target: "notes", subject }));
  const token = await ask(desk, sha);
  const guard = openGuard({ desk, killSwitch: { assertRunning: () => Promise.resolve() } as KillSwitch });
  const request = {
    mode: "refinement",
    target: "notes",
    baseSha: sha,
    evidence,
    rules: [],
    context: "# Task\n",
  } as const;
  const parts: RefinementParts = {
    authorize: ({ target, baseSha }) =>
      guard.permit("session.refine", {
        actor: refining.actor ?? BOT,
        target,
        run: "r-1",
        subject: baseSubject(target, baseSha),
        token,
      }),
    rules: { source: refining.source ?? ["src/**"] },
    git: { watch: watchRepository, patch: patchOfFiles },
    openWall: () => openWallGit(repository.root),
    checks: refining.checks ?? [],
    env: { PATH: PROGRAMS },
  };
  const dispose = () => owned.disposeAsync();
  return { repository, worktree, folder, desk, request, parts, [Symbol.asyncDispose]: dispose };
}

/** What became of a refinement. */
export type Refined = {
  readonly record: SessionRecord | undefined;
  readonly error: unknown;
  readonly api: Pick<MessagesApi, "requests" | "faults" | "left">;
  /** Entries that the session left in its folder, and processes in the worktree. */
  readonly left: { readonly files: readonly string[]; readonly pids: readonly number[] };
};

/** Runs a prepared refinement on the real program against a script. */
export async function refine(
  prepared: Prepared,
  cli: ClaudeCli | undefined,
  play: {
    readonly script: readonly ScriptedTurn[];
    readonly options?: Partial<ClaudeRunnerOptions>;
    /** Whether it is confined where the machine can; true when absent. */ readonly isConfined?: boolean;
  },
): Promise<Refined> {
  await using api = await startMessagesApi({ key: REAL_KEY, script: play.script });
  const database = join(prepared.folder, "db", "whetstone.db");
  // Open while the session runs, as a run of the loop has it: a confined server cannot make the store's companions.
  await using store = await openStore({ url: database });
  await store.append([span({ traceId: traceId(1), spanId: spanId(1) })]);
  const sessions = join(prepared.folder, "sessions");
  const runner = claudeRunner({
    cli: cli ?? { path: "/nowhere", version: "", source: "pinned" },
    api: { url: api.url, key: REAL_KEY },
    model: MODEL,
    limits: { maxTurns: 40, maxBudgetUsd: 1, timeoutMs: 110_000 },
    worktree: prepared.worktree,
    changedPaths,
    server: telemetryServer(database, ["get_trace_by_id"]),
    refinement: prepared.parts,
    ...(play.isConfined !== false && { confinement: seenBySession(database, prepared.worktree) }),
    path: PROGRAMS,
    folder: sessions,
    newId: (prefix) => `${prefix}-1`,
    random: (bytes) => new Uint8Array(bytes).fill(7),
    clock: manualClock(),
    ...play.options,
  });
  const settled = await runner.run(prepared.request).then(
    (record) => ({ record, error: undefined }),
    (error: unknown) => ({ record: undefined, error }),
  );
  const left = { files: await readdir(sessions).catch(() => []), pids: await stayingIn(prepared.worktree) };
  return { ...settled, api, left };
}
