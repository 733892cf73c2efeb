import { readdir, readFile } from "node:fs/promises";

/** Sends a signal to a process group; false when the group is gone. */
export function signalGroup(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, name);
    return true;
  } catch {
    // No process of the group is left, which is what is asked here.
    return false;
  }
}

/** Variable by which a process is known that left its group; every child inherits it. */
export const RUN_VARIABLE = "WHETSTONE_RUN";

/** Looks at the process table; a killed process leaves it a moment later. */
const MOST_ROUNDS = 100;

/**
 * Ends processes that carry the mark of a run in their environment although they left its group (daemons that took a
 * session of their own), until there is none; returns how many there were. Linux only: elsewhere nothing tells them.
 */
export async function endStrays(run: string): Promise<number> {
  const ended = new Set<number>();
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const strays = await marked(`${RUN_VARIABLE}=${run}\0`);
    if (strays.length === 0) break;
    for (const pid of strays) {
      ended.add(pid);
      endProcess(pid);
    }
  }
  return ended.size;
}

/** Processes with a variable in their environment; those that have ended have none. */
async function marked(variable: string): Promise<readonly number[]> {
  const mark = Buffer.from(variable);
  const found: number[] = [];
  for (const entry of await readdir("/proc").catch((): string[] => [])) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const environment = await readFile(`/proc/${entry}/environ`).catch(() => undefined); // gone, or not ours
    if (environment?.includes(mark)) found.push(Number(entry));
  }
  return found;
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}
