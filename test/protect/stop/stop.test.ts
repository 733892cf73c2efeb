import { describe, expect, test } from "@jest/globals";
import { readLedger } from "../../../src/protect/ledger.ts";
import { belongingOf } from "../../../src/protect/stop/ours.ts";
import { resumeSwept } from "../../../src/protect/stop/resume.ts";
import { readSweep } from "../../../src/protect/stop/sweep-record.ts";
import { sweepStop, type SweepDeps } from "../../../src/protect/stop/sweep.ts";
import { type Blow, struck } from "../../support/killed.ts";
import { ADA, FOREIGN, openWorld, OURS, statesOf, SWITCH, type World } from "./world.ts";

const REQUEST = { by: ADA, why: "drill", run: "delivery-1", also: [] } as const;
const stop = (deps: SweepDeps, change: { also?: readonly string[]; ownRun?: number } = {}) =>
  sweepStop(deps, { ...REQUEST, ...change });
const resume = (world: World, deps = world.deps) =>
  resumeSwept(deps, { by: ADA, run: "delivery-2", permit: world.permit });
const STARTED = {
  "whetstone.yml": "active",
  "monitor.yml": "active",
  "old.yml": "disabled_manually",
  "ci.yml": "active",
  "emergency-stop.yml": "active",
};
const STOPPED = { ...STARTED, "whetstone.yml": "disabled_manually", "monitor.yml": "disabled_manually" };
const operations = async ({ deps }: World) =>
  (await readLedger(await deps.state.view())).records.map(({ operation }) => operation);

describe("a workflow belongs to Whetstone", () => {
  test.each([
    ["ours", OURS],
    ["ours", "steps:\n  - uses: 'octo/whetstone/actions/gate@v1'\n"],
    ["ours", "steps: [\n  { uses: octo/Whetstone@v1 }]\n"],
    ["ours", "      - uses: $/actions/gate\n"],
    ["ours", "      - uses: ./.github/workflows/loop.yml\n"],
    ["switch", SWITCH],
    ["switch", `${OURS}${SWITCH}`],
    ["none", FOREIGN],
    ["none", "# uses: octo/whetstone@v1\n"],
    ["none", "run: echo 'uses: octo/whetstone@v1'\n"],
    ["none", "      - uses: octo/whetstone-fork/actions/stop@v1\n"],
    ["none", ""],
  ] as const)("%s: %j", (belonging, text) => {
    expect(belongingOf(text)).toBe(belonging);
  });
});

describe("stop", () => {
  test("sets the flag, switches off what is Whetstone's and was on, and ends its runs; others go on", async () => {
    await using world = await openWorld();
    const done = await stop(world.deps);
    expect(done).toMatchObject({ flagged: true, off: ["whetstone.yml", "monitor.yml"], failures: [] });
    expect(done.ending).toHaveLength(2);
    expect(statesOf(world)).toEqual(STOPPED);
    expect(world.acts).toEqual(["disable whetstone.yml", "disable monitor.yml", "cancel 1", "cancel 3"]);
    expect(await operations(world)).toEqual(["stop", "stop.sweep"]);
    await expect(world.deps.killSwitch.assertRunning()).rejects.toMatchObject({ code: "stopped" });
  });

  test("neither its own run is ended, nor is what was named besides left on", async () => {
    await using world = await openWorld();
    await stop(world.deps, { also: ["ci.yml"], ownRun: 1 });
    expect(world.acts).toEqual([
      "disable whetstone.yml",
      "disable monitor.yml",
      "disable ci.yml",
      "cancel 2",
      "cancel 3",
    ]);
  });

  test("again it does nothing twice; what goes on a minute later is ended by force, once", async () => {
    await using world = await openWorld();
    await stop(world.deps);
    const first = [...world.acts];
    await stop(world.deps);
    expect(world.acts).toEqual(first);
    world.clock.advance(60_000);
    await stop(world.deps);
    await stop(world.deps);
    expect(world.acts).toEqual([...first, "force-cancel 3"]);
    expect(await operations(world)).toEqual(["stop", "stop.sweep", "stop.sweep"]);
  });

  test("two at once set one flag and switch off each workflow", async () => {
    await using world = await openWorld();
    await Promise.all([stop(world.deps), stop(world.deps)]);
    expect(statesOf(world)).toEqual(STOPPED);
    expect((await readSweep(await world.deps.state.view())).workflows).toEqual([
      { file: "whetstone.yml", off: true },
      { file: "monitor.yml", off: true },
    ]);
    await resume(world);
    expect(statesOf(world)).toEqual(STARTED);
  });

  test.each(["disable whetstone.yml", "cancel 1"])("when %s fails, the rest is done, and it is said", async (bad) => {
    await using world = await openWorld();
    const failing = new Error("GitHub answered 403");
    const { workflows, runs } = world.deps.host;
    const host = {
      workflows: {
        ...workflows,
        disable: (file: string) => (bad === `disable ${file}` ? Promise.reject(failing) : workflows.disable(file)),
      },
      runs: { ...runs, cancel: (id: number) => (bad === `cancel ${id}` ? Promise.reject(failing) : runs.cancel(id)) },
    };
    const done = await stop({ ...world.deps, host });
    expect(done.failures).toEqual([
      { what: bad.replace("disable", "switching off").replace("cancel", "ending run"), detail: "GitHub answered 403" },
    ]);
    expect(world.acts).toHaveLength(3);
    expect((await stop(world.deps)).failures).toEqual([]);
    expect(world.acts).toHaveLength(4);
    expect(statesOf(world)).toEqual(STOPPED);
  });
});

describe("resume", () => {
  test("switches on exactly what the stop switched off, once, and forgets it", async () => {
    await using world = await openWorld();
    await stop(world.deps);
    world.acts.length = 0;
    expect(await resume(world)).toEqual({
      lifted: true,
      stoppedAgain: false,
      on: ["whetstone.yml", "monitor.yml"],
      failures: [],
    });
    expect(statesOf(world)).toEqual(STARTED);
    expect(await resume(world)).toEqual({ lifted: false, stoppedAgain: false, on: [], failures: [] });
    expect(world.acts).toEqual(["enable whetstone.yml", "enable monitor.yml"]);
    expect(await (await world.deps.state.view()).list("stops/")).toEqual([]);
    expect(await operations(world)).toEqual(["stop", "stop.sweep", "stop.lift", "stop.resumed"]);
  });

  test("without permission nothing is lifted and nothing switched on", async () => {
    await using world = await openWorld();
    await stop(world.deps);
    const permit = () => world.guard.permit("resume", { actor: ADA, target: "all", run: "r-1" });
    await expect(resumeSwept(world.deps, { by: ADA, run: "r-1", permit })).rejects.toMatchObject({
      code: "unauthorized",
    });
    expect(statesOf(world)).toEqual(STOPPED);
    await expect(world.deps.killSwitch.assertRunning()).rejects.toMatchObject({ code: "stopped" });
  });

  test("while the variable is set nothing is lifted, and no permission is asked for", async () => {
    await using world = await openWorld();
    await stop(world.deps);
    world.variable.value = "1";
    const permit = () => Promise.reject(new Error("asked"));
    await expect(resumeSwept(world.deps, { by: ADA, run: "r-1", permit })).rejects.toMatchObject({
      code: "stopped",
      message: expect.stringContaining("WHETSTONE_STOP"),
    });
    expect(statesOf(world)).toEqual(STOPPED);
  });

  test("a variable that cannot be read counts as set, and says what failed", async () => {
    await using world = await openWorld();
    world.variable.readable = false;
    await expect(world.deps.killSwitch.assertRunning()).rejects.toMatchObject({
      code: "stopped",
      message: expect.stringContaining("GitHub answered 403"),
    });
    await expect(resume(world)).rejects.toMatchObject({ message: expect.stringContaining("cannot be read") });
    world.variable.readable = true;
    await world.deps.killSwitch.assertRunning();
  });

  test("a workflow whose file is gone does not keep the others off", async () => {
    await using world = await openWorld();
    await stop(world.deps);
    world.workflows.delete("whetstone.yml");
    const { workflows } = world.deps.host;
    const enable = async (file: string): Promise<void> => {
      if (!world.workflows.has(file)) throw Object.assign(new Error("404"), { code: "api_failed" });
      await workflows.enable(file);
    };
    const host = { ...world.deps.host, workflows: { ...workflows, enable } };
    const done = await resume(world, { ...world.deps, host });
    expect(done).toMatchObject({ failures: [], on: ["whetstone.yml", "monitor.yml"] });
    expect(await (await world.deps.state.view()).list("stops/")).toEqual([]);
  });

  // Every place in a resume at which another person's stop may come in.
  test.each(Array.from({ length: 24 }, (_, at) => at + 1))("a stop before its call %i wins", async (at) => {
    await using world = await openWorld();
    await stop(world.deps);
    let calls = 0;
    const between = <Port extends object>(port: Port): Port =>
      new Proxy(port, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (typeof member === "object" && member !== null) return between(member);
          if (typeof member !== "function") return member;
          return async (...values: unknown[]) => {
            calls += 1;
            if (calls === at) await stop(world.deps);
            return await Reflect.apply(member, target, values);
          };
        },
      });
    await resume(world, { ...between({ ...world.deps, clock: undefined }), clock: world.clock });
    const stopped = await world.deps.killSwitch.look();
    if (stopped.state.kind === "stopped") expect(statesOf(world)).toEqual(STOPPED);
    else expect(statesOf(world)).toEqual(STARTED);
    // Whatever happened, nothing is lost: the next resume brings back exactly what there was.
    await resume(world);
    expect(statesOf(world)).toEqual(STARTED);
  });
});

describe("killed or refused at any call", () => {
  const blows: readonly Blow[] = ["killed before", "killed after", "fails"];

  test.each(blows)(
    "a stop that is %s is completed by the next one, and resume brings back what there was",
    async (blow) => {
      let at = 1;
      for (; ; at += 1) {
        await using world = await openWorld();
        const place = { at, blow };
        const first = await struck(place, (wrap) =>
          stop({ ...wrap({ ...world.deps, clock: undefined }), clock: world.clock }),
        );
        if (first.calls < at) break;
        const done = await stop(world.deps);
        expect({ at, failures: done.failures, states: statesOf(world) }).toEqual({ at, failures: [], states: STOPPED });
        expect((await operations(world)).filter((one) => one === "stop")).toEqual(["stop"]);
        await resume(world);
        expect({ at, states: statesOf(world) }).toEqual({ at, states: STARTED });
      }
      expect(at).toBeGreaterThan(12);
    },
  );

  test.each(blows)("a resume that is %s is completed by the next one", async (blow) => {
    let at = 1;
    for (; ; at += 1) {
      await using world = await openWorld();
      await stop(world.deps);
      const place = { at, blow };
      const first = await struck(place, (wrap) =>
        resume(world, { ...wrap({ ...world.deps, clock: undefined }), clock: world.clock }),
      );
      if (first.calls < at) break;
      await resume(world);
      expect({ at, states: statesOf(world) }).toEqual({ at, states: STARTED });
      expect(await (await world.deps.state.view()).list("stops/")).toEqual([]);
      expect((await operations(world)).filter((one) => one === "stop.lift")).toEqual(["stop.lift"]);
    }
    expect(at).toBeGreaterThan(12);
  });
});
