import type { ClaimedWork, Ending, Work, WorkQueue } from "../../../src/app/work/port.ts";

/** A lease of the tests, ms. */
export const LEASE = 60_000;
/** An instant of the tests, epoch ms. */
export const NOW = 1_800_000_000_000;

/** A piece of work that is due at once. */
export function workOf(id: string, change: Partial<Work> = {}): Work {
  return {
    id,
    event: "issue_comment",
    key: `octo-org/notes#${id}`,
    payload: `{"id":"${id}"}`,
    receivedAt: NOW,
    notBefore: 0,
    ...change,
  };
}

/** Claims, and fails the test when there is nothing to claim. */
export async function claimed(queue: WorkQueue, now = NOW): Promise<ClaimedWork> {
  const work = await queue.claim(now, LEASE);
  if (work === undefined) throw new Error("nothing to claim");
  return work;
}

/** Claims the next work and ends it; its id. */
export async function workedOff(queue: WorkQueue, ending: Ending = { kind: "done" }, now = NOW): Promise<string> {
  const { id, claim } = await claimed(queue, now);
  if (!(await queue.end(claim, ending, now))) throw new Error(`${id} was lost`);
  return id;
}
