import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { encodeOtlp } from "../../src/capture/otlp/encode.ts";
import { findSpec, parseParameters, parseVersion, templateNames, templateText } from "../../src/cli/spec-source.ts";
import { readSpecTraces } from "../../src/cli/spec-traces.ts";
import { openStore } from "../../src/store/open.ts";
import { trace, traceIdOf, type Plan } from "../analyze/population.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-spec-source-"));
});
afterEach(() => rm(folder, { recursive: true }));

const specOf = (name: string): string => `name: ${name}\nexpected_spans: [{ operation_name: x }]\n`;
const places = () => ({
  cwd: folder,
  now: 1_763_100_000_000_000_000n,
  openStore: () => openStore({ url: join(folder, "s.db") }),
});

async function keep(name: string, ...bodies: readonly string[]): Promise<void> {
  await using store = await places().openStore();
  for (const [after, body] of bodies.entries())
    await store.documents.put({ kind: "spec", name, body, nowNs: 1n, after });
}

describe("findSpec", () => {
  const find = (name: string, version?: number) =>
    findSpec({ name, parameters: {}, ...(version === undefined ? {} : { version }) }, places());

  test("a file of that name comes first, then what is stored, then a template", async () => {
    expect(await find("checkout")).toMatchObject({ from: "template checkout", spec: { name: "checkout_flow" } });
    await keep("checkout", specOf("stored"));
    expect(await find("checkout")).toMatchObject({ from: "checkout@1", version: 1, spec: { name: "stored" } });
    await writeFile(join(folder, "checkout"), specOf("file"));
    const found = await find("checkout");
    expect(found).toMatchObject({ from: "checkout", spec: { name: "file" } });
    expect(found).not.toHaveProperty("version");
  });

  test("a version is one of the store, whatever files there are", async () => {
    await keep("a", specOf("one"), specOf("two"));
    await writeFile(join(folder, "a"), specOf("file"));
    expect(await find("a", 1)).toMatchObject({ version: 1, spec: { name: "one" } });
    expect(await find("a", 2)).toMatchObject({ version: 2, spec: { name: "two" } });
    await expect(find("a", 3)).rejects.toMatchObject({
      code: "not_found",
      message: 'There is no specification "a" of version 3.',
    });
    await expect(find("checkout", 1)).rejects.toMatchObject({ code: "not_found" });
  });

  test("a name with the ending of a file is one, and must be there", async () => {
    await expect(find("none.yaml")).rejects.toMatchObject({ code: "input_unreadable" });
    await expect(find("none.json")).rejects.toMatchObject({ code: "input_unreadable" });
    await mkdir(join(folder, "dir.yml"));
    await expect(find("dir.yml")).rejects.toMatchObject({ code: "input_unreadable" });
  });

  test("JSON is read as well", async () => {
    await writeFile(
      join(folder, "a.json"),
      JSON.stringify({ name: "json", expected_spans: [{ operation_name: "x" }] }),
    );
    expect(await find("a.json")).toMatchObject({ spec: { name: "json" } });
  });

  test("what is stored and cannot be read says which version it is", async () => {
    await keep("bad", specOf("good"), "name: 1\n");
    await expect(find("bad")).rejects.toMatchObject({
      code: "spec_invalid",
      message: expect.stringContaining("bad@2:1:7: name"),
    });
    expect(await find("bad", 1)).toMatchObject({ spec: { name: "good" } });
  });
});

describe("words of the command line", () => {
  test("parameters", () => {
    expect(parseParameters([])).toEqual({});
    expect(parseParameters(["a=1", "b=x=y", "c="])).toEqual({ a: "1", b: "x=y", c: "" });
    expect(parseParameters(["a=1", "a=2"])).toEqual({ a: "2" });
    for (const wrong of ["a", "=1", ""])
      expect(() => parseParameters([wrong])).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("versions", () => {
    expect([parseVersion(undefined), parseVersion("1"), parseVersion("123456789")]).toEqual([
      undefined,
      1,
      123_456_789,
    ]);
    for (const wrong of ["0", "-1", "1.5", "one", "", "01", "9".repeat(20)]) {
      expect(() => parseVersion(wrong)).toThrow(expect.objectContaining({ code: "usage" }));
    }
  });

  test("templates", async () => {
    expect(templateNames()).toEqual(["checkout", "database-access", "http-api", "mcp-tool-call"]);
    expect(await templateText("checkout")).toContain("checkout_flow");
    await expect(templateText("http-apo")).rejects.toMatchObject({
      code: "not_found",
      remedy: 'Did you mean "http-api"?',
    });
    await expect(templateText("zzz")).rejects.toMatchObject({
      remedy: expect.stringContaining("There are checkout, "),
    });
    await expect(templateText("../../package")).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("readSpecTraces", () => {
  const plan: Plan = { name: "x", at: 0, ms: 1 };
  const spansOf = (n: number) => trace(n, plan).map((span) => ({ ...span, resource: { "service.name": "notes" } }));
  const put = (name: string, ...traces: readonly number[]) =>
    writeFile(join(folder, name), JSON.stringify(encodeOtlp(traces.flatMap(spansOf))));

  test("files, ids and windows together", async () => {
    await put("a.json", 0, 1);
    {
      await using store = await places().openStore();
      await store.append([...spansOf(5), ...spansOf(6)]);
    }
    const read = await readSpecTraces(["a.json", traceIdOf(5)], places());
    expect(read.traces.map(({ traceId }) => traceId).sort()).toEqual([0, 1, 5].map(traceIdOf));
    const window = await readSpecTraces(["2025-11-13T00:00:00Z..2025-11-14T00:00:00Z"], places());
    expect(window.traces.map(({ traceId }) => traceId)).toEqual([5, 6].map(traceIdOf));
  });

  test("parts of a trace in several files are one trace, copies count once", async () => {
    const [parent] = spansOf(3);
    const child = { ...parent!, spanId: "00000000000000aa", parentSpanId: parent!.spanId, name: "child" };
    await put("parent.json", 3);
    await writeFile(join(folder, "child.json"), JSON.stringify(encodeOtlp([child])));
    const { traces } = await readSpecTraces(["child.json", "parent.json", "parent.json"], places());
    expect(traces.map(({ nodes, orphans }) => ({ names: nodes.map(({ span }) => span.name), orphans }))).toEqual([
      { names: ["x", "child"], orphans: 0 },
    ]);
  });

  test("the store is not opened for files", async () => {
    await put("a.json", 0);
    const closed = { ...places(), openStore: () => Promise.reject(new Error("opened")) };
    expect((await readSpecTraces(["a.json"], closed)).traces).toHaveLength(1);
    await expect(readSpecTraces([traceIdOf(0)], closed)).rejects.toThrow("opened");
  });

  test("a file without a trace gives none and says so; an unknown id and a broken file are errors", async () => {
    await put("empty.json");
    expect(await readSpecTraces(["empty.json"], places())).toEqual({
      traces: [],
      notes: ["empty.json holds no trace."],
    });
    await expect(readSpecTraces([traceIdOf(1)], places())).rejects.toMatchObject({ code: "not_found" });
    await writeFile(join(folder, "broken.json"), '{"resourceSpans":[');
    await expect(readSpecTraces(["broken.json"], places())).rejects.toMatchObject({ code: "input_unreadable" });
  });
});
