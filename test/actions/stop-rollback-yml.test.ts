import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { ROLLBACK_INPUTS } from "../../src/actions/rollback-job.ts";
import { STOP_INPUTS } from "../../src/actions/stop-job.ts";
import { AppSettings } from "../../src/config/app.ts";
import { belongingOf } from "../../src/protect/stop/ours.ts";

type Workflow = {
  readonly "run-name": string;
  readonly on: { readonly workflow_dispatch: { readonly inputs: Readonly<Record<string, object>> } };
  readonly permissions: object;
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly { readonly uses?: string; readonly with?: object }[] }>
  >;
};
const read = (name: string): string => readFileSync(`workflows/${name}.yml`, "utf8");
const workflowOf = (name: string): Workflow => parse(read(name)) as Workflow;

describe.each([
  ["rollback", ROLLBACK_INPUTS],
  ["emergency-stop", STOP_INPUTS],
] as const)("workflows/%s.yml", (name, inputs) => {
  test("starts by hand alone, has no permission by default, and gives its action inputs that it knows", () => {
    const { on, permissions, jobs } = workflowOf(name);
    expect([Object.keys(on), permissions]).toEqual([["workflow_dispatch"], {}]);
    const given = Object.values(jobs).flatMap(({ steps }) => steps.flatMap((step) => Object.keys(step.with ?? {})));
    expect(given.filter((input) => !inputs.some((known) => known === input))).toEqual([]);
    expect(given).toContain("token");
  });
});

test("a stop leaves the workflow that stops, and switches off the one that takes back", () => {
  expect(belongingOf(read("emergency-stop"))).toBe("switch");
  for (const name of ["rollback", "loop", "monitor", "canary"])
    expect([name, belongingOf(read(name))]).toEqual([name, "ours"]);
  // It deploys the last known good version: a stop does not end it.
  expect(belongingOf(read("restore"))).toBe("none");
});

test("workflows/restore.yml is what a rollback starts, and is found again by the key in its name", () => {
  expect(AppSettings.parse({}).rollback.workflow).toBe("whetstone-restore.yml");
  const { on, "run-name": title } = workflowOf("restore");
  expect(Object.keys(on.workflow_dispatch.inputs)).toEqual(["sha", "key", "reason"]);
  expect(title).toContain("${{ inputs.key }}");
});
