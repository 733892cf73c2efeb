import { describe, expect, test } from "@jest/globals";
import type { Task } from "../../../src/app/handler.ts";
import { resumeAll, stopAll } from "../../../src/app/stop/stop.ts";
import { stopTask } from "../../../src/app/stop/stop-task.ts";
import { codeOf } from "../../../src/model/error.ts";
import type { Actor } from "../../../src/model/ledger.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import { type Counterpart, startCounterpart } from "../counterpart.ts";

const ADA: Actor = { type: "person", id: "ada" };
const GRACE: Actor = { type: "person", id: "grace" };
const FILES = {
  ".github/workflows/whetstone.yml": "jobs:\n  loop:\n    uses: acme/whetstone/.github/workflows/loop.yml@0123\n",
  ".github/workflows/deploy.yml": "jobs:\n  deploy:\n    steps: [{ run: make deploy }]\n",
  ".github/workflows/ci.yml": "jobs:\n  test:\n    steps: [{ run: make test }]\n",
  "whetstone.yaml": "version: 1\napp: { stop: { workflows: [deploy.yml] } }\n",
};

async function begin(files: Readonly<Record<string, string>> = FILES): Promise<Counterpart> {
  const counterpart = await startCounterpart({ files });
  const { people, runs } = counterpart.github.backend;
  people.permissions.set("ada", "admin").set("grace", "write");
  runs.set(41, { id: 41, path: ".github/workflows/whetstone.yml", status: "in_progress", display_title: "Loop" });
  runs.set(42, { id: 42, path: ".github/workflows/ci.yml", status: "in_progress", display_title: "CI" });
  runs.set(43, { id: 43, path: ".github/workflows/deploy.yml", status: "queued", display_title: "Deploy" });
  counterpart.github.backend.actions.wait(43, "production");
  return counterpart;
}

const contextOf = (counterpart: Counterpart, id = "delivery-1") =>
  counterpart.context({ name: "issue_comment.created", payload: {}, id });
const stop = (counterpart: Counterpart, id?: string) =>
  stopAll(contextOf(counterpart, id), { by: GRACE, why: "costs @ada #1 run away" });
const runTask = (counterpart: Counterpart, task: Task | undefined) =>
  stopTask.handle(counterpart.context({ name: "task.stop", payload: task?.payload, id: task?.id ?? "" }));
const statusOf = ({ github }: Counterpart, id: number) => github.backend.runs.get(id)?.["status"];
const issues = async ({ github }: Counterpart) =>
  (await github.backend.ask("GET", "issues?state=all")).data as { title: string; body: string; state: string }[];
const operations = async ({ repository }: Counterpart) =>
  (await readLedger(await repository.state.view())).records.map(({ operation }) => operation);

describe("stop by the App", () => {
  test("flag, workflows, runs with the gates that they wait at, issue; what is not Whetstone's goes on", async () => {
    await using counterpart = await begin();
    const done = await stop(counterpart);
    expect(done).toMatchObject({ complete: true, said: expect.stringContaining("**Stopped.**") });
    const { backend, violations } = counterpart.github;
    expect([...backend.actions.disabled].sort()).toEqual(["deploy.yml", "whetstone.yml"]);
    expect([41, 42, 43].map((id) => statusOf(counterpart, id))).toEqual(["completed", "in_progress", "completed"]);
    const [issue] = await issues(counterpart);
    expect(issue).toMatchObject({ title: "Whetstone is stopped", state: "open" });
    expect(issue?.body).toContain("Stopped by grace");
    expect(issue?.body).not.toMatch(/@ada|#1\b/);
    await expect(counterpart.repository.killSwitch.assertRunning()).rejects.toMatchObject({ code: "stopped" });
    expect(violations).toEqual([]);
  });

  test("the same delivery again doubles nothing; its task ends by force what did not end", async () => {
    await using counterpart = await begin();
    counterpart.github.backend.actions.stubborn.add(41);
    await stop(counterpart);
    await stop(counterpart);
    expect(new Set(counterpart.tasks.map(({ id }) => id)).size).toBe(1);
    expect(statusOf(counterpart, 41)).toBe("in_progress");
    counterpart.clock.advance(61_000);
    await runTask(counterpart, counterpart.tasks[0]);
    expect(statusOf(counterpart, 41)).toBe("completed");
    expect(counterpart.github.requests.filter((one) => one.endsWith("cancel"))).toEqual([
      "POST actions/runs/41/cancel",
      "POST actions/runs/43/cancel",
      "POST actions/runs/41/force-cancel",
    ]);
    expect(await issues(counterpart)).toHaveLength(1);
    expect((await operations(counterpart)).filter((one) => one === "stop")).toHaveLength(1);
    expect(counterpart.github.violations).toEqual([]);
  });

  const REFUSED = [
    [500, /^PUT actions\/workflows/],
    [403, /cancel$/],
    [500, /^GET actions\/workflows/],
    [403, /^GET actions\/runs/],
    [500, /^POST issues$/],
  ] as const;
  test.each(REFUSED)(
    "GitHub's %i to %s: the rest is done, it is said, and a task completes it",
    async (status, bad) => {
      await using counterpart = await begin();
      const refuse = { when: "before", reply: { status, body: { message: "no" } } } as const;
      counterpart.github.bend((request) => (bad.test(request) ? refuse : undefined));
      await stop(counterpart);
      expect((await counterpart.repository.killSwitch.look()).state.kind).toBe("stopped");
      counterpart.github.bend(undefined);
      expect(counterpart.tasks).toHaveLength(1);
      await runTask(counterpart, counterpart.tasks[0]);
      expect([...counterpart.github.backend.actions.disabled].sort()).toEqual(["deploy.yml", "whetstone.yml"]);
      expect([41, 43].map((id) => statusOf(counterpart, id))).toEqual(["completed", "completed"]);
      expect(await issues(counterpart)).toHaveLength(1);
    },
  );

  test("a configuration that cannot be read keeps nobody from stopping", async () => {
    await using counterpart = await begin({ ...FILES, "whetstone.yaml": "version: [" });
    expect(await stop(counterpart)).toMatchObject({ complete: false, said: expect.stringContaining("whetstone.yaml") });
    expect([...counterpart.github.backend.actions.disabled]).toEqual(["whetstone.yml"]);
  });

  test("while the flag on GitHub cannot be written this server stops, and the task sets it when it can", async () => {
    await using counterpart = await begin();
    const refuse = { when: "before", reply: { status: 403, body: { message: "no" } } } as const;
    counterpart.github.bend((request) => (request.startsWith("POST git/") ? refuse : undefined));
    expect(await stop(counterpart)).toMatchObject({
      complete: false,
      said: expect.stringContaining("could not be set"),
    });
    await expect(counterpart.repository.killSwitch.assertRunning()).rejects.toMatchObject({ code: "stopped" });
    counterpart.github.bend(undefined);
    await runTask(counterpart, counterpart.tasks[0]);
    expect((await counterpart.repository.killSwitch.look()).state.kind).toBe("stopped");
    expect([...counterpart.github.backend.actions.disabled].sort()).toEqual(["deploy.yml", "whetstone.yml"]);
  });
});

describe("resume by the App", () => {
  test("by an admin: exactly what was switched off is on again, and the issue is closed", async () => {
    await using counterpart = await begin();
    await counterpart.repository.host.workflows.disable("ci.yml");
    await stop(counterpart);
    const done = await resumeAll(contextOf(counterpart, "delivery-2"), { by: ADA });
    expect(done).toMatchObject({ complete: true, said: expect.stringContaining("Running again") });
    expect([...counterpart.github.backend.actions.disabled]).toEqual(["ci.yml"]);
    expect((await issues(counterpart))[0]).toMatchObject({ state: "closed" });
    await counterpart.repository.killSwitch.assertRunning();
    expect(await operations(counterpart)).toEqual(
      expect.arrayContaining(["stop", "stop.sweep", "stop.lift", "stop.resumed"]),
    );
    expect(counterpart.github.violations).toEqual([]);
  });

  test("by a person with write permission alone: refused, nothing is lifted", async () => {
    await using counterpart = await begin();
    await stop(counterpart);
    const failed = await resumeAll(contextOf(counterpart, "delivery-2"), { by: GRACE }).catch(codeOf);
    expect(failed).toBe("unauthorized");
    await expect(counterpart.repository.killSwitch.assertRunning()).rejects.toMatchObject({ code: "stopped" });
    expect(counterpart.github.backend.actions.disabled.size).toBe(2);
  });

  test("a task of a stop that was lifted in the meantime does nothing", async () => {
    await using counterpart = await begin();
    counterpart.github.backend.actions.stubborn.add(41);
    await stop(counterpart);
    await resumeAll(contextOf(counterpart, "delivery-2"), { by: ADA });
    await runTask(counterpart, counterpart.tasks[0]);
    await counterpart.repository.killSwitch.assertRunning();
    expect(counterpart.github.backend.actions.disabled.size).toBe(0);
  });
});

test.each([
  ["1", true],
  ["paused by ops", true],
  ["", false],
  ["false", false],
  ["0", false],
])("the variable WHETSTONE_STOP: %j stops: %j", async (value, stops) => {
  await using counterpart = await startCounterpart();
  counterpart.github.backend.variables.set("WHETSTONE_STOP", value);
  const write = counterpart.repository.host.workflows.dispatch("ci.yml", { ref: "main", inputs: {} });
  expect(await write.catch(codeOf)).toBe(stops ? "stopped" : "api_failed");
});
