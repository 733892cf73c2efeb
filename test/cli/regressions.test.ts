import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { encodeOtlp } from "../../src/capture/otlp/encode.ts";
import { main } from "../../src/cli/main.ts";
import { RegressionReport } from "../../src/model/regression.ts";
import { repeat, type Plan } from "../analyze/population.ts";
import { bufferIo, HOSTILE, holdsControl } from "./buffer-io.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-regressions-"));
  const write = (name: string, count: number, plan: (i: number) => Plan) => {
    const spans = repeat(count, plan).map((span) => ({ ...span, resource: { "service.name": span.service } }));
    return writeFile(join(folder, name), JSON.stringify(encodeOtlp(spans)));
  };
  const call = (ms: number, names: readonly string[] = ["query"]): Plan => ({
    name: "tool",
    kind: "server",
    at: 0,
    ms,
    children: names.map((name, i) => ({ name, at: i, ms: 0.5 })),
  });
  await write("before.json", 120, (i) => call(50 + (i % 7)));
  await write("same.json", 120, (i) => call(50 + ((i + 3) % 7)));
  await write("slow.json", 120, (i) => call(150 + (i % 7)));
  await write("few.json", 4, (i) => call(50 + i));
  await write("changed.json", 120, (i) => call(50 + (i % 7), HOSTILE.slice(0, 11)));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function run(...args: readonly string[]) {
  const buffer = bufferIo({ cwd: folder });
  const code = await main(["regressions", ...args], buffer.io);
  return { code, out: buffer.out(), err: buffer.err() };
}

describe("whetstone regressions", () => {
  test("equal sets pass with exit code 0", async () => {
    const { code, out } = await run("--baseline", "before.json", "--candidate", "same.json");
    expect(out).toMatch(/^PASS \(ok\)$/m);
    expect(code).toBe(0);
  });

  test("a slow-down fails with exit code 1, as table and as JSON of the schema", async () => {
    const table = await run("--baseline", "before.json", "--candidate", "slow.json");
    expect(table.code).toBe(1);
    expect(table.out).toMatch(/tool +server +p50_ms +53 +153 +\+18\d(\.\d)? %/);
    const json = await run("--baseline", "before.json", "--candidate", "slow.json", "--json");
    expect(json.code).toBe(1);
    const report = RegressionReport.parse(JSON.parse(json.out));
    expect(report).toMatchObject({ verdict: "fail", reasons: ["latency_regressed"] });
  });

  test("too few traces are inconclusive with exit code 3", async () => {
    const { code, out } = await run("--baseline", "before.json", "--candidate", "few.json");
    expect(out).toMatch(/^INCONCLUSIVE \(evidence_insufficient\)$/m);
    expect(code).toBe(3);
  });

  test("structure may be reported only; names from telemetry cannot act on the terminal", async () => {
    const flags = ["--baseline", "before.json", "--candidate", "changed.json"];
    const judged = await run(...flags);
    expect(judged.code).toBe(1);
    expect(judged.out).toMatch(/appeared/);
    expect(holdsControl(judged.out)).toBe(false);
    expect((await run(...flags, "--structure", "report")).code).toBe(0);
  });

  test.each([
    [["--candidate", "same.json"], /--baseline is missing/],
    [["--baseline", "same.json"], /--candidate is missing/],
    [["--baseline", "a.json", "--candidate", "same.json"], /a\.json/],
    [["--baseline", "-1h..-2h", "--candidate", "same.json"], /ends before it starts/],
    [["--baseline", "before.json", "--candidate", "same.json", "--alpha", "5"], /--alpha 5/],
  ])("%j is a clear error with exit code 2", async (args, message) => {
    const { code, err, out } = await run(...args, "--json");
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(JSON.parse(out)).toHaveProperty("error.remedy");
  });
});
