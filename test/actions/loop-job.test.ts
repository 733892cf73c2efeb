import { describe, expect, test } from "@jest/globals";
import type { LoopJob } from "../../src/actions/job.ts";
import { runLoopJob } from "../../src/actions/loop-job.ts";
import { parseEnv } from "../../src/config/env.ts";
import type { LoopReport } from "../../src/flow.ts";
import type { LoopRequest } from "../../src/loop/execute.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { CONTEXT, type Said, toolkitFor } from "../support/action-job.ts";
import { report } from "./report.ts";

type Script = {
  readonly inputs?: Readonly<Record<string, string>>;
  readonly end?: LoopReport;
  readonly error?: unknown;
  readonly job?: Partial<LoopJob>;
};

async function runJob({
  inputs = {},
  end = report("promoted"),
  error,
  job = {},
}: Script): Promise<Said & { readonly requests: readonly LoopRequest[] }> {
  const { core, said } = toolkitFor(inputs);
  const requests: LoopRequest[] = [];
  await runLoopJob({
    core,
    context: CONTEXT,
    env: parseEnv({}),
    secrets: [],
    given: Object.keys(inputs),
    workspace: "/work/repo",
    execute: async (request, watcher) => {
      requests.push(request);
      watcher.note("recovered: ::error::nothing");
      watcher.observer.started("gate");
      if (error !== undefined) throw error;
      return { report: end, root: "/work/repo", recordedAnswer: request.recording !== undefined };
    },
    ...job,
  });
  return { ...said, requests };
}

describe("runLoopJob", () => {
  test("hands the inputs to the loop, with the workflow run as the actor", async () => {
    const inputs = { mode: "refinement", session: "replay:s.json", target: "notes", "dry-run": "true" };
    const { requests } = await runJob({ inputs });
    expect(requests).toEqual([
      {
        places: { cwd: "/work/repo", config: "/work/repo/whetstone.yaml" },
        env: parseEnv({}),
        actor: { type: "workflow", id: "o/r/actions/runs/17 by octocat" },
        target: "notes",
        mode: "refinement",
        recording: "/work/repo/s.json",
        dryRun: true,
      },
    ]);
  });

  test("a promoted change is green, with every output", async () => {
    const end = report("promoted", { reasons: ["errors_within_margin"], branch: "whetstone/proposal/notes/a" });
    const { outputs, failures, notices, summaries } = await runJob({ end });
    expect(outputs).toEqual({
      decision: "allow",
      "reason-code": "errors_within_margin",
      result: "promoted",
      dossier: ".whetstone/dossiers/d-1",
      "cost-usd": "0.1250",
      branch: "whetstone/proposal/notes/a",
    });
    expect(failures).toEqual([]);
    expect(notices).toEqual(["Whetstone: promoted (errors_within_margin)"]);
    expect(summaries.join()).toContain("promoted");
  });

  test.each([
    ["rejected", "deny", "replay_result_changed"],
    ["rolled_back", "deny", "errors_increased"],
    ["inconclusive", "deny", "deadline_reached"],
  ] as const)("a run that ends %s is red with its reason codes", async (status, decision, reason) => {
    const end = report(status, { reasons: [reason, "replay_slower"], branch: "b" });
    const { outputs, failures, notices } = await runJob({ end });
    expect(outputs).toMatchObject({ decision, result: status, "reason-code": reason });
    expect(outputs["branch"]).toBe(status === "inconclusive" ? "b" : "");
    expect(failures).toEqual([`Whetstone: ${status} (${reason}, replay_slower)`]);
    expect(notices).toEqual([]);
  });

  test.each(["no_finding", "dry_run"] as const)("no change (%s) is green and says so", async (reason) => {
    const { outputs, failures, notices } = await runJob({ end: report("no_change", { reasons: [reason] }) });
    expect(outputs).toMatchObject({ decision: "none", result: "no_change", "reason-code": reason, branch: "" });
    expect(failures).toEqual([]);
    expect(notices).toEqual([`Whetstone: no_change (${reason}); 0 findings`]);
  });

  test("inputs that do not fit start nothing, and every output still says so", async () => {
    const { requests, outputs, failures, summaries } = await runJob({ inputs: { mode: "refinement" } });
    expect(requests).toEqual([]);
    expect(outputs).toEqual({
      decision: "deny",
      "reason-code": "usage",
      result: "error",
      dossier: "",
      "cost-usd": "",
      branch: "",
    });
    expect(failures.join()).toMatch(/error \(usage\): .*needs the input `session`.*replay:FILE/);
    expect(summaries.join()).toContain("usage");
  });

  test("an error in the middle is red with code and remedy, and the open group is closed", async () => {
    const error = new WhetstoneError("server_died", "The server ended.\n::warning::x", { remedy: "Look at its log." });
    const { outputs, failures, log } = await runJob({ error });
    expect(outputs).toMatchObject({ result: "error", "reason-code": "server_died" });
    expect(failures).toEqual(["Whetstone: error (server_died): The server ended. ::warning::x Look at its log."]);
    expect(log).toEqual(["recovered: ::error::nothing", "<gate", ">"]);
  });

  test("a bug is red as one and shows its stack", async () => {
    const { outputs, failures, log } = await runJob({ error: new TypeError("x is undefined") });
    expect(outputs).toMatchObject({ result: "error", "reason-code": "defect" });
    expect(failures.join()).toContain("x is undefined This is a bug in Whetstone");
    expect(log.join("\n")).toMatch(/at .*loop-job\.test\.ts/);
  });

  test("outside a job nothing starts", async () => {
    const context = {
      actor: "",
      triggeringActor: "",
      runId: Number.NaN,
      runAttempt: 1,
      serverUrl: "",
      apiUrl: "",
      repo: { owner: "", repo: "" },
    };
    const { requests, failures } = await runJob({ job: { context } });
    expect(requests).toEqual([]);
    expect(failures.join()).toContain("no job of GitHub Actions");
  });

  test("secrets are masked before anything else is written", async () => {
    const { masked, requests } = await runJob({ job: { secrets: ["a", "b"] }, inputs: { mode: "nonsense" } });
    expect(masked).toEqual(["a", "b"]);
    expect(requests).toEqual([]);
  });

  test("a summary that cannot be written makes a green run red", async () => {
    const outputs: Record<string, string> = {};
    const failures: string[] = [];
    const core: LoopJob["core"] = {
      getInput: () => "",
      setSecret: () => {},
      info: () => {},
      notice: () => {},
      warning: () => undefined,
      error: () => undefined,
      startGroup: () => {},
      endGroup: () => {},
      setOutput: (name, value) => void (outputs[name] = value),
      setFailed: (message) => void failures.push(message),
      writeSummary: () => Promise.reject(new Error("disk full")),
    };
    await runJob({ job: { core } });
    expect(outputs["result"]).toBe("promoted");
    expect(failures).toEqual(["The job summary could not be written: disk full"]);
  });
});
