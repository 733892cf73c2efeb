import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { AaReport } from "../../src/canary/aa-report.ts";
import { createRandom } from "../../src/stats/random.ts";
import { whetstone, type Ended } from "../support/whetstone.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-judge-"));
});
afterAll(() => rm(folder, { recursive: true }));

const HEADER = "timestamp,operation,durationMs,error";

/** Calls over ten minutes with a share of errors; the same seed gives the same file. */
function calls(seed: string, options: { count: number; errorRate: number; ms: number }): string[] {
  const random = createRandom(seed);
  return Array.from({ length: options.count }, (_, i) => {
    const at = 1_763_635_500_000 + Math.floor((i * 600_000) / options.count);
    const ms = options.ms * (0.5 + random.uniform());
    return `${at},search,${ms.toFixed(3)},${random.uniform() < options.errorRate}`;
  });
}

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return name;
}

function judge(...args: string[]): Promise<Ended> {
  return whetstone(["canary", "judge", ...args], { cwd: folder });
}

describe("canary judge", () => {
  const good = { count: 2000, errorRate: 0.05, ms: 20 };

  test("an equal canary is promoted, a failing one rolled back, an empty one never promoted", async () => {
    const control = await file("control.csv", [HEADER, ...calls("a", good)].join("\n"));
    const same = await file("same.csv", [HEADER, ...calls("b", good)].join("\n"));
    const bad = await file("bad.csv", [HEADER, ...calls("c", { ...good, errorRate: 0.25 })].join("\n"));
    const none = await file("none.csv", `${HEADER}\n`);
    const ended = await Promise.all(
      [same, bad, none].map((experiment) =>
        judge("--control", control, "--experiment", experiment, "--weight", "0.5", "--json"),
      ),
    );
    expect(ended.map(({ code }) => code)).toEqual([0, 1, 3]);
    const verdicts = ended.map(({ out }) => JSON.parse(out));
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["promote", "rollback", "continue"]);
    expect(verdicts[1].reasons).toContain("errors_increased");
    expect(verdicts[2].reasons).toContain("no_canary_traffic");
    for (const { metrics } of verdicts) {
      for (const metric of metrics)
        expect(Object.keys(metric)).toEqual(
          expect.arrayContaining(["name", "control", "experiment", "effect", "interval", "eValue"]),
        );
    }
  });

  test("NDJSON says the same as CSV, and the unknown share is counted", async () => {
    const rows = calls("d", good);
    const toJson = (row: string): string => {
      const [timestamp, operation, durationMs, error] = row.split(",");
      return JSON.stringify({
        timestamp: Number(timestamp),
        operation,
        durationMs: Number(durationMs),
        error: error === "true",
      });
    };
    const csv = await file("e.csv", [HEADER, ...rows].join("\n"));
    const lines = await file("e.ndjson", rows.map(toJson).join("\n"));
    const [one, two] = await Promise.all(
      [csv, lines].map((control) => judge("--control", control, "--experiment", csv, "--json")),
    );
    expect(JSON.parse(two?.out ?? "")).toEqual(JSON.parse(one?.out ?? ""));
  });

  test("people get a table with the guarantee", async () => {
    const control = await file("f.csv", [HEADER, ...calls("f", good)].join("\n"));
    const ended = await judge("--control", control, "--experiment", control);
    expect(ended.out).toContain("false rollbacks at most 0.05");
    expect(ended.out).toMatch(/metric\s+control\s+experiment/);
  });

  test.each([
    ["a negative duration", `${HEADER}\n1763635500000,search,-1,false\n`, "row 1"],
    ["a missing column", "timestamp,operation,error\n1763635500000,search,false\n", "durationMs"],
    ["no number", `${HEADER}\n1763635500000,search,NaN,false\n`, "durationMs"],
    ["too few fields", `${HEADER}\n1763635500000,search\n`, "row 1"],
    ["broken NDJSON", '{"timestamp":1\n', "line 1"],
  ])("refuses %s and says where", async (_what, text, where) => {
    const bad = await file("bad-input", text);
    const ended = await judge("--control", bad, "--experiment", bad);
    expect([ended.code, ended.out]).toEqual([2, ""]);
    expect(ended.err).toContain("error (input_unreadable)");
    expect(ended.err).toContain(where);
  });

  test("missing files and impossible numbers are usage errors", async () => {
    expect((await judge("--control", "nothing.csv", "--experiment", "nothing.csv")).code).toBe(2);
    expect((await judge("--control", "nothing.csv")).err).toContain("Two files are needed");
    const control = await file("g.csv", `${HEADER}\n`);
    const ended = await judge("--control", control, "--experiment", control, "--margin", "0.5");
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining("margin")]);
  });
});

describe("canary judge: calls that are not what they seem", () => {
  test("a file that was joined to itself is refused", async () => {
    const rows = calls("h", { count: 60, errorRate: 0.1, ms: 20 });
    const twice = await file("twice.csv", [HEADER, ...rows, ...rows].join("\n"));
    const once = await file("once.csv", [HEADER, ...rows].join("\n"));
    const ended = await judge("--control", once, "--experiment", twice);
    expect([ended.code, ended.out]).toEqual([2, ""]);
    expect(ended.err).toContain("every call stands in it twice");
    expect((await judge("--control", once, "--experiment", once)).code).toBe(3);
  });

  test("an operation that is harmed among others is named", async () => {
    const broken = calls("i", { count: 200, errorRate: 0.5, ms: 20 }).map((row) => row.replace("search", "export"));
    const fine = calls("j", { count: 200, errorRate: 0, ms: 20 }).map((row) => row.replace("search", "export"));
    const many = (seed: string): string[] => calls(seed, { count: 4_000, errorRate: 0.05, ms: 20 });
    const control = await file("k.csv", [HEADER, ...many("k"), ...fine].join("\n"));
    const experiment = await file("l.csv", [HEADER, ...many("l"), ...broken].join("\n"));
    const ended = await judge("--control", control, "--experiment", experiment, "--weight", "0.5");
    expect(ended.code).toBe(1);
    expect(ended.out).toContain("errors are harmed in: export");
  });
});

describe("canary judge: the end of the horizon", () => {
  test("leaves an open verdict open or takes the canary back; stale data promote nothing", async () => {
    const good = { count: 2000, errorRate: 0.05, ms: 20 };
    const control = await file("m.csv", [HEADER, ...calls("m", good)].join("\n"));
    const same = await file("n.csv", [HEADER, ...calls("n", good)].join("\n"));
    const few = await file("o.csv", [HEADER, ...calls("o", { ...good, count: 40 })].join("\n"));
    const ask = (experiment: string, ...more: string[]): Promise<Ended> =>
      judge("--control", control, "--experiment", experiment, "--json", ...more);
    const [open, held, back, fresh, stale] = await Promise.all([
      ask(few),
      ask(few, "--at-deadline", "inconclusive"),
      ask(few, "--at-deadline", "rollback"),
      ask(same, "--now", "2025-11-20T10:55:00Z"),
      ask(same, "--now", "2025-11-20T20:00:00Z"),
    ]);
    expect([open, held, back, fresh, stale].map(({ code }) => code)).toEqual([3, 3, 1, 0, 3]);
    expect(JSON.parse(back.out).reasons).toContain("deadline_reached");
    expect(JSON.parse(stale.out).reasons).toEqual(["stale_data"]);
  });
});

describe("canary aa", () => {
  const aa = (...args: string[]): Promise<Ended> => whetstone(["canary", "aa", ...args], { cwd: folder });

  test("publishes the rates of the judge on a baseline, as a table and as JSON", async () => {
    const control = await file("aa.csv", [HEADER, ...calls("aa", { count: 600, errorRate: 0.1, ms: 20 })].join("\n"));
    const [shown, json] = await Promise.all([
      aa("--control", control, "--repeat", "10"),
      aa("--control", control, "--repeat", "10", "--json"),
    ]);
    expect([shown.code, json.code]).toEqual([0, 0]);
    expect(shown.out).toMatch(/False rollbacks: .* promised at most 5 %/);
    const report = AaReport.parse(JSON.parse(json.out));
    expect(report).toMatchObject({ repetitions: 10, calls: 600, blocks: 600, looks: 10 });
    expect(report.falseRollback.isBroken).toBe(false);
  });

  test("too few calls, no number and an empty store are said", async () => {
    const few = await file("few.csv", [HEADER, ...calls("few", { count: 20, errorRate: 0, ms: 20 })].join("\n"));
    const ended = await aa("--control", few);
    expect([ended.code, ended.err]).toEqual([
      2,
      expect.stringContaining("The baseline has 20 calls; an A/A needs 100"),
    ]);
    expect((await aa("--control", few, "--repeat", "0")).err).toContain("--repeat 0");
    expect((await aa("--db", "nothing.db")).code).toBe(2);
  });
});

describe("canary judge --kayenta", () => {
  const values = (seed: string, mean: number): number[] => {
    const random = createRandom(seed);
    return Array.from({ length: 60 }, () => mean * (0.8 + 0.4 * random.uniform()));
  };
  const input = (experiment: (number | null)[]): string =>
    JSON.stringify({
      thresholds: { pass: 95, marginal: 75 },
      metrics: [{ name: "latency", groups: ["g"], direction: "increase", control: values("x", 100), experiment }],
    });

  test("passes equals and fails a clear increase, deterministically", async () => {
    const same = await file("same.json", input(values("y", 100)));
    const high = await file("high.json", input(values("z", 200)));
    const ended = await Promise.all([same, high, high].map((name) => judge("--kayenta", name, "--json")));
    expect(ended.map(({ code }) => code)).toEqual([0, 1, 1]);
    expect(ended[1]?.out).toBe(ended[2]?.out);
    expect(JSON.parse(ended[1]?.out ?? "")).toMatchObject({
      score: 0,
      classification: "Fail",
      metrics: [{ name: "latency", classification: "High" }],
    });
  });

  test("null is no data; an unknown key is refused by name", async () => {
    const empty = await file("empty.json", input([null, null]));
    expect(JSON.parse((await judge("--kayenta", empty, "--json")).out).metrics[0].classification).toBe("Nodata");
    const odd = await file("odd.json", JSON.stringify({ ...JSON.parse(input([1])), treshholds: 1 }));
    const ended = await judge("--kayenta", odd);
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining("treshholds")]);
  });
});
