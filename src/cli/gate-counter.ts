import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { type GateCounter, gateCounter } from "../canary/gate-counter.ts";
import type { GateSeen } from "../canary/gate-count.ts";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";
import type { CountingReply, CountingRequest } from "./run/counting-thread.ts";

/**
 * Entry of the thread that counts and judges the calls of gates: over a day's calls a verdict takes a second and more, in
 * which a server could answer nobody. Requests are answered one by one, in their order.
 */

/** Enough to give way to who answers requests. */
const NICENESS = 5;

// On Linux a priority is the calling thread's own.
if (process.platform === "linux") setPriority(NICENESS);

const counters = new Map<number, GateCounter>();

async function act({ counter, act: asked }: CountingRequest): Promise<GateSeen | undefined> {
  if (asked.kind === "begin") {
    counters.set(counter, gateCounter(asked.rules));
    return undefined;
  }
  if (asked.kind === "end") {
    counters.delete(counter);
    return undefined;
  }
  const known = counters.get(counter);
  if (known === undefined) throw new WhetstoneError("defect", `Nothing is counted under the number ${counter}.`);
  switch (asked.kind) {
    case "settle":
      await known.settle(asked.page);
      return undefined;
    case "tail":
      await known.tail(asked.page);
      return undefined;
    case "look":
      return await known.look(asked.nowMs);
  }
}

async function answer(request: CountingRequest): Promise<void> {
  const { id } = request;
  const reply = (message: CountingReply): void => parentPort?.postMessage(message);
  try {
    const seen = await act(request);
    reply(seen === undefined ? { id } : { id, seen });
  } catch (error) {
    reply({ id, failure: { code: codeOf(error), message: messageOf(error) } });
  }
}

let before = Promise.resolve();
parentPort?.on("message", (request: CountingRequest) => {
  before = before.then(() => answer(request));
});
