import { openMemoryState } from "../../../src/github/memory-state.ts";
import type { StateStore } from "../../../src/github/state-port.ts";
import type { Actor } from "../../../src/model/ledger.ts";
import { manualClock, type ManualClock } from "../../../src/model/time.ts";
import type { Guard } from "../../../src/protect/guard.ts";
import { openGuard } from "../../../src/protect/guard.ts";
import { openKillSwitch } from "../../../src/protect/kill-switch.ts";
import type { Permit } from "../../../src/protect/permit.ts";
import { issuePermit } from "../../../src/protect/permit.ts";
import type { SweepDeps } from "../../../src/protect/stop/sweep.ts";
import { openDesk } from "../authorization/desk.ts";
import { temporaryFolder } from "../../support/git-repository.ts";

export const ADA: Actor = { type: "person", id: "ada" };
export const OURS = "jobs:\n  loop:\n    uses: acme/whetstone/.github/workflows/loop.yml@0123 # pinned\n";
export const FOREIGN = "jobs:\n  test:\n    steps:\n      - uses: actions/checkout@v7 # not whetstone/whetstone@v1\n";
export const SWITCH = "jobs:\n  stop:\n    steps:\n      - uses: acme/whetstone/actions/stop@0123\n";

type Run = { readonly id: number; readonly path: string; status: string; stubborn: boolean };

/** A repository on GitHub with workflows and runs, in memory; what was done to them is kept in order. */
export type World = AsyncDisposable & {
  readonly deps: SweepDeps;
  readonly clock: ManualClock;
  readonly guard: Guard;
  readonly workflows: Map<string, { state: string; text: string }>;
  readonly runs: Map<number, Run>;
  readonly acts: string[];
  readonly variable: { value: string | undefined; readable: boolean };
  readonly permit: () => Promise<Permit<"resume">>;
};

export async function openWorld(state: StateStore = openMemoryState()): Promise<World> {
  const folder = await temporaryFolder();
  const clock = manualClock();
  const variable: World["variable"] = { value: undefined, readable: true };
  const workflows: World["workflows"] = new Map([
    ["whetstone.yml", { state: "active", text: OURS }],
    ["monitor.yml", { state: "active", text: OURS }],
    ["old.yml", { state: "disabled_manually", text: OURS }],
    ["ci.yml", { state: "active", text: FOREIGN }],
    ["emergency-stop.yml", { state: "active", text: SWITCH }],
  ]);
  const runs: World["runs"] = new Map(
    [
      { id: 1, path: ".github/workflows/whetstone.yml", status: "in_progress", stubborn: false },
      { id: 2, path: ".github/workflows/ci.yml", status: "in_progress", stubborn: false },
      { id: 3, path: ".github/workflows/old.yml", status: "waiting", stubborn: true },
      { id: 4, path: ".github/workflows/emergency-stop.yml", status: "in_progress", stubborn: false },
    ].map((run) => [run.id, run]),
  );
  const acts: string[] = [];
  const end = (id: number, force: boolean): boolean => {
    const run = runs.get(id);
    acts.push(`${force ? "force-cancel" : "cancel"} ${id}`);
    if (run === undefined || run.status === "completed") return false;
    if (force || !run.stubborn) run.status = "completed";
    return true;
  };
  const turn = (file: string, word: string): void => {
    const workflow = workflows.get(file);
    acts.push(`${word} ${file}`);
    if (workflow === undefined) throw new Error(`404 ${file}`);
    workflow.state = word === "enable" ? "active" : "disabled_manually";
  };
  const killSwitch = openKillSwitch({
    state,
    folder: folder.path,
    clock,
    variable: async () => {
      if (!variable.readable) throw new Error("GitHub answered 403");
      return variable.value;
    },
  });
  const deps: SweepDeps = {
    killSwitch,
    state,
    clock,
    forge: {
      head: async () => ({ sha: "a".repeat(40), branch: "main" }),
      read: async (_sha, path) => {
        const text = workflows.get(path.replace(".github/workflows/", ""))?.text;
        return text === undefined ? undefined : new TextEncoder().encode(text);
      },
    },
    host: {
      workflows: {
        list: async () =>
          [...workflows].map(([file, one]) => ({
            file,
            path: `.github/workflows/${file}`,
            name: file,
            state: one.state,
          })),
        enable: async (file) => turn(file, "enable"),
        disable: async (file) => turn(file, "disable"),
      },
      runs: {
        underWay: async () =>
          [...runs.values()]
            .filter(({ status }) => status !== "completed")
            .map((run) => ({ ...run, title: `run ${run.id}`, url: `https://example.invalid/${run.id}` })),
        cancel: async (id) => end(id, false),
        forceCancel: async (id) => end(id, true),
      },
    },
  };
  return {
    deps,
    clock,
    guard: openGuard({ desk: openDesk({ state }), killSwitch }),
    workflows,
    runs,
    acts,
    variable,
    permit: async () => issuePermit({ operation: "resume", target: "all", actor: ADA, authorization: "a-1" }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** States of all workflows, by file. */
export function statesOf({ workflows }: World): Readonly<Record<string, string>> {
  return Object.fromEntries([...workflows].map(([file, { state }]) => [file, state]));
}
