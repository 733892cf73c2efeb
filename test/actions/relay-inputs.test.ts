import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RELAY_INPUTS, readRelayInputs } from "../../src/actions/relay-inputs.ts";
import { RELAY_JOBS, type RelayJob } from "../../src/loop/relay-jobs.ts";

const DIGEST = "a".repeat(64);
const ORDER = "b".repeat(64);
const done = (outputs: Readonly<Record<string, string>>) => ({ result: "success", outputs });
const BEFORE = {
  gate: done({ digest: DIGEST, order: ORDER }),
  evidence: done({ digest: DIGEST }),
  session: done({ digest: DIGEST, artifact: "5", "artifact-digest": `sha256:${DIGEST}` }),
  detect: done({ digest: DIGEST }),
  validate: done({ digest: DIGEST }),
};
const FULL: Readonly<Record<string, string>> = {
  target: "notes",
  mode: "refinement",
  session: "replay:s.json",
  token: "dummy-token",
  dossier: "before",
  needs: JSON.stringify(BEFORE),
  stopped: "false",
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

const remedyOf = (job: RelayJob, inputs: Record<string, string>): unknown => {
  try {
    return read(job, inputs);
  } catch (error) {
    return error;
  }
};

describe("readRelayInputs", () => {
  test("reads all inputs of a job, paths below the workspace and the repository", () => {
    expect(read("session", known("session"))).toEqual({
      job: "session",
      folder: "/w/repository",
      config: "/w/repository/c.yaml",
      earlier: { path: "/w/before", digest: DIGEST },
      order: ORDER,
      stopped: false,
      target: undefined,
      token: undefined,
      artifact: { id: 5, digest: DIGEST },
      dryRun: true,
    });
    expect(read("gate", {})).toMatchObject({ folder: "/w", config: "/w/whetstone.yaml", dryRun: false });
    expect(read("gate", known("gate")).asked).toMatchObject({ mode: "refinement" });
  });

  test("every job refuses what it does not know, and says what was meant", () => {
    for (const job of RELAY_JOBS) {
      expect(() => read(job, { ...known(job), dryrun: "true" })).toThrow("There is no input `dryrun`");
    }
    expect(remedyOf("gate", { "github-token": "t" })).toMatchObject({ remedy: "Did you mean `token`?" });
    expect(remedyOf("gate", { dry_run: "true" })).toMatchObject({ remedy: "Did you mean `dry-run`?" });
    expect(remedyOf("gate", { "max-budget-usd": "1" })).toMatchObject({ remedy: "Did you mean `budget-usd`?" });
    expect(remedyOf("gate", { zzzzzzzz: "1" })).toMatchObject({ remedy: expect.stringContaining("The inputs are") });
  });

  test("what was handed on by names of their own comes with `needs` now, and that is said", () => {
    for (const old of ["digest", "artifact", "artifact-digest"]) {
      expect(remedyOf("detect", { ...known("detect"), [old]: "1" })).toMatchObject({
        remedy: "Did you mean `needs`?",
      });
    }
  });

  test("what is asked for is said to the gate alone", () => {
    for (const job of RELAY_JOBS.slice(1)) {
      for (const name of ["session", "mode", "target", "authorization"]) {
        const refused = remedyOf(job, { ...known(job), [name]: "x" });
        expect(refused).toMatchObject({ remedy: "Set it on the job gate, which hands it on." });
      }
    }
  });

  test("what is handed on is never left out", () => {
    for (const job of RELAY_JOBS.filter((name) => name !== "gate")) {
      for (const name of ["dossier", "needs"]) {
        expect(() => read(job, { ...known(job), [name]: "" })).toThrow(`The input \`${name}\` is missing`);
      }
    }
    for (const job of RELAY_JOBS.filter((name) => name !== "gate" && name !== "record")) {
      const before = RELAY_JOBS[RELAY_JOBS.indexOf(job) - 1] ?? "";
      const without = JSON.stringify({ ...BEFORE, [before]: undefined });
      expect(() => read(job, { ...known(job), needs: without })).toThrow(`no digest of the job \`${before}\``);
    }
  });

  test("the job that writes is told what was read before the change was executed, and so is the one that records", () => {
    const needed = { ...BEFORE, detect: done({ digest: ORDER }) };
    const told = (job: RelayJob, of: object) => read(job, { ...known(job), needs: JSON.stringify(of) }).earlier;
    for (const job of ["propose", "record"] as const) {
      expect(told(job, needed)).toMatchObject({ digest: DIGEST, detected: ORDER });
    }
    expect(() => told("propose", { ...BEFORE, detect: undefined })).toThrow("no digest of the job `detect`");
    expect(() => told("propose", { ...BEFORE, detect: done({ digest: "none" }) })).toThrow("no digest of the job");
    // Before the change was executed there is nothing that it could have altered.
    expect(told("validate", needed)).not.toHaveProperty("detected");
    expect(told("record", { ...needed, validate: { result: "failure" } })).not.toHaveProperty("detected");
  });

  test("the session's artifact is named by id and digest together", () => {
    expect(read("validate", known("validate")).artifact).toEqual({ id: 5, digest: DIGEST });
    const whole = BEFORE.session.outputs;
    for (const half of [
      { artifact: "" },
      { "artifact-digest": "" },
      { artifact: "five" },
      { "artifact-digest": "abc" },
    ]) {
      const altered = JSON.stringify({ ...BEFORE, session: done({ ...whole, ...half }) });
      expect(() => read("validate", { ...known("validate"), needs: altered })).toThrow("which names none");
    }
    const none = { ...known("propose"), needs: JSON.stringify({ ...BEFORE, session: done({ digest: DIGEST }) }) };
    expect(() => read("propose", none)).toThrow("`token` is set, but `needs` names no artifact");
    expect(read("propose", { ...none, token: "" }).artifact).toBeUndefined();
  });

  test("no path leads out of the workspace", () => {
    for (const name of ["dossier", "working-directory", "config"]) {
      expect(() => read("validate", { ...known("validate"), [name]: "../elsewhere" })).toThrow("leads out of");
    }
    expect(() => read("gate", { ...known("gate"), session: "replay:../../s.json" })).toThrow("leads out of");
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
