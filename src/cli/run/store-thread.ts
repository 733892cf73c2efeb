import { existsSync } from "node:fs";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Span } from "../../model/span.ts";

/** Where the thread writes to: a store at a path, or an OTLP endpoint. */
export type WriterTarget = { readonly store: string } | { readonly otlp: string };

/** What the thread is told: a batch to write, or without one to close the store and end. */
export type WriterRequest = { readonly spans?: readonly Span[] };

/** Answer to a batch; `failure` when it was not kept. */
export type WriterReply = { readonly failure?: { readonly code: string | undefined; readonly message: string } };

/** Writes spans on a thread of its own. */
export type StoreThread = AsyncDisposable & {
  /** Resolves when the batch is durable. One at a time. */
  readonly write: (spans: readonly Span[]) => Promise<void>;
};

/** Starts the thread; a store that cannot be opened or an endpoint that refuses fails each write. */
export function storeThread(target: WriterTarget): StoreThread {
  const worker = new Worker(entry(), { workerData: target });
  let answer: ((reply: WriterReply) => void) | undefined;
  const settle = (reply: WriterReply): void => answer?.(reply);
  const exited = once(worker, "exit").catch(() => undefined);
  let hasEnded = false;
  worker.on("message", settle);
  worker.on("error", (error: Error) => settle({ failure: { code: undefined, message: error.message } }));
  worker.once("exit", () => {
    hasEnded = true;
    settle({ failure: { code: undefined, message: "the thread that writes spans has ended" } });
  });
  return {
    write: async (spans) => {
      if (hasEnded) throw new Error("the thread that writes spans has ended");
      const { promise, resolve } = Promise.withResolvers<WriterReply>();
      answer = resolve;
      worker.postMessage({ spans } satisfies WriterRequest);
      const { failure } = await promise;
      if (failure) throw Object.assign(new Error(failure.message), { code: failure.code });
    },
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded) worker.postMessage({} satisfies WriterRequest);
      await exited;
    },
  };
}

/** As source beside this folder; as built beside the folder of the chunks. */
function entry(): URL {
  const source = new URL("../store-writer.ts", import.meta.url);
  return existsSync(source) ? source : new URL("../store-writer.js", import.meta.url);
}
