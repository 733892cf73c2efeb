import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { whetstone, type Ended } from "../support/whetstone.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-diagnose-"));
  await writeFile(join(folder, "before.json"), file(0, 5));
  await writeFile(join(folder, "during.json"), file(100, 80));
  await writeFile(join(folder, "empty.json"), JSON.stringify({ resourceSpans: [] }));
});
afterAll(() => rm(folder, { recursive: true }));

const cli = (...args: string[]): Promise<Ended> => whetstone(args, { cwd: folder });

/** Twelve traces of `gateway`, which waits for `db`, which takes `ms`. */
function file(from: number, ms: number): string {
  const spans = Array.from({ length: 12 }, (_, i) => {
    const traceId = (from + i + 1).toString(16).padStart(32, "0");
    const start = 1_763_635_500_000_000_000n + BigInt(from + i) * 1_000_000_000n;
    const span = (name: string, id: number, length: number): object => ({
      traceId,
      spanId: id.toString(16).padStart(16, "0"),
      ...(id > 1 && { parentSpanId: "0000000000000001" }),
      name,
      kind: 2,
      startTimeUnixNano: String(start + BigInt(id * 1000)),
      endTimeUnixNano: String(start + BigInt(id * 1000) + BigInt(Math.round((length + (i % 5) * 0.1) * 1e6))),
      status: {},
    });
    return [span("GET /orders", 1, ms + 4), span("SELECT \u001b[31morders", 2, ms)];
  });
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] };
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "s" }, spans: spans.flat() }] }] });
}

describe("diagnose", () => {
  test("names where the fault began, as JSON and for people, without control characters", async () => {
    const json = await cli("diagnose", "--baseline", "before.json", "--incident", "during.json", "--json");
    expect(json.code).toBe(0);
    expect(JSON.parse(json.out)).toMatchObject({
      ranked: [{ service: "shop", operation: "SELECT \u001b[31morders", score: expect.any(Number) }],
      baselineTraces: 12,
      incidentTraces: 12,
    });
    const text = await cli("diagnose", "--baseline", "before.json", "--incident", "during.json");
    expect(text.out).toContain("its own time rose from 5.15 ms to 80.2 ms");
    expect(text.out).not.toContain("\u001b");
  });

  test("exit code 3 where nothing changed", async () => {
    const same = await cli("diagnose", "--baseline", "before.json", "--incident", "before.json");
    expect(same.code).toBe(3);
    expect(same.out).toContain("do not tell where a fault began");
  });

  test("a missing file, an empty one and a reversed window are refused with 2", async () => {
    for (const incident of ["absent.json", "empty.json", "-1h..-2h"]) {
      const ended = await cli("diagnose", "--baseline", "before.json", "--incident", incident);
      expect(ended.code).toBe(2);
      expect(ended.err).toMatch(/error \(/);
    }
    expect((await cli("diagnose", "--baseline", "before.json")).code).toBe(2);
  });
});
