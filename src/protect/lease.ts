import { readFile, readdir, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { CommitSha } from "../model/json.ts";
import { readJson, writeFileWhole } from "./files.ts";

const OwnedProcess = z.strictObject({ pid: z.int().positive(), start: z.string().nullable() });
const OwnedBranch = z.strictObject({ branch: z.string().min(1), sha: CommitSha });
type OwnedBranch = z.infer<typeof OwnedBranch>;

/** `<folder>/<id>.json`: what a run owns while it works. Start times are those of `/proc/<pid>/stat`, null elsewhere. */
export const LeaseRecord = z.strictObject({
  schema: z.literal("whetstone.lease/1"),
  id: z.string().min(1),
  pid: z.int().positive(),
  processStart: z.string().nullable(),
  worktrees: z.array(z.string().min(1)),
  branches: z.array(OwnedBranch),
  processes: z.array(OwnedProcess),
});
export type LeaseRecord = z.infer<typeof LeaseRecord>;

/**
 * A run's lease. Each method resolves when the file says so; add a thing before or right after it is made.
 * Errors: `write_failed`.
 */
export type Lease = {
  readonly id: string;
  readonly addWorktree: (path: string) => Promise<void>;
  /** A branch that an interrupted run leaves is closed if it still points to `sha`; the same branch again replaces it. */
  readonly addBranch: (branch: OwnedBranch) => Promise<void>;
  /** The branch has become a result that stays. */
  readonly forgetBranch: (branch: string) => Promise<void>;
  /** The leader of a process group that the run started. */
  readonly addProcess: (pid: number) => Promise<void>;
  readonly forgetProcess: (pid: number) => Promise<void>;
  /** The run gave everything back itself. */
  readonly release: () => Promise<void>;
};

const LARGEST_LEASE_BYTES = 1_000_000;

/** Takes a lease for this process. */
export async function openLease({ folder, id }: { folder: string; id: string }): Promise<Lease> {
  const path = join(folder, `${id}.json`);
  const processStart = await startOf(process.pid);
  let record: LeaseRecord = {
    schema: "whetstone.lease/1",
    id,
    pid: process.pid,
    processStart,
    worktrees: [],
    branches: [],
    processes: [],
  };
  // Writes follow one another: two at once could land in the wrong order.
  let last: Promise<void> = Promise.resolve();
  const write = (change: (record: LeaseRecord) => Partial<LeaseRecord>): Promise<void> => {
    record = { ...record, ...change(record) };
    const text = `${JSON.stringify(record, undefined, 2)}\n`;
    const written = last.then(() => writeFileWhole(path, text));
    last = written.catch(() => undefined); // whoever asked for this write sees its error; the next one may succeed
    return written;
  };
  await write(() => ({}));
  return {
    id,
    addWorktree: (worktree) => write(({ worktrees }) => ({ worktrees: [...new Set([...worktrees, worktree])] })),
    addBranch: (added) => write(({ branches }) => ({ branches: [...without(branches, added.branch), added] })),
    forgetBranch: (branch) => write(({ branches }) => ({ branches: without(branches, branch) })),
    addProcess: async (pid) => {
      const start = await startOf(pid);
      await write(({ processes }) => ({ processes: [...processes.filter((one) => one.pid !== pid), { pid, start }] }));
    },
    forgetProcess: (pid) => write(({ processes }) => ({ processes: processes.filter((one) => one.pid !== pid) })),
    release: async () => {
      await last;
      await rm(path, { force: true });
    },
  };
}

function without(branches: readonly OwnedBranch[], name: string): OwnedBranch[] {
  return branches.filter(({ branch }) => branch !== name);
}

/** Where leases are, and how to give back what they name; all three are called again if a sweep was cut off. */
export type SweepOptions = {
  readonly folder: string;
  readonly removeWorktree: (path: string) => Promise<void>;
  readonly closeBranch: (branch: OwnedBranch) => Promise<void>;
  /** May throw ESRCH when the group is gone. */
  readonly killProcessGroup: (pid: number) => void | Promise<void>;
};

/** Ids of the leases given back, and what went wrong with which lease file. Leases with a problem stay. */
export type SweepResult = {
  readonly swept: readonly string[];
  readonly problems: readonly { readonly file: string; readonly detail: string }[];
};

/** Gives back what runs whose process is gone still hold. Leases of live runs are left alone; repeatable, also at once. */
export async function sweepLeases(options: SweepOptions): Promise<SweepResult> {
  const swept: string[] = [];
  const problems: { file: string; detail: string }[] = [];
  for (const file of await leaseFiles(options.folder)) {
    try {
      const id = await sweepOne(join(options.folder, file), options);
      if (id !== undefined) swept.push(id);
    } catch (error) {
      problems.push({ file: join(options.folder, file), detail: messageOf(error) });
    }
  }
  await removeDrafts(options.folder, swept);
  return { swept, problems };
}

/** A first write takes milliseconds; a draft without a lease that is older than this, in ms, belongs to nobody. */
const OLD_DRAFT_MS = 60_000;

/** Drafts that a kill left in the middle of a write: those of swept leases, and old ones whose lease was never whole. */
async function removeDrafts(folder: string, swept: readonly string[]): Promise<void> {
  const names = await readdir(folder).catch(absentIsEmpty);
  for (const name of names) {
    const id = /^\.(.+)\.json\..+\.tmp$/.exec(name)?.[1];
    if (id === undefined || names.includes(`${id}.json`)) continue;
    const path = join(folder, name);
    const age =
      Date.now() -
      (await stat(path).then(
        (found) => found.mtimeMs,
        () => Date.now(),
      ));
    if (swept.includes(id) || age > OLD_DRAFT_MS) await rm(path, { force: true });
  }
}

function absentIsEmpty(error: unknown): string[] {
  if (errorCode(error) === "ENOENT") return [];
  throw error;
}

async function leaseFiles(folder: string): Promise<readonly string[]> {
  // Names with a leading point are drafts of a write that was cut off.
  const names = await readdir(folder).catch(absentIsEmpty);
  return names.filter((name) => name.endsWith(".json") && !name.startsWith(".")).sort();
}

/** The lease's id when this sweep gave it back; undefined when its run lives or another sweep was faster. */
async function sweepOne(path: string, options: SweepOptions): Promise<string | undefined> {
  const lease = await readLease(path);
  if (lease === undefined || (await isRunning({ pid: lease.pid, start: lease.processStart }))) return undefined;
  // Servers first: they may still write into the worktrees.
  for (const owned of lease.processes) await killOwned(owned, options);
  for (const worktree of lease.worktrees) await options.removeWorktree(worktree);
  for (const branch of lease.branches) await options.closeBranch(branch);
  try {
    // Not `rm`: of two at once both would believe that they removed it.
    await unlink(path);
    return lease.id;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function readLease(path: string): Promise<LeaseRecord | undefined> {
  try {
    const file = { path, schema: LeaseRecord, limitBytes: LARGEST_LEASE_BYTES, code: "input_unreadable" } as const;
    return await readJson(file);
  } catch (error) {
    if (error instanceof WhetstoneError && errorCode(error.cause) === "ENOENT") return undefined;
    throw error;
  }
}

/** A group whose leader's number was given to another process since is gone; killing it would hit a stranger. */
async function killOwned(owned: z.infer<typeof OwnedProcess>, { killProcessGroup }: SweepOptions): Promise<void> {
  const start = await startOf(owned.pid);
  if (start !== null && start !== owned.start) return;
  try {
    await killProcessGroup(owned.pid);
  } catch (error) {
    if (errorCode(error) !== "ESRCH") throw error;
  }
}

async function isRunning({ pid, start }: z.infer<typeof OwnedProcess>): Promise<boolean> {
  const now = await startOf(pid);
  if (start !== null) return now === start;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}

/** Start of a process in clock ticks since boot, field 22 of `/proc/<pid>/stat` (proc(5)); null when it cannot be read. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name in field 2 may hold spaces and brackets; fields count from behind its last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended: it holds nothing any more.
    return fields[0] === "Z" ? null : (fields[19] ?? null);
  } catch {
    return null; // no such process, or no /proc on this platform
  }
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
