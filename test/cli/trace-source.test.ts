import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeOtlp } from "../../src/capture/otlp/encode.ts";
import { parseTraceSource, readTraceSource } from "../../src/cli/trace-source.ts";
import type { Span } from "../../src/model/span.ts";
import { formatInstant } from "../../src/model/time.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { span, spanIdOf, traceIdOf } from "../analyze/population.ts";

const HOUR = 3_600_000_000_000n;
const NOW = 1_763_640_000_000_000_000n;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-source-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Trace `n` with one span per offset in hours from NOW. */
function traceAt(n: number, ...hours: readonly number[]): Span[] {
  return hours.map((hour, i) =>
    span({
      traceId: traceIdOf(n),
      spanId: spanIdOf(i),
      ...(i > 0 && { parentSpanId: spanIdOf(0) }),
      startNs: NOW + BigInt(Math.round(hour * 3_600)) * 1_000_000_000n,
      resource: { "service.name": "notes" },
    }),
  );
}

async function context(...spans: readonly Span[]) {
  const store = memoryStore();
  await store.append(spans);
  return { cwd: folder, now: NOW, openStore: async () => store };
}

const noStore = () => ({
  cwd: folder,
  now: NOW,
  openStore: () => Promise.reject(new Error("the store is not needed for files")),
});

const idsOf = ({ traces }: Awaited<ReturnType<typeof readTraceSource>>) => traces.map(({ traceId }) => traceId);

describe("parseTraceSource", () => {
  const parse = (text: string) => parseTraceSource(text, { cwd: folder, now: NOW });

  test("windows in relative and absolute times, open at the end", () => {
    expect(parse("-2h..-1h")).toEqual({ kind: "window", sinceNs: NOW - 2n * HOUR, untilNs: NOW - HOUR });
    expect(parse("-2h..")).toEqual({ kind: "window", sinceNs: NOW - 2n * HOUR, untilNs: NOW });
    expect(parse("-1.5h..now")).toEqual({ kind: "window", sinceNs: NOW - (3n * HOUR) / 2n, untilNs: NOW });
    expect(parse("2025-11-20T10:00:00Z..-1h")).toMatchObject({ kind: "window", untilNs: NOW - HOUR });
  });

  test.each(["traces.json", "../traces.json", "a/../b.json.gz", "..", "yesterday..today"])("%s is a path", (text) => {
    expect(parse(text)).toMatchObject({ kind: "file", path: join(folder, text) });
  });

  test("a file wins over a window of the same name", async () => {
    await writeFile(join(folder, "-3h..-2h"), "{}");
    expect(parse("-3h..-2h").kind).toBe("file");
  });

  test.each([
    ["-1h..-2h", /ends before it starts/],
    ["-1h..-1h", /ends before it starts/],
    ["-1h..later", /"later" is not a time/],
    ["2025-13-01T00:00:00Z..now", /is not a time/],
  ])("%s is a usage error", (text, message) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringMatching(message) }),
    );
  });

  test("any window that is written out is read back", () => {
    const instant = fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n });
    fc.assert(
      fc.property(instant, instant, (a, b) => {
        fc.pre(a < b);
        expect(parse(`${formatInstant(a)}..${formatInstant(b)}`)).toEqual({ kind: "window", sinceNs: a, untilNs: b });
      }),
    );
  });
});

describe("readTraceSource from the store", () => {
  test("takes whole traces that start in the window and no others", async () => {
    const before = traceAt(1, -2.5, -1.5);
    const across = traceAt(2, -1.5, -0.5);
    const within = traceAt(3, -1.9, -1.2);
    const after = traceAt(4, -0.9);
    const set = await readTraceSource("-2h..-1h", await context(...before, ...across, ...within, ...after));
    expect(idsOf(set)).toEqual([traceIdOf(3), traceIdOf(2)]);
    expect(set.traces[1]?.nodes).toHaveLength(2);
  });

  test("leaves traces of canaries out and says so", async () => {
    const canary = traceAt(1, -1.5).map((one) => ({
      ...one,
      resource: { ...one.resource, "whetstone.arm": "canary" },
    }));
    const set = await readTraceSource("-2h..-1h", await context(...canary, ...traceAt(2, -1.5)));
    expect(idsOf(set)).toEqual([traceIdOf(2)]);
    expect(set.notes).toEqual(["1 trace of canaries and tried changes left out."]);
  });

  test("an empty window is an error that names it", async () => {
    await expect(readTraceSource("-2h..-1h", await context(...traceAt(1, -3)))).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("-2h..-1h"),
    });
  });

  test("more pages of traces than one", async () => {
    const spans = Array.from({ length: 1_203 }, (_, n) => traceAt(n, -1.5 + n / 10_000)).flat();
    expect((await readTraceSource("-2h..-1h", await context(...spans))).traces).toHaveLength(1_203);
  });
});

describe("readTraceSource from files", () => {
  const write = (name: string, spans: readonly Span[]) =>
    writeFile(join(folder, name), JSON.stringify(encodeOtlp(spans)));

  test("several files together, gzipped too; copies of a span count once", async () => {
    await write("a.json", traceAt(1, -1, -0.9));
    await writeFile(
      join(folder, "b.json.gz"),
      gzipSync(JSON.stringify(encodeOtlp([...traceAt(2, -1), ...traceAt(1, -1)]))),
    );
    const set = await readTraceSource(["a.json", "b.json.gz"], noStore());
    expect(idsOf(set).toSorted()).toEqual([traceIdOf(1), traceIdOf(2)]);
    expect(set.notes).toEqual(["1 copy of spans left out."]);
    expect(set.label).toBe("a.json, b.json.gz");
  });

  test("rejected spans are told", async () => {
    const good = encodeOtlp(traceAt(1, -1));
    const text = JSON.stringify(good).replace('"spans":[', '"spans":[{"traceId":"zz"},');
    await writeFile(join(folder, "partly.json"), text);
    expect((await readTraceSource("partly.json", noStore())).notes).toEqual([
      expect.stringMatching(/^partly\.json: 1 span left out: /),
    ]);
  });

  test.each([
    ["missing.json", undefined, "input_unreadable"],
    ["broken.json", '{"resourceSpans":[', "input_unreadable"],
    ["foreign.json", '{"a":1}', "input_unreadable"],
    ["empty.json", "", "input_unreadable"],
    ["none.json", '{"resourceSpans":[]}', "not_found"],
  ])("%s is an error that names the file", async (name, text, code) => {
    if (text !== undefined) await writeFile(join(folder, name), text);
    const failure = readTraceSource(name, noStore());
    await expect(failure).rejects.toMatchObject({ code, message: expect.stringContaining(name) });
    await expect(failure).rejects.toMatchObject({ remedy: expect.not.stringMatching(/stored|import again/) });
  });
});
