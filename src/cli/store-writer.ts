import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { codeOf, messageOf } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import type { WriterBatch, WriterReply, WriterRequest, WriterTarget } from "./run/store-thread.ts";

/**
 * Entry of the thread that writes a proxy's spans: an embedded store holds its thread up for as long as a write takes,
 * encoding for an endpoint takes its time too, and no message is to wait for either. `workerData`: where to. Each batch
 * is answered once it is durable.
 */

/** Enough to give way; more would let the queue fill up on a busy machine. */
const NICENESS = 5;

/** What batches are written with. */
type Sink = AsyncDisposable & { readonly append: (spans: readonly Span[]) => Promise<unknown> };

async function openSink(target: WriterTarget): Promise<Sink> {
  if ("otlp" in target) {
    const { otlpExporter } = await import("../capture/otlp/export.ts");
    return { append: otlpExporter({ url: target.otlp, fetch }), [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  // On Linux a priority is the calling thread's own: writing gives way to the traffic where processors are scarce.
  if (process.platform === "linux") setPriority(NICENESS);
  const { openStore } = await import("../store/open.ts");
  return openStore({ url: target.store });
}

const opened = openSink(workerData as WriterTarget);
opened.catch(() => undefined); // told with each batch

const reply = (message: WriterReply): void => parentPort?.postMessage(message);

async function write({ id, spans }: WriterBatch): Promise<void> {
  try {
    await (await opened).append(spans);
    reply({ id });
  } catch (error) {
    reply({ id, failure: { code: codeOf(error), message: messageOf(error) } });
  }
}

async function close(): Promise<void> {
  const sink = await opened.catch(() => undefined);
  await sink?.[Symbol.asyncDispose]();
  parentPort?.close();
}

parentPort?.on("message", (request: WriterRequest) => void (request === "close" ? close() : write(request)));
