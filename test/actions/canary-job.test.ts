import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { CANARY_INPUTS, readCanaryInputs } from "../../src/actions/canary-inputs.ts";
import { CANARY_OUTPUTS, runCanaryJob } from "../../src/actions/canary-job.ts";
import { parseEnv } from "../../src/config/env.ts";
import { runGateStep } from "../../src/loop/gate-step.ts";
import type { Arm } from "../../src/model/call.ts";
import { ATTR } from "../../src/model/span.ts";
import { manualClock } from "../../src/model/time.ts";
import { openStore } from "../../src/store/open.ts";
import { relayedCall } from "../capture/relayed.ts";
import { callsOf } from "../canary/calls.ts";
import { CONTEXT, toolkitFor } from "../support/action-job.ts";

const SHA = "a".repeat(40);
const START_MS = 1_700_000_000_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-gate-"));
  const target = "targets:\n  notes: { command: node a.js, source: [a.ts], workload: w.json }\n";
  await writeFile(join(folder, "whetstone.yaml"), `version: 1\n${target}`);
  await write("baseline.csv", 3_000, 150);
  await write("good.csv", 3_000, 150);
  await write("bad.csv", 3_000, 900);
  await write("few.csv", 5, 0);
  await writeFile(join(folder, "empty.csv"), "timestamp,operation,durationMs,error,session\n");
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Calls of the 12 minutes before the clock of the tests. */
async function write(name: string, calls: number, errors: number): Promise<void> {
  const rows = callsOf("canary", calls, errors).map(
    ({ timestamp, operation, durationMs, error }, i) =>
      `${START_MS - 750_000 + timestamp / 4},${operation},${durationMs},${error},${name}-${i}`,
  );
  await writeFile(join(folder, name), `timestamp,operation,durationMs,error,session\n${rows.join("\n")}\n`);
}

type Given = Readonly<Record<string, string>>;

async function run(inputs: Given, eachLook: () => Promise<void> = () => Promise.resolve(), database?: string) {
  const clock = manualClock(BigInt(START_MS) * 1_000_000n);
  const pauses: number[] = [];
  const given = { commit: SHA, ...inputs };
  const { core, said } = toolkitFor(given);
  await runCanaryJob({
    core,
    context: CONTEXT,
    env: parseEnv(database === undefined ? {} : { DATABASE_URL: database }),
    secrets: [],
    given: Object.keys(given),
    workspace: folder,
    clock,
    untilNextLook: async (ms) => {
      pauses.push(ms);
      clock.advance(ms);
      await eachLook();
    },
    execute: runGateStep,
  });
  expect(Object.keys(said.outputs).toSorted()).toEqual([...CANARY_OUTPUTS].toSorted());
  return { ...said, summary: said.summaries.at(-1) ?? "", pauses };
}

const files = (experiment: string): Given => ({ control: "baseline.csv", experiment });

describe("a job that waits for a canary's verdict", () => {
  test("is green when it may be promoted", async () => {
    const { outputs, failures, summary } = await run(files("good.csv"));
    expect({ outputs, failures }).toEqual({
      outputs: { decision: "allow", "reason-code": "errors_within_margin", result: "promote" },
      failures: [],
    });
    expect(summary).toContain("## Whetstone canary of notes: promote");
    expect(summary).toMatch(/^\| errors \| 0.05 \| 0.05 \| 1 \| promote \|$/m);
  });

  test("is red when it does harm", async () => {
    const { outputs, failures } = await run(files("bad.csv"));
    expect(outputs).toMatchObject({ decision: "deny", "reason-code": "errors_increased", result: "rollback" });
    expect(failures).toEqual([expect.stringContaining("rollback (errors_increased")]);
  });

  test.each(["few.csv", "empty.csv"])(
    "never promotes on %s: undecided is red, or left to the next step",
    async (name) => {
      const red = await run(files(name));
      expect(red.outputs).toMatchObject({ decision: "deny", result: "inconclusive" });
      expect(red.failures).toHaveLength(1);
      const left = await run({ ...files(name), "at-deadline": "none" });
      expect(left.outputs).toMatchObject({ decision: "none", result: "inconclusive" });
      expect(left.failures).toEqual([]);
    },
  );

  test("waits until the deadline and looks again and again; each new verdict is said once", async () => {
    const { outputs, pauses, log } = await run({ ...files("few.csv"), deadline: "150s" });
    expect(pauses).toEqual([60_000, 60_000, 30_000]);
    expect(outputs).toMatchObject({ result: "inconclusive" });
    expect(log.filter((line) => line.startsWith("open"))).toHaveLength(2);
  });

  test("ends as soon as the calls decide", async () => {
    const { outputs, pauses } = await run({ ...files("growing.csv"), deadline: "60m" }, () =>
      write("growing.csv", 3_000, 900),
    ).catch(() => ({ outputs: {}, pauses: [] }));
    // The file is not there at the first look, which is an error and not a verdict.
    expect(outputs).toMatchObject({ decision: "deny", result: "error", "reason-code": "input_unreadable" });
    expect(pauses).toEqual([]);
    await write("growing.csv", 5, 0);
    const later = await run({ ...files("growing.csv"), deadline: "60m" }, () => write("growing.csv", 3_000, 900));
    expect(later.outputs).toMatchObject({ result: "rollback" });
    expect(later.pauses).toHaveLength(1);
  });

  test("reads the store, by the arms and the version that the proxy marked", async () => {
    const url = join(folder, "calls.db");
    await using store = await openStore({ url });
    let number = 0;
    const arm = async (name: Arm, failing: number, version?: string) => {
      const calls = 200;
      const spans = Array.from({ length: calls }, (_, i) => {
        number += 1;
        const { resource, attributes } = relayedCall(number);
        return relayedCall(number, {
          service: "notes",
          startNs: BigInt(START_MS + Math.floor((i * 60_000) / calls)) * 1_000_000n,
          status: (i + 1) % failing === 0 ? "error" : "ok",
          attributes: { ...attributes, [ATTR.mcpSession]: `${name}-${number}` },
          resource: {
            ...resource,
            [ATTR.arm]: name,
            ...(version === undefined ? {} : { [ATTR.serviceVersion]: version }),
          },
        });
      });
      await store.append(spans);
    };
    await arm("baseline", 50);
    await arm("canary", 3, "b".repeat(40));
    const foreign = await run({ deadline: "2m", since: "1m" }, undefined, url);
    expect(foreign.outputs).toMatchObject({ result: "inconclusive" });
    expect(foreign.summary).toContain("200 calls of another commit's canary were left out.");
    await arm("canary", 3, SHA);
    const own = await run({ deadline: "2m", since: "1m" }, undefined, url);
    expect(own.outputs).toMatchObject({ decision: "deny", result: "rollback", "reason-code": "errors_increased" });
  });

  test("a store that is not there is an error, not silence", async () => {
    const { outputs } = await run({}, undefined, join(folder, "none.db"));
    expect(outputs).toMatchObject({ decision: "deny", result: "error", "reason-code": "not_found" });
  });
});

describe("its inputs", () => {
  const read = (inputs: Given) =>
    readCanaryInputs({
      get: (name) => (({ commit: SHA, ...inputs }) as Given)[name] ?? "",
      given: Object.keys(inputs),
      workspace: "/w",
    });

  test("mean what they say", () => {
    expect(read({ since: "10m", deadline: "1h", target: "notes" })).toMatchObject({
      target: "notes",
      sha: SHA,
      source: { kind: "store", sinceMs: 600_000 },
      waitMinutes: 60,
      redAtDeadline: true,
    });
    expect(CANARY_INPUTS).toContain("commit");
  });

  test.each<[Given, string]>([
    [{ commit: "main" }, "is no commit"],
    [{ control: "a.csv" }, "`experiment` is missing"],
    [{ experiment: "a.csv" }, "`control` is missing"],
    [{ control: "a.csv", experiment: "../b.csv" }, "leads out of"],
    [{ control: "a.csv", experiment: "b.csv", since: "1m" }, "`since` is of the store"],
    [{ deadline: "7h" }, "longer than a job lasts"],
    [{ deadline: "soon" }, "not a duration"],
    [{ "at-deadline": "pass" }, "is none of them"],
    [{ "at-dedline": "none" }, "no input `at-dedline`"],
  ])("%j is refused", (inputs, said) => {
    expect(() => read(inputs)).toThrow(expect.objectContaining({ message: expect.stringContaining(said) }));
  });
});
