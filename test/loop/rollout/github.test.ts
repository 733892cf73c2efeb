import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { advance, startRollout } from "../../../src/canary/rollout.ts";
import type { Rollout } from "../../../src/canary/rollout-record.ts";
import { DeploymentSettings } from "../../../src/config/deployment.ts";
import { openMemoryState } from "../../../src/github/memory-state.ts";
import { openRestHost } from "../../../src/github/rest/host.ts";
import { configuredDeployment } from "../../../src/loop/rollout/deployment.ts";
import { driveRollout, type RolloutDeps } from "../../../src/loop/rollout/drive.ts";
import { githubHooks, taskOf, type DeploymentHost, type GitHubHooks } from "../../../src/loop/rollout/github.ts";
import { planOf } from "../../../src/loop/rollout/open.ts";
import { stateRollouts } from "../../../src/loop/rollout/records.ts";
import { formatInstant, manualClock } from "../../../src/model/time.ts";
import { BOT_LOGIN, OWNER, REPO, startGitHub, type Fault, type GitHub } from "../../support/github.ts";

nock.restore();

const GITHUB = { workflow: "whetstone-deploy.yml", stagingEnvironment: "staging" };
const STEPS = [
  { percent: 5, minutes: 1 },
  { percent: 50, minutes: 1 },
];
const settings = (github: object = GITHUB, more: object = {}) =>
  DeploymentSettings.parse({ github, steps: STEPS, soakMinutes: 1, minimumCalls: 1, ...more });

type Run = { id: number; title: string; status: string; conclusion?: string; inputs: Record<string, string> };

/** Runs of workflows, as GitHub has them: a dispatched one is over at the second look, as `ends` says. */
function actions(ends: (inputs: Record<string, string>) => string = () => "success") {
  const runs: Run[] = [];
  const looks = new Map<number, number>();
  const look = (run: Run): Run => {
    looks.set(run.id, (looks.get(run.id) ?? 0) + 1);
    const conclusion = ends(run.inputs);
    if ((looks.get(run.id) ?? 0) >= 2 && conclusion !== "never")
      Object.assign(run, { status: "completed", conclusion });
    return run;
  };
  return {
    runs,
    look,
    dispatch: (inputs: Record<string, string>): Run => {
      const run: Run = { id: 100 + runs.length, title: inputs["task"] ?? "", status: "queued", inputs };
      runs.push(run);
      return run;
    },
    acts: () =>
      runs.map(({ inputs }) => `${inputs["action"]}${inputs["percent"] === "" ? "" : ` ${inputs["percent"]}`}`),
  };
}

/** The counterpart of GitHub with these runs. `fault` may answer instead, before or after a dispatch was carried out. */
function withActions(github: GitHub, world: ReturnType<typeof actions>, fault: (request: string) => Fault | undefined) {
  const shape = ({ id, title, status, conclusion }: Run) => ({
    id,
    display_title: title,
    status,
    conclusion: conclusion ?? null,
    html_url: `https://github.example/runs/${id}`,
    head_sha: "a".repeat(40),
    path: ".github/workflows/deploy.yml",
    event: "workflow_dispatch",
    created_at: "2026-11-20T10:00:00Z",
  });
  const reply = (status: number, body: unknown): Fault => ({ when: "before", reply: { status, body } });
  github.bend((request, { body, path }) => {
    const bent = fault(request);
    if (bent?.when === "before") return bent;
    const id = Number(/actions\/runs\/(\d+)/.exec(path)?.[1]);
    const known = world.runs.find((run) => run.id === id);
    if (request.startsWith("POST actions/workflows/")) {
      const { inputs } = body as { inputs: Record<string, string> };
      const run = world.dispatch(inputs);
      return bent === undefined
        ? reply(200, { workflow_run_id: run.id, run_url: "", html_url: "" })
        : { ...bent, when: "before" };
    }
    if (request.startsWith("GET actions/workflows/")) {
      return reply(200, { total_count: world.runs.length, workflow_runs: world.runs.map(shape) });
    }
    if (request.endsWith("/cancel") && known !== undefined) {
      Object.assign(known, { status: "completed", conclusion: "cancelled" });
      return reply(202, {});
    }
    if (request.startsWith("GET actions/runs/")) {
      return known === undefined ? reply(404, { message: "Not Found" }) : reply(200, shape(world.look(known)));
    }
    return bent;
  });
}

function hostOf(github: GitHub): DeploymentHost {
  const repository = { owner: OWNER, repo: REPO, client: github.client() };
  const { deployments, workflows, runs } = openRestHost({ ...repository, self: BOT_LOGIN });
  const dispatch = workflows.dispatch;
  return { deployments, workflows: { dispatch, takeBack: dispatch }, runs };
}

const atOnce = () => Promise.resolve();

function callOf(candidate: string, { signal = new AbortController().signal, revision = 0, id = "r1" } = {}) {
  const rollout = startRollout(
    { id, target: "notes", candidate, plan: planOf(settings()) },
    "2026-11-20T10:00:00.000Z",
  );
  return { rollout: { ...rollout, revision }, signal };
}

let github: GitHub;
let ids = 0;
/** Another rollout for each test: deployments of the counterpart stay. */
const another = () => `r-${(ids += 1)}`;
beforeAll(async () => {
  github = await startGitHub();
});
afterAll(async () => {
  expect(github.violations).toEqual([]);
  await github[Symbol.asyncDispose]();
});

const deploymentsOf = (id: string) => github.backend.deployments.filter(({ task }) => String(task).includes(`:${id}:`));
const statesOf = (deployment: Record<string, unknown> | undefined) =>
  ((deployment?.["statuses"] ?? []) as { state: string }[]).map(({ state }) => state).toReversed();

const BAD_GATEWAY = { status: 502, body: { message: "Bad gateway" } };

describe("a hook on GitHub", () => {
  test("is a deployment with its states and one run of the workflow, which says what it is for", async () => {
    const world = actions();
    withActions(github, world, () => undefined);
    const id = another();
    const hooks = githubHooks(settings().github ?? fail(), { host: hostOf(github), untilNextLook: atOnce });
    const call = callOf(github.base, { id });
    expect(await hooks({ action: "expose", percent: 5 }, call)).toMatch(/^deployment \d+: Run 100$/);
    expect(world.runs.map(({ inputs }) => inputs)).toEqual([
      expect.objectContaining({ action: "expose", percent: "5", candidate: github.base, target: "notes", rollout: id }),
    ]);
    const [made, ...more] = deploymentsOf(id);
    expect(more).toEqual([]);
    expect(made).toMatchObject({
      environment: "production",
      sha: github.base,
      auto_merge: false,
      required_contexts: [],
    });
    expect(made?.["task"]).toBe(taskOf({ action: "expose", percent: 5 }, call));
    expect(statesOf(made)).toEqual(["pending", "queued", "success"]);
    // Asked for again after an interruption: it is done, and nothing is dispatched.
    await hooks({ action: "expose", percent: 5 }, call);
    expect([world.runs.length, deploymentsOf(id).length]).toEqual([1, 1]);
    // Another attempt is another deployment.
    await hooks({ action: "expose", percent: 5 }, callOf(github.base, { id, revision: 1 }));
    expect([world.runs.length, deploymentsOf(id).length]).toEqual([2, 2]);
  });

  test.each([
    ["cut", "before", 2],
    ["cut", "after", 1],
    ["502", "before", 2],
    ["502", "after", 1],
  ] as const)("whose dispatch is answered with %s %s it was carried out, runs once", async (how, when, attempts) => {
    const world = actions();
    let isBent = false;
    withActions(github, world, (request) => {
      if (isBent || !request.startsWith("POST actions/workflows/")) return undefined;
      isBent = true;
      return { when, reply: how === "cut" ? "cut" : BAD_GATEWAY };
    });
    const id = another();
    const hooks = githubHooks(settings().github ?? fail(), { host: hostOf(github), untilNextLook: atOnce });
    let tried = 0;
    for (let revision = 0; revision < 3; revision += 1) {
      tried += 1;
      const isDone = await hooks({ action: "promote" }, callOf(github.base, { id, revision })).then(
        () => true,
        () => false,
      );
      if (isDone) break;
    }
    expect([tried, world.runs.length]).toEqual([attempts, 1]);
    const states = deploymentsOf(id).map(statesOf);
    expect(states.at(-1)?.at(-1)).toBe("success");
    if (attempts === 2) expect(states[0]).toEqual(["pending", "error"]);
  });

  test("goes on when GitHub fails for a while, wherever that is", async () => {
    for (const route of [/^POST deployments$/, /^GET actions\/runs/, /statuses/]) {
      const world = actions();
      let left = 2;
      withActions(github, world, (request) => {
        if (left === 0 || !route.test(request)) return undefined;
        left -= 1;
        return { when: "before", reply: BAD_GATEWAY };
      });
      const id = another();
      const hooks = githubHooks(settings().github ?? fail(), { host: hostOf(github), untilNextLook: atOnce });
      const attempt = (revision: number) => hooks({ action: "promote" }, callOf(github.base, { id, revision }));
      let line: string | undefined;
      for (let revision = 0; revision < 3 && line === undefined; revision += 1) {
        line = await attempt(revision).catch(() => undefined);
      }
      expect(line).toContain("Run 100");
      expect(world.runs).toHaveLength(1);
    }
  });

  test("that fails rejects with how the run ended; a check that fails refuses the candidate, and an unreachable GitHub does not", async () => {
    const world = actions(() => "failure");
    let isDown = false;
    withActions(github, world, () => (isDown ? { when: "before", reply: BAD_GATEWAY } : undefined));
    const chosen = settings();
    const hooks = githubHooks(chosen.github ?? fail(), { host: hostOf(github), untilNextLook: atOnce });
    const deployment = configuredDeployment(chosen, { cwd: ".", env: {}, fetch, github: hooks });
    await expect(deployment.promote(callOf(github.base, { id: another() }))).rejects.toMatchObject({
      code: "prepare_failed",
      message: expect.stringContaining("Run 100: failure"),
    });
    expect(await deployment.check(callOf(github.base, { id: another() }))).toMatchObject({
      ok: false,
      reasons: ["check_failed"],
      detail: expect.stringContaining("Run 101: failure"),
    });
    isDown = true;
    await expect(deployment.check(callOf(github.base, { id: another() }))).rejects.toMatchObject({
      code: "api_failed",
    });
  });

  test("whose time is over is ended: its run is cancelled and its deployment says so", async () => {
    const world = actions(() => "never");
    withActions(github, world, () => undefined);
    const id = another();
    const late = new AbortController();
    const untilNextLook = () => {
      if (world.runs.length > 0) late.abort();
      return Promise.resolve();
    };
    const hooks = githubHooks(settings().github ?? fail(), { host: hostOf(github), untilNextLook });
    const call = callOf(github.base, { id, signal: late.signal });
    await expect(hooks({ action: "promote" }, call)).rejects.toThrow("its time was over");
    expect(world.runs).toMatchObject([{ status: "completed", conclusion: "cancelled" }]);
    expect(statesOf(deploymentsOf(id)[0])).toEqual(["pending", "queued", "error"]);
  });

  test("without a workflow waits for the state that somebody else sets", async () => {
    const world = actions();
    withActions(github, world, () => undefined);
    const id = another();
    const host = hostOf(github);
    let looks = 0;
    const untilNextLook = async (): Promise<void> => {
      looks += 1;
      const made = deploymentsOf(id)[0]?.["id"] as number;
      const state = looks === 1 ? "in_progress" : "success";
      await host.deployments.setState(made, { state, description: "by the deployer" });
    };
    const hooks = githubHooks(settings({}).github ?? fail(), { host, untilNextLook });
    expect(await hooks({ action: "promote" }, callOf(github.base, { id }))).toContain("by the deployer");
    expect([looks, world.runs.length]).toEqual([2, 0]);
  });
});

function fail(): never {
  throw new Error("there are no settings of GitHub");
}

/** GitHub in memory, which outlives the process that asks it; each dispatched run succeeds once. */
function memoryGitHub() {
  const world = actions();
  const deployments: { id: number; task: string; states: { state: string; description: string }[] }[] = [];
  const stateOf = (id: number) => deployments[id - 1]?.states ?? [];
  const host: DeploymentHost = {
    deployments: {
      create: ({ task }) => {
        const known = deployments.find((one) => one.task === task);
        if (known !== undefined) return Promise.resolve({ id: known.id, action: "kept" });
        deployments.push({ id: deployments.length + 1, task, states: [] });
        return Promise.resolve({ id: deployments.length, action: "created" });
      },
      setState: (id, { state, description }) => {
        stateOf(id).unshift({ state, description });
        return Promise.resolve({ id, action: "created" });
      },
      states: (id) => Promise.resolve([...stateOf(id)]),
    },
    workflows: {
      dispatch: (_file, { inputs }) => Promise.resolve({ runId: world.dispatch({ ...inputs }).id }),
      takeBack: (_file, { inputs }) => Promise.resolve({ runId: world.dispatch({ ...inputs }).id }),
    },
    runs: {
      find: (id) => {
        const run = world.runs.find((one) => one.id === id);
        return Promise.resolve(run && { ...world.look(run), conclusion: run.conclusion, url: "" });
      },
      dispatched: () => Promise.resolve(world.runs.map((run) => ({ ...run, conclusion: run.conclusion, url: "" }))),
      cancel: () => Promise.resolve(true),
    },
  };
  return { world, host };
}

/** A process that dies at its n-th request, before it is carried out or before its answer is seen. */
function mortal(host: DeploymentHost, { dies, isAfter }: { dies: number; isAfter: boolean }): DeploymentHost {
  let sent = 0;
  const request = <A extends unknown[], R>(send: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      sent += 1;
      if (sent > dies || (sent === dies && !isAfter)) throw new Killed();
      const answer = await send(...args);
      if (sent === dies) throw new Killed();
      return answer;
    };
  };
  const { deployments, workflows, runs } = host;
  return {
    deployments: {
      create: request(deployments.create),
      setState: request(deployments.setState),
      states: request(deployments.states),
    },
    workflows: { dispatch: request(workflows.dispatch), takeBack: request(workflows.takeBack) },
    runs: { find: request(runs.find), dispatched: request(runs.dispatched), cancel: request(runs.cancel) },
  };
}

class Killed extends Error {}

/** A rollout by GitHub; what a killed process would have done is not done, and it does not hear of it either. */
function rolloutOn(
  records: RolloutDeps["records"],
  clock: ReturnType<typeof manualClock>,
  host: DeploymentHost,
): RolloutDeps {
  let isDead = false;
  const chosen = settings();
  const hooks: GitHubHooks = (act, call) =>
    githubHooks(chosen.github ?? fail(), { host, untilNextLook: atOnce })(act, call).catch((error: unknown) => {
      isDead ||= error instanceof Killed;
      throw error;
    });
  return {
    records: {
      load: records.load,
      save: (rollout) => (isDead ? Promise.reject(new Killed()) : records.save(rollout)),
    },
    deployment: configuredDeployment(chosen, { cwd: ".", env: {}, fetch, github: hooks }),
    judge: () => Promise.resolve({ verdict: { verdict: "promote", reasons: ["ok"] }, stepCalls: 9 }),
    clock,
    mayGoOn: () => Promise.resolve(),
    untilNextLook: () => {
      clock.advance(60_000);
      return Promise.resolve();
    },
    told: () => undefined,
  };
}

const WHOLE = ["stage", "check", "check", "expose 5", "expose 50", "promote"];

describe("a rollout by GitHub", () => {
  test("runs its hooks in order, by the counterpart of GitHub", async () => {
    const world = actions();
    withActions(github, world, () => undefined);
    const [clock, records] = [manualClock(), stateRollouts(openMemoryState())];
    const plan = planOf(settings());
    expect(plan.staging).toEqual({ soakMs: 60_000 });
    const begun = startRollout(
      { id: another(), target: "notes", candidate: github.base, plan },
      formatInstant(clock.now()),
    );
    await records.save(begun);
    expect((await driveRollout(begun, rolloutOn(records, clock, hostOf(github)))).phase).toBe("promoted");
    expect(world.acts()).toEqual(WHOLE);
    expect(deploymentsOf(begun.id).map(({ environment }) => environment)).toEqual([
      "staging",
      "staging",
      "staging",
      "production",
      "production",
      "production",
    ]);
    expect(deploymentsOf(begun.id).every((one) => statesOf(one).at(-1) === "success")).toBe(true);
  });

  test("killed at any request and started again, completes with each hook run exactly once", async () => {
    let deaths = 0;
    for (const isAfter of [false, true]) {
      for (let dies = 1; dies <= 45; dies += 1) {
        const [clock, records, { world, host }] = [manualClock(), stateRollouts(openMemoryState()), memoryGitHub()];
        const plan = planOf(settings());
        const begun = startRollout({ id: "r1", target: "notes", candidate: "abc", plan }, formatInstant(clock.now()));
        await records.save(begun);
        const killed = await driveRollout(begun, rolloutOn(records, clock, mortal(host, { dies, isAfter }))).catch(
          (error: unknown) => error,
        );
        if (killed instanceof Killed) deaths += 1;
        const found = (await records.load("notes")) as Rollout;
        const over = await driveRollout(found, rolloutOn(records, clock, host));
        expect([over.phase, world.acts()]).toEqual(["promoted", WHOLE]);
      }
    }
    expect(deaths).toBeGreaterThan(60);
  });

  test("is taken back by a person while it is judged", async () => {
    const [clock, records, { world, host }] = [manualClock(), stateRollouts(openMemoryState()), memoryGitHub()];
    const plan = planOf(settings({ workflow: "x.yml" }));
    const begun = startRollout({ id: "r1", target: "notes", candidate: "abc", plan }, formatInstant(clock.now()));
    await records.save(begun);
    const deps = rolloutOn(records, clock, host);
    const judge: RolloutDeps["judge"] = async (current) => {
      const at = formatInstant(clock.now());
      await records.save(advance(current, { type: "decided", decision: "rollback", by: "ada" }, at));
      return { verdict: { verdict: "continue", reasons: ["undecided"] }, stepCalls: 0 };
    };
    const over = await driveRollout(begun, { ...deps, judge });
    expect(over.phase).toBe("rolled_back");
    expect(world.acts().slice(-2)).toEqual(["expose 0", "rollback"]);
  });
});

describe("settings", () => {
  test.each([
    ["a repository that is none", { repository: "notes" }],
    ["a path as a workflow", { workflow: "../x.yml" }],
    ["an unknown key", { workflows: "x.yml" }],
  ])("refuse %s", (_, wrong) => {
    expect(DeploymentSettings.safeParse({ github: wrong }).success).toBe(false);
  });

  test("GitHub does what has no command, and a command goes before it", async () => {
    const asked: string[] = [];
    const hooks: GitHubHooks = ({ action, percent = "" }) =>
      Promise.resolve(void asked.push(`${action}${percent}`)).then(() => "");
    const chosen = settings({}, { promote: "echo here" });
    const deployment = configuredDeployment(chosen, {
      cwd: ".",
      env: { PATH: process.env["PATH"] ?? "" },
      fetch,
      github: hooks,
    });
    expect(await deployment.promote(callOf("abc"))).toBe("here");
    await deployment.expose(5, callOf("abc"));
    await deployment.rollback(callOf("abc"));
    expect(asked).toEqual(["expose5", "rollback"]);
    expect(planOf(settings({})).staging).toBeNull();
  });
});
