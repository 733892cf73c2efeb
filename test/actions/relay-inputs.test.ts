import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RELAY_INPUTS, readRelayInputs } from "../../src/actions/relay-inputs.ts";
import { RELAY_JOBS, type RelayJob } from "../../src/loop/relay-jobs.ts";

const DIGEST = "a".repeat(64);
const FULL: Readonly<Record<string, string>> = {
  target: "notes",
  token: "dummy-token",
  dossier: "before",
  digest: DIGEST,
  artifact: "5",
  "artifact-digest": `sha256:${DIGEST}`,
  session: "replay:s.json",
  needs: JSON.stringify({ gate: { result: "success", outputs: { digest: DIGEST } } }),
  "dry-run": "true",
  config: "c.yaml",
  "working-directory": "repository",
};

function read(job: RelayJob, inputs: Readonly<Record<string, string>>) {
  return readRelayInputs(job, {
    get: (name) => inputs[name] ?? "",
    given: Object.keys(inputs).filter((name) => inputs[name] !== ""),
    workspace: "/w",
  });
}

const digest = (n: number): string => String(n).repeat(64);

const known = (job: RelayJob, inputs = FULL): Record<string, string> =>
  Object.fromEntries(
    Object.entries(inputs).filter(([name]) => (RELAY_INPUTS[job] as readonly string[]).includes(name)),
  );

const needs = (jobs: Readonly<Record<string, readonly [result: string, digest?: string]>>): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(jobs).map(([name, [result, digest]]) => [name, { result, outputs: digest ? { digest } : {} }]),
    ),
  );

describe("readRelayInputs", () => {
  test("reads all inputs of a job, paths below the workspace and the repository", () => {
    expect(read("session", known("session"))).toEqual({
      job: "session",
      folder: "/w/repository",
      config: "/w/repository/c.yaml",
      recording: "/w/repository/s.json",
      earlier: { path: "/w/before", digest: DIGEST },
      target: undefined,
      token: undefined,
      artifact: undefined,
      dryRun: true,
    });
    expect(read("gate", {})).toMatchObject({ folder: "/w", config: "/w/whetstone.yaml", dryRun: false });
  });

  test("every job refuses what it does not know, and says what was meant", () => {
    for (const job of RELAY_JOBS) {
      expect(() => read(job, { ...known(job), dryrun: "true" })).toThrow("There is no input `dryrun`");
    }
    const remedy = (inputs: Record<string, string>) => {
      try {
        return read("gate", inputs);
      } catch (error) {
        return error;
      }
    };
    expect(remedy({ "github-token": "t" })).toMatchObject({ remedy: "Did you mean `token`?" });
    expect(remedy({ dry_run: "true" })).toMatchObject({ remedy: "Did you mean `dry-run`?" });
    expect(remedy({ zzzzzzzz: "1" })).toMatchObject({ remedy: expect.stringContaining("The inputs are") });
  });

  test("what is handed on is never left out", () => {
    for (const job of RELAY_JOBS.filter((name) => name !== "gate" && name !== "record")) {
      for (const name of ["dossier", "digest"]) {
        expect(() => read(job, { ...known(job), [name]: "" })).toThrow(`The input \`${name}\` is missing`);
      }
    }
    expect(() => read("record", { ...known("record"), needs: "" })).toThrow("`needs` is missing");
    expect(() => read("session", { ...known("session"), session: "claude please" })).toThrow("is not `replay:FILE`");
  });

  test("the session's artifact is named by id and digest together", () => {
    expect(read("validate", known("validate")).artifact).toEqual({ id: 5, digest: DIGEST });
    for (const half of [
      { artifact: "" },
      { "artifact-digest": "" },
      { artifact: "five" },
      { "artifact-digest": "abc" },
    ]) {
      expect(() => read("detect", { ...known("detect"), ...half })).toThrow("names no artifact");
    }
    const none = { ...known("propose"), artifact: "", "artifact-digest": "" };
    expect(() => read("propose", none)).toThrow("`token` is set, but not `artifact`");
    expect(read("propose", { ...none, token: "" }).artifact).toBeUndefined();
  });

  test("no path leads out of the workspace", () => {
    for (const name of ["dossier", "working-directory", "config"]) {
      expect(() => read("validate", { ...known("validate"), [name]: "../elsewhere" })).toThrow("leads out of");
    }
    expect(() => read("session", { ...known("session"), session: "replay:../../s.json" })).toThrow("leads out of");
  });
});

describe("what is recorded", () => {
  const record = (jobs: Parameters<typeof needs>[0]) => read("record", { ...known("record"), needs: needs(jobs) });

  test("is the dossier of the job that came furthest", () => {
    const furthest = record({
      gate: ["success", digest(1)],
      evidence: ["success", digest(2)],
      session: ["success", digest(3)],
      validate: ["skipped"],
      propose: ["skipped"],
    });
    expect([furthest.earlier?.digest, furthest.lost]).toEqual([digest(3), undefined]);
  });

  test("names the first job that was lost", () => {
    for (const result of ["failure", "cancelled"]) {
      const lost = record({ gate: ["success", digest(1)], evidence: [result], session: ["skipped"] });
      expect([lost.earlier?.digest, lost.lost]).toEqual([digest(1), { job: "evidence", result }]);
    }
  });

  test("is not of a job that failed after its stage: nothing may have been handed on", () => {
    const lost = record({ gate: ["success", digest(1)], evidence: ["failure", digest(2)] });
    expect([lost.earlier?.digest, lost.lost]).toEqual([digest(1), { job: "evidence", result: "failure" }]);
  });

  test("passes over a digest that is none", () => {
    const odd = record({ gate: ["success", digest(1)], evidence: ["failure", "${{ steps.stage.outputs.digest }}"] });
    expect([odd.earlier?.digest, odd.lost?.job]).toEqual([digest(1), "evidence"]);
  });

  test("is nothing when not even the gate left a dossier", () => {
    expect(() => record({ gate: ["failure"] })).toThrow("`gate` ended as failure");
    expect(() => record({})).toThrow("`gate` ended as missing");
  });

  test("text that is not what the runner writes is refused", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        fc.pre(text !== "");
        expect(() => read("record", { ...known("record"), needs: text })).toThrow();
      }),
    );
  });
});
