import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { GateCalls, GateRules, GateSeen } from "../../canary/gate-count.ts";
import type { GateCounter } from "../../canary/gate-counter.ts";
import { ERROR_CODES, type ErrorCode } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";

/** What is done to one counter, by its number. */
export type CountingRequest = {
  readonly id: number;
  readonly counter: number;
  readonly act:
    | { readonly kind: "begin"; readonly rules: GateRules }
    | { readonly kind: "settle" | "tail"; readonly page: GateCalls }
    | { readonly kind: "look"; readonly nowMs: number }
    | { readonly kind: "end" };
};

/** Answer to a request. */
export type CountingReply = {
  readonly id: number;
  readonly seen?: GateSeen;
  readonly failure?: { readonly code: string | undefined; readonly message: string };
};

/** Counts the calls of gates on a thread of its own, which starts with the first of them. */
export type CountingThread = AsyncDisposable & {
  /** Starts a counter. What it is asked for fails when the thread ends; a new one then starts with the next counter. */
  readonly count: (rules: GateRules) => GateCounter;
};

type Running = {
  readonly worker: Worker;
  readonly ask: (counter: number, act: CountingRequest["act"]) => Promise<GateSeen | undefined>;
};

/** Makes ready to count; nothing runs before it is needed. */
export function countingThread(): CountingThread {
  let running: Running | undefined;
  let lastCounter = 0;
  return {
    count: (rules) => {
      running ??= start(() => (running = undefined));
      return counterOn(running, (lastCounter += 1), rules);
    },
    [Symbol.asyncDispose]: async () => void (await running?.worker.terminate()),
  };
}

function counterOn({ ask }: Running, counter: number, rules: GateRules): GateCounter {
  const begun = ask(counter, { kind: "begin", rules });
  // Told by what is asked for next.
  begun.catch(() => undefined);
  const after = async (act: CountingRequest["act"]): Promise<GateSeen | undefined> => {
    await begun;
    return await ask(counter, act);
  };
  return {
    settle: async (page) => void (await after({ kind: "settle", page })),
    tail: async (page) => void (await after({ kind: "tail", page })),
    look: async (nowMs) => {
      const seen = await after({ kind: "look", nowMs });
      if (seen === undefined)
        throw new WhetstoneError("defect", "The thread that counts calls answered without a verdict.");
      return seen;
    },
    // Of a thread that has ended nothing is left to forget.
    end: () => void ask(counter, { kind: "end" }).catch(() => undefined),
  };
}

/** What it counts is small, what it reads is soon gone: with a heap that may grow without end V8 collects late. MiB. */
const HEAP = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 1_024 } as const;

type Waiting = { readonly resolve: (seen: GateSeen | undefined) => void; readonly reject: (error: Error) => void };

function start(onEnd: () => void): Running {
  const worker = new Worker(entry(), { resourceLimits: HEAP });
  worker.unref();
  const waiting = new Map<number, Waiting>();
  let ended: WhetstoneError | undefined;
  let lastId = 0;
  const end = (why: string): void => {
    ended ??= new WhetstoneError("defect", `The thread that counts calls has ended: ${why}.`, {
      remedy: "Looks go on with a new one, which reads all calls again.",
    });
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
    onEnd();
  };
  worker.on("message", ({ id, seen, failure }: CountingReply) => {
    const one = waiting.get(id);
    waiting.delete(id);
    // Who waits for nothing is not kept from ending.
    if (waiting.size === 0) worker.unref();
    if (failure === undefined) one?.resolve(seen);
    else one?.reject(new WhetstoneError(isKnown(failure.code) ? failure.code : "defect", failure.message));
  });
  worker.on("error", ({ message }: Error) => end(message));
  worker.once("exit", (code) => end(`exit code ${code}`));
  return {
    worker,
    ask: (counter, act) => {
      if (ended !== undefined) return Promise.reject(ended);
      const { promise, resolve, reject } = Promise.withResolvers<GateSeen | undefined>();
      const id = (lastId += 1);
      waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, counter, act } satisfies CountingRequest);
      return promise;
    },
  };
}

function isKnown(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(ERROR_CODES, code);
}

/** As source beside this folder; as built beside the folder of the chunks. */
function entry(): URL {
  const source = new URL("../gate-counter.ts", import.meta.url);
  return existsSync(source) ? source : new URL("../gate-counter.js", import.meta.url);
}
