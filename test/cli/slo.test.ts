import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { main } from "../../src/cli/main.ts";
import { SloReport } from "../../src/model/slo.ts";
import { openStore } from "../../src/store/open.ts";
import { systemClock } from "../../src/wire.ts";
import { span, spanIdOf, traceIdOf } from "../analyze/population.ts";
import { bufferIo } from "./buffer-io.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-slo-"));
  await using store = await openStore({ url: join(folder, "store.db") });
  const now = systemClock.now();
  const calls = Array.from({ length: 500 }, (_, i) =>
    span({
      traceId: traceIdOf(i),
      spanId: spanIdOf(i),
      kind: "server",
      service: i < 400 ? "notes" : "flaky",
      startNs: now - BigInt(i % 50) * 60_000_000_000n,
      durationNs: i % 10 === 0 ? 900_000_000 : 20_000_000,
      status: i >= 400 && i % 4 === 0 ? "error" : "ok",
    }),
  );
  await store.append(calls);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const target = (name: string, slos: string): string =>
  `  ${name}:\n    command: node s.js\n    source: [src/**]\n    workload: w.json\n    slos: ${slos}\n`;

async function run(targets: string, ...args: readonly string[]) {
  await writeFile(join(folder, "whetstone.yaml"), `version: 1\ndb: store.db\ntargets:\n${targets}`);
  const buffer = bufferIo({ cwd: folder });
  const code = await main(["slo", "status", ...args], buffer.io);
  return { code, out: buffer.out(), err: buffer.err() };
}

const AVAILABLE = "[{name: up, sli: availability, objective: 99}]";
const FAST =
  "[{name: fast, sli: latency, threshold: 500ms, objective: 85}, {name: faster, sli: latency, threshold: 10ms, objective: 85}]";

describe("whetstone slo status", () => {
  test("met: exit code 0, budget and burn rates of each objective", async () => {
    const { code, out } = await run(target("notes", AVAILABLE), "--json");
    const report = SloReport.parse(JSON.parse(out));
    expect(report.objectives).toMatchObject([
      { target: "notes", name: "up", objective: 0.99, calls: 400, bad: 0, value: 1, budgetLeft: 1, alert: "none" },
    ]);
    expect(code).toBe(0);
  });

  test("missed and burning: exit code 1, in the table too", async () => {
    const { code, out } = await run(target("notes", AVAILABLE) + target("flaky", AVAILABLE));
    expect(out).toMatch(/flaky +up \(availability\) +99 % +100 +25 +75 % +-2,?400 % .*page +fail/);
    expect(out).toMatch(/^FAIL$/m);
    expect(code).toBe(1);
    expect((await run(target("notes", AVAILABLE) + target("flaky", AVAILABLE), "--target", "notes")).code).toBe(0);
  });

  test("latency from the rollups", async () => {
    const { out } = await run(target("notes", FAST), "--json");
    const [fast, faster] = SloReport.parse(JSON.parse(out)).objectives;
    expect(fast).toMatchObject({ thresholdMs: 500, calls: 400, bad: 40, uncertain: 0, verdict: "pass" });
    expect(faster).toMatchObject({ bad: 400, verdict: "fail" });
  });

  test("no call is inconclusive: exit code 3", async () => {
    const { code, out } = await run(target("silent", AVAILABLE));
    expect(out).toMatch(/no calls/);
    expect(code).toBe(3);
  });

  test.each([
    ["[]", [], /No objective is configured/],
    ["[{name: fast, sli: latency, objective: 99}]", [], /slos.0.threshold: is required but missing/],
    ["[{name: up, sli: availability, objective: 100}]", [], /whetstone\.yaml:\d+:\d+/],
    ["[{name: up, sli: availability, objectiv: 99}]", [], /Did you mean "objective"/],
    [AVAILABLE, ["--target", "nots"], /Did you mean "notes"/],
  ])("slos: %s %j is a clear error", async (slos, args, message) => {
    const { code, err } = await run(target("notes", slos), ...args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});
