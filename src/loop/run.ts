import { join } from "node:path";
import { playSession } from "../capture/play.ts";
import { splitCommand } from "../config/parse.ts";
import { Workload, type Arm, type CallResult } from "../model/call.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { CommitSha } from "../model/json.ts";
import type { Actor, LedgerEntry } from "../model/ledger.ts";
import type { Span } from "../model/span.ts";
import type { DossierFiles, Progress } from "../model/stage.ts";
import { digestOf } from "../protect/digest.ts";
import { readJson } from "../protect/files.ts";
import { openLease, type Lease } from "../protect/lease.ts";
import type { Store } from "../store/store.ts";
import { newId, systemRandom, type Workspace } from "../wire.ts";

/** Everything that one run of the loop owns; disposing it releases all of it, in reverse order. */
export type LoopRun = AsyncDisposable & {
  readonly id: string;
  /** Id of the dossier that the run writes. */
  readonly dossierId: string;
  readonly workspace: Workspace;
  readonly store: Store;
  readonly workload: Workload;
  readonly files: DossierFiles;
  readonly actor: Actor;
  readonly lease: Lease;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
  /** A fresh worktree of a commit; it goes with the run. */
  readonly worktree: (name: string, sha: CommitSha) => Promise<string>;
  readonly play: (options: PlayRequest) => Promise<CallResult[]>;
  /** Does this when the run is disposed, before what was acquired earlier is released. */
  readonly defer: (release: () => Promise<void>) => void;
};

/** One client session on one version. */
export type PlayRequest = {
  readonly session: Workload["sessions"][number];
  readonly arm: Arm;
  /** Root of the version's worktree. */
  readonly cwd: string;
  readonly concurrency: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Gets the session's spans besides the store. */
  readonly collect?: (spans: readonly Span[]) => void;
};

/** What a run is started with. */
export type RunOptions = {
  readonly workspace: Workspace;
  readonly store: Store;
  readonly actor: Actor;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** The run that this process goes on with, with the files of its dossier so far; a new one when absent. */
  readonly earlier?: { readonly id: string; readonly files: DossierFiles };
};

/** Largest workload file. */
const LARGEST_WORKLOAD_BYTES = 32 * 1024 * 1024;

/**
 * Starts a run: reads the workload and takes the lease that lets a later run sweep what a killed one left.
 * @throws WhetstoneError `workload_invalid`, `write_failed`.
 */
export async function openRun(options: RunOptions): Promise<LoopRun> {
  const { workspace } = options;
  const { clock, root, folder, target, worktrees } = workspace;
  const id = options.earlier?.id ?? newId("r", clock);
  const workload = await readWorkload(join(root, target.workload));
  const lease = await openLease({ folder: join(folder, "leases"), id });
  const owned = new AsyncDisposableStack();
  return {
    ...options,
    signal: options.signal,
    id,
    dossierId: dossierIdOf(id),
    workload,
    files: new Map(options.earlier?.files),
    lease,
    worktree: async (name, sha) => {
      const path = join(folder, "worktrees", `${id}-${name}`);
      await lease.addWorktree(path);
      owned.defer(() => worktrees.remove({ root, path }));
      await worktrees.add({ root, path, sha });
      return path;
    },
    play: (request) => play({ ...options, lease }, id, request),
    defer: (release) => owned.defer(release),
    [Symbol.asyncDispose]: async () => {
      await owned.disposeAsync();
      // Not when something could not be released: a later run then sweeps what the lease names.
      await lease.release();
    },
  };
}

/** Folder for the own files of a run's session; it goes with the run, and a later run removes a killed one's. */
export function runningFolder({ workspace, id }: Pick<LoopRun, "workspace" | "id">): string {
  return join(workspace.folder, "sessions", "running", id);
}

/** Id of the dossier that a run writes. */
export function dossierIdOf(run: string): string {
  return run.replace(/^r-/, "d-");
}

/** Reads recorded tool calls. @throws WhetstoneError `workload_invalid` */
export function readWorkload(path: string): Promise<Workload> {
  return readJson({ path, schema: Workload, limitBytes: LARGEST_WORKLOAD_BYTES, code: "workload_invalid" });
}

type Parts = RunOptions & { readonly lease: Lease };

function play({ workspace, store, signal, lease }: Parts, run: string, request: PlayRequest): Promise<CallResult[]> {
  const { target, targetName, childEnv, clock } = workspace;
  return playSession({
    server: {
      command: splitCommand(target.command),
      cwd: request.cwd,
      env: { ...childEnv, ...target.env, ...request.env },
    },
    session: request.session,
    service: targetName,
    arm: request.arm,
    run,
    concurrency: request.concurrency,
    clock,
    random: systemRandom,
    timeoutMs: target.startTimeoutSeconds * 1000,
    onSpans: async (spans) => {
      request.collect?.(spans);
      await store.append(spans);
    },
    // A server that outlives a killed run is ended by the next one.
    onStarted: async (pid) => {
      await lease.addProcess(pid);
      return () => lease.forgetProcess(pid);
    },
    ...(signal ? { signal } : {}),
  });
}

/** What happened, for {@link ledgerEntry}. */
export type Act = {
  readonly operation: string;
  readonly decision: LedgerEntry["decision"];
  readonly reasonCode: ReasonCode;
  readonly result: string;
  /** Digested, not kept. */
  readonly parameters: unknown;
  readonly rollback?: string;
};

/** A ledger entry of a run. */
export function ledgerEntry(run: Pick<LoopRun, "id" | "actor" | "workspace">, act: Act): LedgerEntry {
  const { parameters, ...facts } = act;
  return {
    ...facts,
    actor: run.actor,
    target: run.workspace.targetName,
    run: run.id,
    parametersDigest: digestOf(parameters),
  };
}
