import { join } from "node:path";
import type { Env } from "../config/env.ts";
import { type Flow, openFlow, type Observer } from "../flow.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { StageResult } from "../model/dossier.ts";
import type { Evidence } from "../model/finding.ts";
import type { CommitSha } from "../model/json.ts";
import type { Actor } from "../model/ledger.ts";
import type { Proposal, SessionMode, SessionRecord } from "../model/proposal.ts";
import type { Stage } from "../model/stage.ts";
import { recordingDenials } from "../protect/authorization/denial.ts";
import { writeFileWhole } from "../protect/files.ts";
import { appendLedger } from "../protect/ledger.ts";
import { recordSession } from "../protect/session-records.ts";
import type { SessionRunner } from "../session/port.ts";
import { readSession, replayRunner } from "../session/replay.ts";
import { openSpanStore, openWorkspace, type Places, spanStoreUrl, type Workspace } from "../wire.ts";
import { refuseSession } from "./admission.ts";
import { baseWorktree } from "./base.ts";
import type { LiveSession } from "./claude.ts";
import type { Watcher } from "./execute.ts";
import { gate } from "./gate.ts";
import { interruptible } from "./interrupt.ts";
import { type Act, ledgerEntry, type LoopRun, openRun } from "./run.ts";
import { session } from "./session.ts";
import { paidFor } from "./session-budget.ts";
import { type EvidenceWindow, sessionEvidence } from "./session-evidence.ts";
import { sweep } from "./sweep.ts";

/** One session as a person asks for it. Nothing else starts one by itself. */
export type SessionOrder = {
  readonly places: Places;
  readonly env: Env;
  readonly actor: Actor;
  readonly target: string | undefined;
  readonly mode: SessionMode;
  readonly question?: string | undefined;
  /** Id of the cut-off session that this one goes on with. */
  readonly continues?: string | undefined;
  /** Telemetry of the store instead of the workload, played on the base commit. */
  readonly window?: EvidenceWindow | undefined;
  /** Who answers: a recording (absolute path), or the real Claude Code. */
  readonly source: { readonly recording: string } | { readonly live: LiveSession };
  /** Assemble what the session would be told, ask nobody, record nothing. */
  readonly dryRun: boolean;
};

/** How a session by hand ended. */
export type SessionEnd = {
  readonly verdict: Stage<unknown>["verdict"];
  readonly reasons: readonly [ReasonCode, ...ReasonCode[]];
  readonly stages: readonly StageResult[];
  readonly evidence?: Evidence;
  readonly record?: SessionRecord;
  readonly proposal?: Proposal;
  /** Folder with what the session was told, its record and its change. */
  readonly folder?: string;
};

/**
 * Runs one session over the same rooms as the loop: gate, evidence, session, record. Everything that it holds is released,
 * also on Ctrl-C and SIGTERM.
 * @throws WhetstoneError of the parts; `usage` and `session_invalid` before anything was started
 */
export async function executeSession(order: SessionOrder, watcher: Watcher): Promise<SessionEnd> {
  const { places, env, actor, source } = order;
  if ("recording" in source) await readSession(source.recording);
  const workspace = await openWorkspace({ ...places, actor }, env, order.target);
  const runnerOf = order.dryRun ? () => nobody : await chooseRunner(order, workspace, watcher);
  for (const line of await sweep(workspace, actor)) watcher.note(line);
  await using store = await openSpanStore(places, env, workspace.config);
  return await interruptible(async (signal) => {
    await using run = await openRun({ workspace, store, actor, progress: watcher.progress, signal });
    return await follow({ run, order, runner: runnerOf(run), observer: watcher.observer });
  });
}

async function chooseRunner(
  { source, places, env }: SessionOrder,
  { config }: Workspace,
  { note }: Watcher,
): Promise<(run: LoopRun) => SessionRunner> {
  if ("recording" in source) return () => replayRunner(source.recording);
  // The program is large and its parts are many: what replays a recording does without them.
  const { claudeSessions, openClaude } = await import("./claude.ts");
  const storeUrl = spanStoreUrl(places, env, config);
  const claude = await openClaude(source.live, { cwd: places.cwd, storeUrl, note });
  return (run) => claudeSessions(run, claude);
}

/** Stands in where nobody is to be asked; what it answers is thrown away. */
const nobody: SessionRunner = {
  kind: "memory",
  run: ({ mode, target }) => Promise.resolve({ ...NO_ANSWER, arms: [], mode, target }),
};
const NO_ANSWER = {
  schema: "whetstone.session/2",
  id: "none",
  model: "none",
  recordedAt: "1970-01-01T00:00:00.000Z",
  usage: { inputTokens: 0, outputTokens: 0, turns: 0, costUsd: 0 },
  summary: "",
  partial: true,
} as const;

type Following = {
  readonly run: LoopRun;
  readonly order: SessionOrder;
  readonly runner: SessionRunner;
  readonly observer: Observer;
};

async function follow(parts: Following): Promise<SessionEnd> {
  const { run, order, observer } = parts;
  const flow = openFlow({ mayGoOn: mayGoOn(parts) }, { observer, clock: run.workspace.clock });
  const book: Book = { left: undefined };
  run.defer(async () => {
    if (!order.dryRun && book.left !== undefined) await endInLedger(run, book.left);
  });
  const end = await throughStages(parts, { flow, book });
  return { ...end, stages: flow.results };
}

/** What the ledger is told of the session's end when nothing else told it: a session has one end on record, not two. */
type Book = { left: Pick<Act, "reasonCode" | "result" | "parameters"> | undefined };
type Step = { readonly flow: Flow; readonly book: Book };
type End = Omit<SessionEnd, "stages">;

async function throughStages(parts: Following, { flow, book }: Step): Promise<End> {
  const { run, order, runner } = parts;
  const notStarted = ({ verdict, reasons }: Stage<unknown>): End => {
    book.left = { reasonCode: reasons[0], result: "not started", parameters: {} };
    return { verdict, reasons };
  };
  const gated = await flow.run("gate", async () => {
    const passed = await gate(run, { record: !order.dryRun, operation: "session.start" });
    // Its start is on record from here on, so its end must be.
    book.left = UNFINISHED;
    return await paidFor(passed, order.dryRun ? {} : runner);
  });
  if (gated.verdict !== "pass") return notStarted(gated);
  const { baseSha: sha } = gated.value;
  const seen = await flow.run("evidence", async () => {
    const worktree = await baseWorktree(run, sha);
    const { value, ...stage } = await sessionEvidence(run, { window: order.window, base: worktree });
    return { ...stage, value: { evidence: value, base: { sha, worktree } } };
  });
  if (seen.value === undefined) return notStarted(seen);
  const { evidence, base } = seen.value;
  // A person who asks something may be answered from the code alone; so may one who goes on.
  const isAsked = order.question !== undefined || order.continues !== undefined;
  if (seen.verdict !== "pass" && !isAsked) return { ...notStarted(seen), evidence };
  // An analysis changes nothing, so nothing speaks against looking.
  const refused = order.mode === "refinement" && (await refuseSession(run, { runner, base, evidence }));
  if (refused) return { ...notStarted(await flow.run("session", async () => refused)), evidence };
  return { ...(await ask(parts, { base, evidence, flow, book })), evidence };
}

/** Asks the kill switch; that a session was refused its start is on record. */
function mayGoOn({ run, order }: Following): () => Promise<void> {
  const { killSwitch, state, clock, targetName } = run.workspace;
  let isBegun = false;
  return async () => {
    if (isBegun || order.dryRun) return await killSwitch.assertRunning();
    isBegun = true;
    const attempt = { actor: run.actor, operation: "session.start", target: targetName, run: run.id, parameters: {} };
    await recordingDenials({ state, clock }, attempt, killSwitch.assertRunning);
  };
}

const UNFINISHED = { reasonCode: "run_failed", result: "no record", parameters: {} } as const;

type Asking = Step & {
  readonly base: { readonly sha: CommitSha; readonly worktree: string };
  readonly evidence: Evidence;
};

async function ask({ run, order, runner }: Following, asking: Asking): Promise<End> {
  const { base, evidence, flow, book } = asking;
  const { mode, question, continues } = order;
  const input = { runner, base, evidence, mode, question, continues };
  if (order.dryRun) {
    const { reasons, verdict } = await flow.run("session", async () => dry(run, await session(run, input)));
    return { verdict, reasons, folder: await keepFiles(run, run.id) };
  }
  const { verdict, reasons, value } = await flow.run("session", () => session(run, input));
  if (value === undefined) {
    book.left = { reasonCode: reasons[0], result: "not started", parameters: {} };
    return { verdict, reasons };
  }
  const { record, proposal } = value;
  // What was answered was paid for: it is kept whatever the kill switch says by now.
  await flow.timed("record", () => recorder(run, { record, baseSha: base.sha, reason: reasons[0] }));
  book.left = undefined;
  const folder = await keepFiles(run, record.id);
  return { verdict, reasons, record, folder, ...(proposal && { proposal }) };
}

/** What would have been asked is in the files of the run; what stood in for an answer is not. */
function dry({ files }: LoopRun, _stage: Stage<unknown>): Stage<undefined> {
  const told = files.get("session/context.md") ?? "";
  files.delete("session/record.json");
  const summary = `${Buffer.byteLength(told)} bytes of context; nobody was asked`;
  return { verdict: "pass", reasons: ["dry_run"], summary, value: undefined };
}

type Ended = { readonly record: SessionRecord; readonly baseSha: CommitSha; readonly reason: ReasonCode };

async function recorder(run: LoopRun, { record, baseSha, reason }: Ended): Promise<Stage<undefined>> {
  const { state, clock } = run.workspace;
  const { id, usage, partial } = record;
  const entry = ledgerEntry(run, {
    ...ENDED,
    reasonCode: reason,
    result: partial ? "partial" : "answered",
    parameters: { session: id, base: baseSha, costUsd: usage.costUsd },
  });
  await recordSession(state, { record, entries: [entry] }, clock);
  return { verdict: "pass", reasons: ["recorded"], summary: `${id} is on record`, value: undefined };
}

const ENDED = { operation: "session.end", decision: "none" } as const;

async function endInLedger(run: LoopRun, act: Pick<Act, "reasonCode" | "result" | "parameters">): Promise<void> {
  const { state, clock } = run.workspace;
  await appendLedger(state, [ledgerEntry(run, { ...ENDED, ...act })], { clock });
}

/** Writes what the session saw and gave below `.whetstone/sessions`. */
async function keepFiles({ workspace, files }: LoopRun, id: string): Promise<string> {
  const folder = join(workspace.folder, "sessions", id);
  for (const [path, content] of files) await writeFileWhole(join(folder, path), content);
  return folder;
}
