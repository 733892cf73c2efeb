import { setTimeout as delay } from "node:timers/promises";

/** How often a group is looked at, and how long between looks, ms. */
const LOOKS = 100;
const LOOK_MS = 10;

/**
 * Resolves when no process of a group is left, after a second at the latest. Killed processes take a moment to be gone;
 * whoever ended them may look at once for what they left. On Windows, where there are no groups, at once.
 */
export async function groupGone(pid: number | undefined): Promise<void> {
  if (pid === undefined || process.platform === "win32") return;
  for (let look = 0; look < LOOKS; look += 1) {
    try {
      process.kill(-pid, 0);
    } catch {
      return; // nobody is in it any more
    }
    await delay(LOOK_MS);
  }
}
