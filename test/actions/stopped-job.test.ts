import { expect, test } from "@jest/globals";
import { runStoppedJob, STOPPED_OUTPUTS } from "../../src/actions/stopped-job.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { CONTEXT, toolkitFor } from "../support/action-job.ts";

async function look(inputs: Readonly<Record<string, string>>, said: { stopped: boolean; text: string } | Error) {
  const { core, said: told } = toolkitFor(inputs);
  const asked: string[] = [];
  await runStoppedJob({
    core,
    context: CONTEXT,
    secrets: [],
    given: Object.keys(inputs),
    workspace: "/w",
    look: async (place, root) => {
      asked.push(`${place.owner}/${place.repo} ${root}`);
      if (said instanceof Error) throw said;
      return said;
    },
  });
  return { ...told, asked };
}

const RUNNING = { stopped: false, text: "the kill switch is not set" };

test("says that nothing is stopped, and never shows its token", async () => {
  const ended = await look({ token: "t", "working-directory": "repository" }, RUNNING);
  expect(ended).toMatchObject({
    outputs: { stopped: "false", decision: "allow", "reason-code": "ok", result: "running" },
    failures: [],
    masked: ["t"],
    asked: ["o/r /w/repository"],
  });
});

test("a stop is no failure of this step: the next one ends the run, and it is told", async () => {
  const { outputs, failures } = await look({ token: "t" }, { stopped: true, text: "the kill switch is set" });
  expect([outputs["stopped"], outputs["reason-code"], failures]).toEqual(["true", "disabled", []]);
});

test("without a token, or when it fails, it is red and says nothing that lets a run go on", async () => {
  for (const ended of [
    await look({}, RUNNING),
    await look({ token: "t", tokn: "x" }, RUNNING),
    await look({ token: "t" }, new WhetstoneError("api_failed", "GitHub is down.")),
  ]) {
    expect([ended.failures.length, ended.outputs["stopped"]]).toEqual([1, ""]);
    expect(Object.keys(ended.outputs).toSorted()).toEqual([...STOPPED_OUTPUTS].toSorted());
  }
});
