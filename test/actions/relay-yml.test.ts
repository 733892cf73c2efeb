import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { outputsOf } from "../../src/actions/relay-job.ts";
import { RELAY_INPUTS } from "../../src/actions/relay-inputs.ts";
import { STOP_VARIABLE } from "../../src/model/stop.ts";
import { RELAY_JOBS } from "../../src/loop/relay-jobs.ts";

type ActionFile = {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required?: boolean }>>;
  readonly outputs: Readonly<Record<string, object>>;
  readonly runs: object;
};
type Step = {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
};
type Job = {
  readonly needs?: string | readonly string[];
  readonly if?: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly "timeout-minutes": number;
  readonly "cache-mode": string;
  readonly steps: readonly Step[];
};
type Workflow = {
  readonly env: object;
  readonly permissions: object;
  readonly concurrency: object;
  readonly jobs: Record<string, Job>;
};

const actionOf = (job: string): ActionFile => parse(readFileSync(`actions/${job}/action.yml`, "utf8"));
const text = readFileSync(".github/workflows/loop.yml", "utf8");
const workflow = parse(text) as Workflow;
const jobs = Object.entries(workflow.jobs);

describe.each(RELAY_JOBS.map((job) => [job]))("actions/%s/action.yml", (job) => {
  const action = actionOf(job);

  test("lists the inputs that the code reads and the outputs that it sets", () => {
    expect(Object.keys(action.inputs).toSorted()).toEqual([...RELAY_INPUTS[job]].toSorted());
    expect(Object.keys(action.outputs)).toEqual([...outputsOf(job)]);
  });

  test("runs the built entry on Node 24", () => {
    expect(action.runs).toEqual({ using: "node24", main: `../../dist/actions/${job}.js` });
    expect(readFileSync(`src/actions/${job}.ts`, "utf8")).toContain(`runRelayStep("${job}")`);
  });
});

test("every job has an action", () => {
  expect(readdirSync("actions")).toEqual(expect.arrayContaining([...RELAY_JOBS]));
});

/** Each job needs the one before, the gate whose order it goes by, the session of whose artifact it speaks, and
 * where the change was executed before it, what had read the change. */
const NEEDS: Readonly<Record<string, string | readonly string[] | undefined>> = {
  evidence: "gate",
  session: ["gate", "evidence"],
  detect: ["gate", "session"],
  validate: ["gate", "session", "detect"],
  propose: ["session", "detect", "validate"],
};

describe("loop.yml", () => {
  test("has the jobs of the relay in their order, each after the one before", () => {
    expect(jobs.map(([name]) => name)).toEqual([...RELAY_JOBS]);
    for (const [index, [name, { needs }]] of jobs.entries()) {
      const before = RELAY_JOBS.slice(0, index);
      expect([name, needs]).toEqual([name, name === "gate" ? undefined : (NEEDS[name] ?? before)]);
    }
  });

  test("stays below 200 lines", () => {
    expect(text.trimEnd().split("\n").length).toBeLessThan(200);
  });

  test("grants nothing but to a job, each grant with its reason; where a model or a change runs nothing writes", () => {
    expect(workflow.permissions).toEqual({});
    for (const line of text.match(/^ {6}[a-z-]+: (?:read|write).*$/gm) ?? []) expect(line).toMatch(/ # \S/);
    const writers = jobs.filter(([, { permissions }]) => Object.values(permissions).includes("write"));
    expect(writers.map(([name]) => name)).toEqual(["gate", "propose", "record"]);
    for (const name of ["evidence", "session", "detect", "validate"]) {
      expect(workflow.jobs[name]?.permissions).toEqual({ contents: "read" });
    }
  });

  test("hands a token to no job but those that write, and leaves none in a checkout", () => {
    for (const [name, { steps }] of jobs) {
      const given = steps.filter((step) => JSON.stringify(step).includes("github.token")).map(({ uses }) => uses);
      const writes = ["gate", "propose", "record"].includes(name);
      expect([name, given]).toEqual([name, [`$/actions/${writes ? name : "stopped"}`]]);
      for (const step of steps.filter(({ uses }) => uses?.startsWith("actions/checkout"))) {
        expect(step.with).toMatchObject({ "persist-credentials": false });
      }
    }
    expect(text).not.toContain("secrets: inherit");
  });

  test("a key reaches the two steps that ask a model, in jobs that write nothing, and no other place", () => {
    const withKey = jobs.flatMap(([name, { steps }]) =>
      steps.filter((step) => JSON.stringify(step).includes("secrets.")).map((step) => [name, step.uses, step.env]),
    );
    const env = { ANTHROPIC_API_KEY: "${{ secrets.ANTHROPIC_API_KEY }}" };
    expect(withKey).toEqual([
      ["session", "$/actions/session", env],
      ["detect", "$/actions/detect", env],
    ]);
    expect(text.match(/secrets\./g)).toHaveLength(2);
  });

  test("the kill switch is read right before each stage that holds no token, and the stage is told", () => {
    for (const name of ["evidence", "session", "detect", "validate"]) {
      const steps = workflow.jobs[name]?.steps ?? [];
      const at = steps.findIndex(({ id }) => id === "stage");
      expect(steps[at - 1]).toMatchObject({ id: "stopped", uses: "$/actions/stopped" });
      expect(steps[at]?.with).toMatchObject({ stopped: "${{ steps.stopped.outputs.stopped }}" });
    }
  });

  test("pins every action by commit, runs no shell, and ends every job in time without a cache", () => {
    for (const [, job] of jobs) {
      expect(job["timeout-minutes"]).toBeLessThanOrEqual(60);
      expect(job["cache-mode"]).toBe("none");
      for (const { uses, run } of job.steps) {
        expect(run).toBeUndefined();
        expect(uses).toMatch(/^(?:[\w-]+\/[\w-]+@[0-9a-f]{40}|\$\/actions\/[a-z]+)$/);
      }
    }
  });

  test("gives every action inputs that it has, and all that it needs", () => {
    for (const [name, { steps }] of jobs) {
      const own = steps.filter(({ uses }) => uses?.startsWith("$/") && uses !== "$/actions/stopped");
      expect(own.map(({ uses }) => uses)).toEqual([`$/actions/${name}`]);
      const given = Object.keys(own[0]?.with ?? {});
      const { inputs } = actionOf(name);
      expect(given.filter((input) => !(input in inputs))).toEqual([]);
      const needed = Object.entries(inputs).filter(([, input]) => input.required === true);
      expect(needed.map(([input]) => input).filter((input) => !given.includes(input))).toEqual([]);
    }
  });

  test("goes on only from a passed job and with the digest and artifact of that very job", () => {
    for (const [index, [name, job]] of jobs.entries()) {
      if (name === "gate" || name === "record") continue;
      const before = RELAY_JOBS[index - 1] ?? "";
      expect(job.if).toMatch(new RegExp(`^needs\\.${before}\\.outputs\\.go == 'true'`));
      const [fetched] = job.steps.filter(({ uses }) => uses?.startsWith("actions/download-artifact"));
      const wanted = name === "propose" ? ["detect", "validate"] : [before];
      const ids = wanted.map((one) => `\${{ needs.${one}.outputs.artifact }}`).join(",");
      expect(fetched?.with?.["artifact-ids"]).toBe(ids);
      const own = job.steps.find(({ id }) => id === "stage");
      expect([job.needs].flat()).toContain(before);
      expect(own?.with).toMatchObject({ dossier: "before", needs: "${{ toJSON(needs) }}" });
    }
    expect(workflow.jobs["record"]?.if).toBe("always()");
  });

  test("hands the variable of the kill switch to every job", () => {
    expect(workflow.env).toEqual({ [STOP_VARIABLE]: `\${{ vars.${STOP_VARIABLE} }}` });
  });

  test("lets a second run on a target wait", () => {
    expect(workflow.concurrency).toEqual({ group: "whetstone-loop-${{ inputs.target }}", queue: "max" });
  });
});
