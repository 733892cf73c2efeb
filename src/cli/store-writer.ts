import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { codeOf, messageOf } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import { openStore } from "../store/open.ts";
import type { WriterReply, WriterRequest } from "./run/store-thread.ts";

/**
 * Entry of the thread that writes a proxy's spans: an embedded store holds its thread up for as long as a write takes,
 * and no message is to wait for it. `workerData`: the store's path. Each batch is answered once it is durable.
 */

/** Enough to give way; more would let the queue fill up on a busy machine. */
const NICENESS = 5;

// On Linux a priority is the calling thread's own: writing gives way to the traffic where processors are scarce.
if (process.platform === "linux") setPriority(NICENESS);

const opened = openStore({ url: String(workerData) });
opened.catch(() => undefined); // told with each batch

const reply = (message: WriterReply): void => parentPort?.postMessage(message);

async function write(spans: readonly Span[]): Promise<void> {
  try {
    await (await opened).append(spans);
    reply({});
  } catch (error) {
    reply({ failure: { code: codeOf(error), message: messageOf(error) } });
  }
}

async function close(): Promise<void> {
  const store = await opened.catch(() => undefined);
  await store?.[Symbol.asyncDispose]();
  parentPort?.close();
}

parentPort?.on("message", ({ spans }: WriterRequest) => void (spans ? write(spans) : close()));
