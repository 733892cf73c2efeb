import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { MONITOR_OUTPUTS, runMonitorJob } from "../../src/actions/monitor-job.ts";
import { parseEnv } from "../../src/config/env.ts";
import type { MonitorRequest, TargetLook } from "../../src/loop/monitor/monitor.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { manualClock } from "../../src/model/time.ts";
import { alert, evidence } from "../loop/monitor/seen.ts";
import { CONTEXT, toolkitFor } from "../support/action-job.ts";
import { finding } from "./report.ts";

const look = (more: Partial<TargetLook> = {}): TargetLook => ({
  target: "notes",
  evidence: evidence(),
  held: [],
  alerts: [],
  notes: [],
  ...more,
});

async function run(looks: readonly TargetLook[] | Error, inputs: Readonly<Record<string, string>> = {}) {
  const { core, said } = toolkitFor(inputs);
  const requests: MonitorRequest[] = [];
  await runMonitorJob({
    core,
    context: CONTEXT,
    env: parseEnv({}),
    secrets: ["database"],
    given: Object.keys(inputs),
    workspace: "/w",
    clock: manualClock(),
    monitor: async (request) => {
      requests.push(request);
      if (looks instanceof Error) throw looks;
      return looks;
    },
  });
  return { ...said, requests, summary: said.summaries.at(-1) ?? "" };
}

const issue = (more: Partial<NonNullable<TargetLook["issue"]>>) =>
  ({ action: "opened", number: 4, fresh: [], ...more }) as const;

describe("a job that monitors", () => {
  test("is green and quiet when nothing is wrong", async () => {
    const { outputs, failures, warnings, summary } = await run([look({ issue: issue({ action: "none" }) })], {
      token: "t",
    });
    expect(outputs).toEqual({
      decision: "allow",
      "reason-code": "ok",
      result: "quiet",
      alerts: "0",
      "new-alerts": "0",
      issue: "https://github.test/o/r/issues/4",
    });
    expect([failures, warnings]).toEqual([[], []]);
    expect(summary).toContain("### notes: quiet");
  });

  test("is green when the issue tells of it, and warns of what is new alone", async () => {
    const alerts = [alert("a"), alert("b")];
    const told = look({ alerts, issue: issue({ fresh: alerts.slice(1) }) });
    const { outputs, failures, warnings, summary, log } = await run([told], { token: "t" });
    expect(outputs).toMatchObject({ decision: "deny", "reason-code": "problem_found", result: "alert", alerts: "2" });
    expect(outputs).toMatchObject({ "new-alerts": "1", issue: "https://github.test/o/r/issues/4" });
    expect(failures).toEqual([]);
    expect(warnings).toEqual(["notes: something about b"]);
    expect(log.slice(0, 4)).toEqual([
      "<notes: 2 alerts in 40 traces",
      "major: something about a",
      "major: something about b",
      ">",
    ]);
    expect(summary).toContain("[4](https://github.test/o/r/issues/4): opened");
  });

  test("is red when there is something to tell and no issue to tell it in", async () => {
    const { failures, warnings } = await run([look({ alerts: [alert("a")] })]);
    expect(failures).toEqual([expect.stringContaining("no issue tells of it")]);
    expect(warnings).toEqual(["notes: something about a"]);
  });

  test("is red when it could not look, with every output there is", async () => {
    const { outputs, failures } = await run(
      new WhetstoneError("not_found", "There is no store.", { remedy: "Name one." }),
    );
    expect(outputs).toEqual({
      ...Object.fromEntries(MONITOR_OUTPUTS.map((name) => [name, ""])),
      decision: "deny",
      "reason-code": "not_found",
      result: "error",
    });
    expect(failures).toEqual(["Whetstone: error (not_found): There is no store. Name one."]);
  });

  test("looks at nothing with an input that cannot be meant", async () => {
    const { requests, outputs } = await run([], { window: "soon" });
    expect([requests, outputs["reason-code"]]).toEqual([[], "usage"]);
  });

  test("masks the token before it is used, and reaches GitHub by it alone", async () => {
    const { masked, requests } = await run([], { token: "ghs_x", target: "notes" });
    expect(masked).toEqual(["database", "ghs_x"]);
    expect(requests[0]?.places.github).toMatchObject({ owner: "o", repo: "r", self: "github-actions[bot]" });
    expect(requests[0]).toMatchObject({ target: "notes", url: "https://github.test/o/r/actions/runs/17" });
    expect((await run([])).requests[0]?.places.github).toBeUndefined();
  });

  test("shows findings, what became worse and what limits the look, whatever their names hold", async () => {
    const hostile = "a|b\n::error::x <img> @ada";
    const found = look({
      target: "notes",
      evidence: evidence({ findings: [finding(hostile)], omitted: { operations: 0, findings: 3 } }),
      alerts: [alert("a", { text: hostile, traceId: "f".repeat(32) })],
      notes: [hostile],
    });
    const { summary, log, warnings } = await run([found]);
    expect(summary).toContain(`\`${"f".repeat(32)}\``);
    expect(summary).toContain("3 lesser findings were left out");
    expect(summary).not.toMatch(/<img>|@ada|^::/m);
    for (const line of [...log, ...warnings]) expect(line).not.toMatch(/\n|^::/);
    for (const row of summary.split("\n").filter((line) => line.startsWith("| major"))) {
      expect(row.replaceAll("\\|", "").match(/\|/g)).toHaveLength(4);
    }
  });

  test("sets the outputs of its action.yml", () => {
    const action = parse(readFileSync("actions/monitor/action.yml", "utf8")) as { readonly outputs: object };
    expect(Object.keys(action.outputs)).toEqual([...MONITOR_OUTPUTS]);
  });
});
