import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { importFile } from "../../src/backends/import-file.ts";
import { sniffFormat, TRACE_FORMATS, type TraceFormat } from "../../src/backends/trace-format.ts";
import { encodeOtlp } from "../../src/capture/otlp/encode.ts";
import type { Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { anySpan, plainSpan } from "../capture/fixtures/spans.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-import-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes a file and imports it into a fresh store. */
async function imported(content: string | Uint8Array, format?: TraceFormat) {
  const path = join(folder, `${Math.random()}.json`);
  await writeFile(path, content);
  const store = memoryStore();
  const run = () => importFile({ path, format, onSpans: store.append });
  const stored = async () => {
    const spans: Span[] = [];
    for await (const batch of store.spans({})) spans.push(...batch);
    return spans;
  };
  return { path, run, stored };
}

const spanAt = (index: number): Span => ({ ...plainSpan, spanId: (index + 1).toString(16).padStart(16, "0") });
const lineOf = (...spans: Span[]) => `${JSON.stringify(encodeOtlp(spans))}\n`;
const OTLP = encodeOtlp([plainSpan]);
const JAEGER = {
  data: [
    {
      spans: [{ traceID: "1", spanID: "2", operationName: "a", startTime: 5, duration: 1, processID: "p1" }],
      processes: { p1: { serviceName: "web" } },
    },
  ],
};
const ZIPKIN = [{ traceId: "1", id: "2", name: "a", timestamp: 5, duration: 1 }];
const TEMPO = { batches: OTLP.resourceSpans };
const BY_FORMAT: Record<TraceFormat, unknown> = { otlp: OTLP, jaeger: JAEGER, zipkin: ZIPKIN, tempo: TEMPO };

describe("importFile", () => {
  test.each(TRACE_FORMATS.flatMap((format) => [0, 2].map((indent) => [format, indent] as const)))(
    "%s with indent %i: the format is told by the content, one span is stored",
    async (format, indent) => {
      const { run, path } = await imported(JSON.stringify(BY_FORMAT[format], null, indent));
      expect(await run()).toEqual({ path, format, read: 1, stored: 1, duplicates: 0, rejected: [] });
    },
  );

  test("importing twice stores once", async () => {
    const { run, stored } = await imported(JSON.stringify(OTLP));
    await run();
    expect(await run()).toMatchObject({ read: 1, stored: 0, duplicates: 1 });
    expect(await stored()).toEqual([plainSpan]);
  });

  test("gzip is told by the content, for documents and for lines", async () => {
    const document = await imported(gzipSync(JSON.stringify(JAEGER, null, 2)));
    expect(await document.run()).toMatchObject({ format: "jaeger", stored: 1 });
    const lines = await imported(gzipSync(lineOf(spanAt(0)) + lineOf(spanAt(1))));
    expect(await lines.run()).toMatchObject({ format: "otlp", stored: 2 });
  });

  test("lines: blank ones, CRLF, a byte order mark and a last line without an end are fine", async () => {
    const { run } = await imported(
      `\uFEFF${lineOf(spanAt(0))}\n\r\n${lineOf(spanAt(1)).replace("\n", "\r\n")}${lineOf(spanAt(2)).trim()}`,
    );
    expect(await run()).toMatchObject({ read: 3, stored: 3 });
  });

  test("many lines are stored in batches while the file is read", async () => {
    const path = join(folder, "many.ndjson");
    await writeFile(path, Array.from({ length: 5_000 }, (_, index) => lineOf(spanAt(index))).join(""));
    const sizes: number[] = [];
    const report = await importFile({
      path,
      onSpans: async (spans) => {
        sizes.push(spans.length);
        return { stored: spans.length, duplicates: 0 };
      },
    });
    expect(sizes).toEqual([2_000, 2_000, 1_000]);
    expect(report).toMatchObject({ read: 5_000, stored: 5_000 });
  });

  test("rejected spans are counted by reason over all lines", async () => {
    const bad = { ...plainSpan, traceId: "no" };
    const { run } = await imported(lineOf(bad, plainSpan) + lineOf(bad) + lineOf({ ...plainSpan, spanId: "0" }));
    expect(await run()).toMatchObject({
      read: 4,
      stored: 1,
      rejected: [
        { reason: "trace id is malformed", count: 2 },
        { reason: "span id is malformed", count: 1 },
      ],
    });
  });

  test("any spans, in lines cut anywhere between documents, come back equal", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(anySpan, { maxLength: 3 }), { minLength: 1, maxLength: 4 }), async (lines) => {
        const path = join(folder, "property.ndjson");
        await writeFile(path, lines.map((spans) => lineOf(...spans)).join(""));
        const seen: Span[] = [];
        const onSpans = async (spans: readonly Span[]) => {
          seen.push(...spans);
          return { stored: spans.length, duplicates: 0 };
        };
        await importFile({ path, onSpans });
        expect(seen).toEqual(lines.flat());
      }),
      { numRuns: 30 },
    );
  });

  test("a broken line names the file and the line; the lines before are stored", async () => {
    const { run, path, stored } = await imported(
      `${lineOf(spanAt(0))}${lineOf(spanAt(1))}{"resourceSp\n${lineOf(spanAt(2))}`,
    );
    await expect(run()).rejects.toMatchObject({
      code: "input_unreadable",
      message: expect.stringContaining(`${path}, line 3`),
      data: { path, line: 3 },
    });
    expect(await stored()).toHaveLength(2);
  });

  test("a line of another format names the line", async () => {
    const { run } = await imported(`${lineOf(spanAt(0))}${JSON.stringify(ZIPKIN)}\n`);
    await expect(run()).rejects.toMatchObject({ data: { line: 2 } });
  });

  test.each([
    ["a truncated document", JSON.stringify(JAEGER, null, 2).slice(0, -9)],
    ["a truncated single line", JSON.stringify(OTLP).slice(0, -9)],
    ["truncated gzip", gzipSync(JSON.stringify(JAEGER)).subarray(0, 60)],
    ["bytes that are no UTF-8", new Uint8Array([0x7b, 0xff, 0x7d])],
    ["another JSON", '{"hello": 1}'],
    ["a number", "17"],
    ["an empty file", ""],
    ["blank lines only", "\n\n"],
  ])("%s: input_unreadable naming the file, nothing is stored", async (_, content) => {
    const { run, path, stored } = await imported(content);
    await expect(run()).rejects.toMatchObject({ code: "input_unreadable", message: expect.stringContaining(path) });
    expect(await stored()).toEqual([]);
  });

  test("a stated format must be the file's", async () => {
    const { run } = await imported(JSON.stringify(JAEGER), "zipkin");
    await expect(run()).rejects.toThrow("this is jaeger JSON, not zipkin");
    const tempo = await imported(JSON.stringify(TEMPO), "otlp");
    expect(await tempo.run()).toMatchObject({ format: "otlp", stored: 1 });
  });

  test("a file that does not exist, and a folder, are input_unreadable", async () => {
    const onSpans = memoryStore().append;
    const path = join(folder, "none.json");
    await expect(importFile({ path, onSpans })).rejects.toMatchObject({ code: "input_unreadable" });
    await expect(importFile({ path: folder, onSpans })).rejects.toMatchObject({ code: "input_unreadable" });
  });

  test("what the store says passes through", async () => {
    const { path } = await imported(JSON.stringify(OTLP));
    const onSpans = () => Promise.reject(new Error("disk full"));
    await expect(importFile({ path, onSpans })).rejects.toThrow("disk full");
  });
});

describe("sniffFormat", () => {
  test("any JSON is told as one of the formats or none, without throwing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (document) => {
        expect([...TRACE_FORMATS, undefined]).toContain(sniffFormat(document));
      }),
    );
  });
});
