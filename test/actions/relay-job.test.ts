import { describe, expect, test } from "@jest/globals";
import { outputsOf, RELAY_OUTPUTS, runRelayAction } from "../../src/actions/relay-job.ts";
import { parseEnv } from "../../src/config/env.ts";
import type { RelayEnd, RelayRequest } from "../../src/loop/relay-request.ts";
import type { RelayJob } from "../../src/loop/relay-jobs.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { CONTEXT, toolkitFor } from "../support/action-job.ts";
import { report } from "./report.ts";

const DIGEST = "b".repeat(64);

function end(more: Partial<RelayEnd> = {}): RelayEnd {
  const last = { stage: "validate", verdict: "pass", reasons: ["ok" as const], durationMs: 5, summary: "all is well" };
  const path = "/w/repository/.whetstone/relay/d-1";
  return { path, digest: DIGEST, run: "r-1", stages: [last], last, go: true, recordedAnswer: false, ...more };
}

async function act(job: RelayJob, inputs: Readonly<Record<string, string>>, ended: RelayEnd | Error) {
  const { core, said } = toolkitFor(inputs);
  const requests: RelayRequest[] = [];
  await runRelayAction({
    job,
    core,
    context: CONTEXT,
    env: parseEnv({}),
    secrets: ["hidden-value"],
    given: Object.keys(inputs),
    workspace: "/w",
    variables: { ANTHROPIC_API_KEY: "hidden-value" },
    execute: async (request) => {
      requests.push(request);
      if (ended instanceof Error) throw ended;
      return ended;
    },
  });
  return { requests, ...said };
}

const announced = (more: Readonly<Record<string, string>> = {}) => ({
  result: "success",
  outputs: { digest: DIGEST, ...more },
});
/** What every job but the gate is told: all jobs before it announced the same, the gate its order. */
const BEFORE = {
  gate: announced({ order: "c".repeat(64) }),
  evidence: announced(),
  session: announced(),
  detect: announced(),
  validate: announced(),
};
const HANDED_ON = { dossier: "before", needs: JSON.stringify(BEFORE), "working-directory": "repository" };
const ARTIFACT = {
  needs: JSON.stringify({ ...BEFORE, session: announced({ artifact: "5", "artifact-digest": DIGEST }) }),
};
const NEEDS = JSON.stringify({ gate: { result: "success", outputs: { digest: DIGEST } } });

describe("a job of the relay", () => {
  test("hands its inputs on, with the workflow run as the actor", async () => {
    const { requests, masked } = await act("validate", HANDED_ON, end());
    expect(requests).toMatchObject([
      {
        job: "validate",
        places: { cwd: "/w/repository", config: "/w/repository/whetstone.yaml" },
        actor: { type: "workflow", id: "o/r/actions/runs/17 by octocat" },
        earlier: { path: "/w/before", digest: DIGEST },
        order: "c".repeat(64),
        workflow: { id: 17, attempt: 1 },
        dryRun: false,
      },
    ]);
    expect(masked).toEqual(["hidden-value"]);
  });

  test("says what it concluded and hands on the dossier with its digest", async () => {
    const { outputs, notices, failures, summaries } = await act("validate", HANDED_ON, end());
    expect(outputs).toEqual({
      go: "true",
      decision: "allow",
      "reason-code": "ok",
      result: "pass",
      dossier: "repository/.whetstone/relay/d-1",
      digest: DIGEST,
      run: "r-1",
    });
    expect([notices, failures]).toEqual([["Whetstone: validate pass (ok): all is well"], []]);
    expect(summaries).toEqual([expect.stringContaining("| validate | pass | ok |")]);
  });

  test("that does not pass keeps the next one from running; the one that records makes the run red", async () => {
    const last = {
      stage: "validate",
      verdict: "fail",
      reasons: ["check_failed" as const],
      durationMs: 5,
      summary: "no",
    };
    const stopped = await act("validate", HANDED_ON, end({ last, stages: [last], go: false }));
    expect([stopped.outputs["go"], stopped.outputs["decision"], stopped.failures]).toEqual(["false", "deny", []]);
    const inputs = { dossier: "dossiers", needs: NEEDS };
    const rejected = await act("record", inputs, end({ report: report("rejected"), go: false }));
    expect([rejected.outputs["result"], rejected.outputs["decision"], rejected.failures.length]).toEqual([
      "rejected",
      "deny",
      1,
    ]);
    const proposed = await act("record", inputs, end({ report: report("proposed"), go: false }));
    expect([proposed.outputs["result"], proposed.outputs["decision"], proposed.failures]).toEqual([
      "proposed",
      "allow",
      [],
    ]);
    expect(Object.keys(proposed.outputs).toSorted()).toEqual(outputsOf("record").toSorted());
  });

  test("that cannot finish is red at once and lets nothing go on", async () => {
    const error = new WhetstoneError("dossier_mismatch", "The dossier is another.", { remedy: "Run again." });
    const { outputs, failures, summaries } = await act("propose", HANDED_ON, error);
    expect(outputs).toMatchObject({ go: "", digest: "", decision: "deny", "reason-code": "dossier_mismatch" });
    expect(Object.keys(outputs).toSorted()).toEqual([...RELAY_OUTPUTS].toSorted());
    expect(failures).toEqual(["Whetstone: error (dossier_mismatch): The dossier is another. Run again."]);
    expect(summaries).toHaveLength(1);
  });

  test("that was given a token keeps the state on GitHub, and the log never shows it", async () => {
    const { requests, masked } = await act("propose", { ...HANDED_ON, ...ARTIFACT, token: "dummy-token" }, end());
    const [{ places } = { places: undefined }] = requests;
    expect(places?.github).toMatchObject({ owner: "o", repo: "r", baseUrl: "https://api.github.test" });
    expect(requests[0]?.madeIn).toEqual({
      run: { id: 17, attempt: 1 },
      url: "https://github.test/o/r/actions/runs/17",
      artifact: { id: 5, digest: DIGEST },
    });
    expect(places?.github?.token.reveal()).toBe("dummy-token");
    expect(masked).toEqual(["hidden-value", "dummy-token"]);
    expect((await act("evidence", HANDED_ON, end())).requests[0]?.places).not.toHaveProperty("github");
  });

  test("with inputs that cannot be meant is not begun", async () => {
    const { requests, outputs } = await act("evidence", { dossier: "before" }, end());
    expect([requests, outputs["reason-code"]]).toEqual([[], "usage"]);
  });
});
