import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { CANARY_INPUTS } from "../../src/actions/canary-inputs.ts";
import { canaryTitle } from "../../src/app/gate/candidate.ts";

const text = readFileSync("workflows/canary.yml", "utf8");
type Step = { readonly uses?: string; readonly run?: string; readonly with?: object };
type Job = {
  readonly permissions: object;
  readonly needs?: string | readonly string[];
  readonly if?: string;
  readonly environment: string;
  readonly steps: readonly Step[];
};
const workflow = parse(text);
const jobs = workflow.jobs as Readonly<Record<"canary" | "judge" | "promote" | "rollback", Job>>;

describe("workflows/canary.yml", () => {
  test("is named as the App looks for it", () => {
    const sha = "a".repeat(40);
    const name = String(workflow["run-name"]).replace("${{ inputs.sha }}", sha).replace("${{ inputs.pull }}", "7");
    expect(name).toBe(canaryTitle({ sha, pull: 7 }));
    expect(Object.keys(workflow.on.workflow_dispatch.inputs)).toEqual(["sha", "pull", "target"]);
  });

  test("every job that deploys names an environment, reads, and starts by hand alone", () => {
    expect(Object.keys(workflow.on)).toEqual(["workflow_dispatch"]);
    expect(Object.values(jobs).map(({ environment }) => environment)).toEqual([
      "canary",
      "whetstone-telemetry",
      "production",
      "canary",
    ]);
    for (const { permissions } of Object.values(jobs)) expect(permissions).toEqual({ contents: "read" });
  });

  test("production is reached by a verdict or by the App's rule, never by a job that was skipped otherwise", () => {
    expect(jobs.promote.needs).toEqual(["canary", "judge"]);
    expect(jobs.promote.if).toContain("needs.judge.result == 'skipped' && vars.WHETSTONE_GATE == 'app'");
    expect(jobs.promote.if).toContain("needs.canary.result == 'success'");
    expect(jobs.promote.if).not.toContain("always()");
    expect(jobs.rollback.if).toContain("needs.promote.result != 'success'");
  });

  test("what deploys looks at the kill switch first", () => {
    for (const job of [jobs.canary, jobs.promote]) {
      expect(job.steps[0]?.uses).toContain("/actions/stopped@");
      expect(job.steps[1]?.run).toContain('test "$STOPPED" = false');
    }
  });

  test("runs pinned actions only, keeps no token in a checkout, and no input within a script", () => {
    for (const { uses, run, with: given } of Object.values(jobs).flatMap(({ steps }) => steps)) {
      if (uses !== undefined) expect(uses).toMatch(/@[0-9a-f]{40}$/);
      expect(run ?? "").not.toContain("${{");
      if (uses?.startsWith("actions/checkout") === true) expect(given).toHaveProperty("persist-credentials", false);
      if (uses?.includes("/actions/canary@") === true) {
        for (const name of Object.keys(given ?? {})) expect(CANARY_INPUTS).toContain(name);
      }
    }
  });
});
