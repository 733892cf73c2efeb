import type { Attempted, WorkerParts } from "../../src/app/worker.ts";
import type { WorkQueue } from "../../src/app/work/port.ts";
import { NOW } from "./work/works.ts";

/** A worker's world whose time passes only when it sleeps. */
export type Clocked = {
  readonly parts: WorkerParts;
  readonly attempts: readonly Attempted[];
  readonly errors: readonly string[];
  readonly now: () => number;
  /** Lets time pass by itself. */
  readonly pass: (ms: number) => void;
};

/** Sleeps take no time of the machine: a sleep of `ms` moves the clock by as much, unless it is ended early. */
export function clocked(queue: WorkQueue, perform: WorkerParts["perform"], change: Partial<WorkerParts> = {}): Clocked {
  let time = NOW;
  const [attempts, errors]: [Attempted[], string[]] = [[], []];
  const parts: WorkerParts = {
    queue,
    perform,
    now: () => time,
    pause: async (ms, signal) => {
      // Whoever works has its turn first; a heartbeat of a fifth of a lease would else outrun everything.
      for (let turn = 0; turn < 20 && !signal.aborted; turn += 1) await new Promise(setImmediate);
      if (!signal.aborted) time += ms;
    },
    retry: { attempts: 3, firstMs: 1_000, longestMs: 60_000, random: () => 0.5 },
    concurrency: 2,
    leaseMs: 60_000,
    onAttempt: (attempted) => attempts.push(attempted),
    onError: (message) => errors.push(message),
    ...change,
  };
  return { parts, attempts, errors, now: () => time, pass: (ms) => (time += ms) };
}
