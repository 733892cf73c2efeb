import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { MONITOR_INPUTS } from "../../src/actions/monitor-inputs.ts";

const text = readFileSync("workflows/monitor.yml", "utf8");
type Step = { readonly uses?: string; readonly run?: string; readonly with: object };
type Job = {
  readonly permissions: object;
  readonly "timeout-minutes": number;
  readonly environment: string;
  readonly steps: readonly Step[];
};
const workflow = parse(text);
const jobs = Object.values<Job>(workflow.jobs);

describe("workflows/monitor.yml", () => {
  test("may tell people and change nothing", () => {
    expect(workflow.permissions).toEqual({});
    expect(jobs.map(({ permissions }) => permissions)).toEqual([{ contents: "read", issues: "write" }]);
    for (const line of text.match(/^ {6}[a-z-]+: (?:read|write).*$/gm) ?? []) expect(line).toMatch(/ # \S/);
  });

  test("starts by schedule or by hand, one look after the other, each with an end", () => {
    expect(Object.keys(workflow.on)).toEqual(["schedule", "workflow_dispatch"]);
    expect(workflow.on.schedule[0].cron).toMatch(/^\d+ \S+ \S+ \S+ \S+$/);
    expect(workflow.concurrency.group).toBe("whetstone-monitor");
    for (const job of jobs) expect(job["timeout-minutes"]).toBeLessThanOrEqual(15);
  });

  test("runs pinned actions only and hands the monitor inputs that it has", () => {
    for (const { steps } of jobs) {
      for (const { uses, run } of steps) {
        expect(run).toBeUndefined();
        expect(uses).toMatch(/@[0-9a-f]{40}$/);
      }
      const given = Object.keys(steps.at(-1)?.with ?? {});
      expect(given.filter((name) => !MONITOR_INPUTS.some((known) => known === name))).toEqual([]);
    }
  });

  test("keeps the store's address in an environment, and no token in the checkout", () => {
    expect(jobs[0]?.environment).toBe("whetstone-telemetry");
    expect(text.match(/secrets\.\w+/g)).toEqual(["secrets.WHETSTONE_DATABASE_URL"]);
    expect(jobs[0]?.steps[0]?.with).toEqual({ "persist-credentials": false });
  });
});
