import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import Papa from "papaparse";
import { exportText, type ExportFormat } from "../../src/backends/export-text.ts";
import { importFile } from "../../src/backends/import-file.ts";
import type { Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { allPages, allRollups, allSpans, sortedRollups } from "../store/naive.ts";
import { span, spanId, spanSet } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";

/** Spans as they come by OTLP: times from 1970 on, the service in the resource, nothing empty where OTLP has nothing. */
const otlpSpans = spanSet.map((spans) =>
  spans.map(({ statusMessage, ...one }): Span => {
    const later = (ns: bigint): bigint => (ns <= 0n ? 1n - ns : ns);
    const { "service.name": _, ...resource } = one.resource;
    const version = one.scope.version ?? "";
    return {
      ...one,
      ...(statusMessage === undefined || statusMessage === "" ? {} : { statusMessage }),
      startNs: later(one.startNs),
      events: one.events.map((event) => ({ ...event, timeNs: later(event.timeNs) })),
      service: one.service === "" ? "unknown_service" : one.service,
      resource: one.service === "" ? resource : { ...resource, "service.name": one.service },
      scope: { name: one.scope.name, ...(version === "" ? {} : { version }) },
    };
  }),
);

async function* batches(spans: readonly Span[]): AsyncGenerator<readonly Span[]> {
  for (let at = 0; at < spans.length; at += 5) yield spans.slice(at, at + 5);
}

async function textOf(spans: readonly Span[], format: ExportFormat): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of exportText(batches(spans), format)) pieces.push(piece);
  return pieces.join("");
}

const lines = (text: string): string[] => text.split("\n").slice(0, -1);

describe("export as OTLP", () => {
  test("imports to an equal store: spans, traces and rollups", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "export.jsonl");
    await fc.assert(
      fc.asyncProperty(otlpSpans, async (spans) => {
        await using from = memoryStore();
        await using to = memoryStore();
        await from.append(spans);
        const pieces: string[] = [];
        for await (const piece of exportText(from.spans({}), "otlp")) pieces.push(piece);
        await writeFile(path, pieces.join(""));
        const report = await importFile({ path, onSpans: to.append });
        expect(report).toMatchObject({ format: "otlp", stored: spans.length, duplicates: 0, rejected: [] });
        expect(await allSpans(to)).toEqual(await allSpans(from));
        expect(await allPages(to, {}, 50)).toEqual(await allPages(from, {}, 50));
        const always = { sinceNs: 0n, untilNs: 2n ** 63n };
        expect(sortedRollups(await allRollups(to, always))).toEqual(sortedRollups(await allRollups(from, always)));
      }),
      { numRuns: 60 },
    );
  });

  test("keeps the service of a span whose resource names another one", async () => {
    const text = await textOf([span({ service: "mine", resource: { "service.name": "theirs", k: 1 } })], "otlp");
    expect(text).toContain("mine");
    expect(text).not.toContain("theirs");
  });

  test("writes a document per hundred spans, each a whole line", async () => {
    const many = Array.from({ length: 250 }, (_, n) => span({ spanId: spanId(n) }));
    async function* one(): AsyncGenerator<readonly Span[]> {
      yield many;
    }
    const pieces: string[] = [];
    for await (const piece of exportText(one(), "otlp")) pieces.push(piece);
    expect(pieces).toHaveLength(4);
    for (const piece of pieces) expect(() => JSON.parse(piece) as unknown).not.toThrow();
  });
});

describe("export as NDJSON", () => {
  test("is one object per span, with every field", async () => {
    const one = span({
      attributes: { "a\nb": 1 },
      events: [{ name: "e", timeNs: 1_700_000_000_000_000_001n, attributes: {} }],
      links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16), attributes: { k: "v" } }],
      status: "error",
      statusMessage: "broken",
    });
    const [line = "", ...more] = lines(await textOf([one], "ndjson"));
    expect(more).toEqual([]);
    expect(JSON.parse(line)).toEqual({
      traceId: one.traceId,
      spanId: one.spanId,
      parentSpanId: null,
      service: "notes",
      operation: "GET /notes",
      kind: "server",
      start: "2023-11-14T22:13:20.000Z",
      durationMs: 5,
      status: "error",
      statusMessage: "broken",
      attributes: { "a\nb": 1 },
      events: [{ name: "e", time: "2023-11-14T22:13:20.000000001Z", attributes: {} }],
      links: one.links,
      resource: one.resource,
      scope: one.scope,
    });
  });

  test("without spans is empty", async () => {
    expect(await textOf([], "ndjson")).toBe("");
  });
});

/** How a spreadsheet reads it that knows the separator. */
const PLAIN = { header: true, delimiter: ",", newline: "\r\n", skipEmptyLines: true } as const;

describe("export as CSV", () => {
  test("has one row per span and keeps every text, whatever it contains", async () => {
    await fc.assert(
      fc.asyncProperty(otlpSpans, async (spans) => {
        const { data, errors } = Papa.parse<Record<string, string>>(await textOf(spans, "csv"), {
          ...PLAIN,
        });
        expect(spans.length === 0 ? [] : errors).toEqual([]);
        expect(data.map((row) => row["operation"]?.replace(/^'/, ""))).toEqual(
          spans.map(({ name }) => name.replace(/^'/, "")),
        );
        expect(data.map((row) => JSON.parse(row["attributes"] ?? "") as unknown)).toEqual(
          spans.map(({ attributes }) => attributes),
        );
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u200b=1",
    "\0=1",
    "\ufeff=1",
    "＝1",
    "－1",
    "\tx",
  ])("%j becomes no formula, in any column of text", async (name) => {
    const text = await textOf([span({ name, service: name, statusMessage: name })], "csv");
    const [row] = Papa.parse<Record<string, string>>(text, PLAIN).data;
    for (const column of ["service", "operation", "statusMessage"]) expect(row?.[column]).toBe(`'${name}`);
  });

  test("leaves other text alone, and has a header without spans", async () => {
    const text = await textOf([span({ name: 'say "hi", =1' })], "csv");
    const [row] = Papa.parse<Record<string, string>>(text, PLAIN).data;
    expect(row).toMatchObject({ operation: 'say "hi", =1', durationMs: "5", parentSpanId: "", events: "[]" });
    expect(await textOf([], "csv")).toMatch(/^traceId,spanId,.*scope\r\n$/);
  });
});
