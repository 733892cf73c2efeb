import { existsSync } from "node:fs";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Span } from "../../model/span.ts";

/** Where the thread writes to: a store at a path, or an OTLP endpoint. */
export type WriterTarget = { readonly store: string } | { readonly otlp: string };

/** A batch to write, numbered. */
export type WriterBatch = { readonly id: number; readonly spans: readonly Span[] };

/** What the thread is told: a batch, or to close the store and end. */
export type WriterRequest = WriterBatch | "close";

/** Why a batch was not kept. */
export type WriterFailure = { readonly code: string | undefined; readonly message: string };

/** Answer to a batch; `failure` when it was not kept. */
export type WriterReply = { readonly id: number; readonly failure?: WriterFailure };

/** Writes spans on a thread of its own. */
export type StoreThread = AsyncDisposable & {
  /** Resolves when the batch is durable. */
  readonly write: (spans: readonly Span[]) => Promise<void>;
};

const ENDED = "the thread that writes spans has ended";

/** Starts the thread; a store that cannot be opened or an endpoint that refuses fails each write. */
export function storeThread(target: WriterTarget): StoreThread {
  const worker = new Worker(entry(), { workerData: target });
  const waiting = new Map<number, (failure: WriterFailure | undefined) => void>();
  let lastId = 0;
  const settle = ({ id, failure }: WriterReply): void => {
    waiting.get(id)?.(failure);
    waiting.delete(id);
  };
  const failAll = (message: string): void => {
    for (const id of waiting.keys()) settle({ id, failure: { code: undefined, message } });
  };
  const exited = once(worker, "exit").catch(() => undefined);
  let hasEnded = false;
  worker.on("message", settle);
  worker.on("error", ({ message }: Error) => failAll(message));
  worker.once("exit", () => {
    hasEnded = true;
    failAll(ENDED);
  });
  return {
    write: async (spans) => {
      if (hasEnded) throw new Error(ENDED);
      const { promise, resolve } = Promise.withResolvers<WriterFailure | undefined>();
      const id = (lastId += 1);
      waiting.set(id, resolve);
      worker.postMessage({ id, spans } satisfies WriterRequest);
      const failure = await promise;
      if (failure) throw Object.assign(new Error(failure.message), { code: failure.code });
    },
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded) worker.postMessage("close" satisfies WriterRequest);
      await exited;
    },
  };
}

/** As source beside this folder; as built beside the folder of the chunks. */
function entry(): URL {
  const source = new URL("../store-writer.ts", import.meta.url);
  return existsSync(source) ? source : new URL("../store-writer.js", import.meta.url);
}
