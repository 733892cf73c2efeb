import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { memoryStore } from "../../src/store/memory.ts";
import { openStore } from "../../src/store/open.ts";
import { span, traceId } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { answerOf, contextOver } from "./calling.ts";
import { stdioClient } from "./stdio-client.ts";

const DATABASE = ".whetstone/whetstone.db";

async function storeOf(url: string, id: number): Promise<void> {
  await using store = await openStore({ url });
  await store.append([span({ traceId: traceId(id), startNs: BigInt(Date.now()) * 1_000_000n })]);
}

async function remove(url: string): Promise<void> {
  for (const end of ["", "-wal", "-shm"]) await rm(`${url}${end}`, { force: true });
}

describe("a running server whose store", () => {
  test("is removed says so, and answers from the one that comes after it", async () => {
    await using folder = await temporaryFolder();
    const url = join(folder.path, DATABASE);
    await storeOf(url, 1);
    await using server = await stdioClient(folder.path);
    expect((await server.call("get_traces")).body).toMatchObject({ traces: [{ traceId: traceId(1) }] });
    await remove(url);
    expect((await server.call("get_traces")).body).toMatchObject({ error: { code: "not_found" } });
    await storeOf(url, 2);
    expect((await server.call("get_traces")).body).toMatchObject({ total: 1, traces: [{ traceId: traceId(2) }] });
  });

  test("is replaced at once, as a restored backup is, answers from the new one", async () => {
    await using folder = await temporaryFolder();
    const [url, other] = [join(folder.path, DATABASE), join(folder.path, ".whetstone/other.db")];
    await storeOf(url, 1);
    await storeOf(other, 2);
    await using server = await stdioClient(folder.path);
    await server.call("get_traces");
    await remove(url);
    await rename(other, url);
    const { body } = await server.call("get_traces");
    expect(body).toMatchObject({ total: 1, traces: [{ traceId: traceId(2) }] });
  });

  test("grows is not opened again: all traces are there", async () => {
    await using folder = await temporaryFolder();
    const url = join(folder.path, DATABASE);
    await storeOf(url, 1);
    await using server = await stdioClient(folder.path);
    for (const id of [2, 3]) {
      await storeOf(url, id);
      expect((await server.call("get_traces")).body).toMatchObject({ total: id });
    }
  });
});

describe("nesting", () => {
  const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

  test.each([250, 5_000, 30_000])("%i deep is refused and no defect, as an object and as text", async (depth) => {
    const context = contextOver(memoryStore());
    const object = { name: "n", specification: JSON.parse(nested(depth)) as unknown };
    const { body } = await answerOf("define_trace_spec", object, context);
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining("nested") } });
    const text = { name: "n", specification: nested(depth) };
    const { body: ofText } = await answerOf("define_trace_spec", text, context);
    expect(ofText).toMatchObject({ error: { code: "spec_invalid" } });
  });

  test("of what a real specification has is no trouble", async () => {
    const child = { operation_name: "leaf" };
    const deep = Array.from({ length: 30 }).reduce<object>(
      (inner) => ({ operation_name: "step", children: [inner] }),
      child,
    );
    const args = { name: "deep", specification: { expected_spans: [deep] } };
    expect((await answerOf("define_trace_spec", args, contextOver(memoryStore()))).isError).toBe(false);
  });
});
