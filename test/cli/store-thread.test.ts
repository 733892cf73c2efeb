import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { storeThread } from "../../src/cli/run/store-thread.ts";
import { startReceiver } from "../../src/capture/receiver.ts";
import type { Span } from "../../src/model/span.ts";
import { openStore } from "../../src/store/open.ts";
import { relayedCall } from "../capture/relayed.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-thread-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("what was written is in the store, times and all, once the thread has ended", async () => {
  const path = join(folder, "kept.db");
  const spans = [1, 2, 3].map((n) => relayedCall(n, { startNs: 1_763_635_500_000_000_000n + BigInt(n) }));
  {
    await using thread = storeThread({ store: path });
    await thread.write(spans.slice(0, 2));
    await thread.write(spans.slice(2));
  }
  await using store = await openStore({ url: path });
  const kept: Span[] = [];
  for await (const batch of store.spans({})) kept.push(...batch);
  const timesOf = (of: readonly Span[]) => new Map(of.map(({ traceId, startNs }) => [traceId, startNs]));
  expect(kept).toHaveLength(3);
  expect(timesOf(kept)).toEqual(timesOf(spans));
});

test("a store that cannot be opened fails every write with its reason, and the thread still ends", async () => {
  const path = join(folder, "no.db");
  await writeFile(path, "this is no database, however long one looks at it".repeat(40));
  await using thread = storeThread({ store: path });
  for (let turn = 0; turn < 2; turn += 1) {
    await expect(thread.write([relayedCall(1)])).rejects.toMatchObject({ code: "store_open_failed" });
  }
});

test("an OTLP endpoint gets the spans, and a refusal is told with its code", async () => {
  const got: Span[] = [];
  let isFull = false;
  const onSpans = async (spans: readonly Span[]) => {
    if (isFull) throw new Error("full");
    got.push(...spans);
  };
  await using receiver = await startReceiver({ onSpans });
  await using thread = storeThread({ otlp: receiver.url });
  await thread.write([relayedCall(1), relayedCall(2)]);
  expect(got.map(({ traceId, startNs }) => [traceId, startNs])).toEqual(
    [relayedCall(1), relayedCall(2)].map(({ traceId, startNs }) => [traceId, startNs]),
  );
  isFull = true;
  await expect(thread.write([relayedCall(3)])).rejects.toMatchObject({ code: "store_write_failed" });
});

test("after its end nothing is written, and that is said", async () => {
  const thread = storeThread({ store: join(folder, "ended.db") });
  await thread[Symbol.asyncDispose]();
  await expect(thread.write([relayedCall(1)])).rejects.toThrow("has ended");
});
