import type { Host } from "../../github/host-port.ts";
import type { Forge } from "../../github/port.ts";
import type { StateStore } from "../../github/state-port.ts";
import { messageOf } from "../../model/error.ts";
import type { Actor } from "../../model/ledger.ts";
import { type Clock, formatInstant, parseInstant } from "../../model/time.ts";
import { digestOf } from "../digest.ts";
import type { KillSwitch } from "../kill-switch.ts";
import { appendLedger } from "../ledger.ts";
import { belongingOf } from "./ours.ts";
import { changeSweep, type SweepRecord } from "./sweep-record.ts";

/** What a stop works with. */
export type SweepDeps = {
  readonly killSwitch: KillSwitch;
  readonly state: StateStore;
  readonly forge: Pick<Forge, "head" | "read">;
  readonly host: {
    readonly runs: Pick<Host["runs"], "underWay" | "cancel" | "forceCancel">;
    readonly workflows: Pick<Host["workflows"], "list" | "enable" | "disable">;
  };
  readonly clock: Clock;
};

/** Who stops everything, and what must not be touched. */
export type StopRequest = {
  readonly by: Actor;
  readonly why: string | null;
  /** Id under which the ledger keeps what belongs together. */
  readonly run: string;
  /** File names of workflows that belong to Whetstone although they call nothing of it, such as the deployment's. */
  readonly also: readonly string[];
  /** The workflow run that does this, where it is one. */
  readonly ownRun?: number | undefined;
};

/** One thing that could not be done. */
export type Failure = { readonly what: string; readonly detail: string };

/** What a stop did. What failed keeps nothing else from being done; run again, it completes the rest. */
export type Sweep = {
  /** Whether the flag on the state branch is set: what every job looks at first. */
  readonly flagged: boolean;
  /** Workflow files that are off because of the stop. */
  readonly off: readonly string[];
  /** Runs that were asked to end, with their pages; those that have not ended yet. */
  readonly ending: readonly string[];
  readonly failures: readonly Failure[];
};

/** A run that still goes on this long after it was asked to end is ended by force, ns. */
const FORCE_AFTER_NS = 60_000_000_000n;

/**
 * Stops everything: the flags first, then Whetstone's workflows are switched off, then their runs are ended, gates that
 * they wait at included. Every part that fails is named and the rest is done; done again, it completes what is missing,
 * ends by force what did not end, and doubles nothing.
 */
export async function sweepStop(deps: SweepDeps, request: StopRequest): Promise<Sweep> {
  const failures: Failure[] = [];
  const attempt = attempting(failures);
  const flagged = await setFlags(deps, request, failures);
  const workflows = (await attempt("the list of workflows", () => findWorkflows(deps, request.also))) ?? [];
  const active = workflows.filter(({ state }) => state === "active").map(({ file }) => file);
  const off = await switchOff(deps, active, attempt);
  const paths = new Set(workflows.map(({ path }) => path));
  const runs = (await attempt("the list of runs", () => deps.host.runs.underWay())) ?? [];
  const own = runs.filter(({ id, path }) => paths.has(path) && id !== request.ownRun);
  const changed = await endRuns(deps, own, attempt);
  if (off.changed || changed || failures.length > 0) {
    await attempt("the ledger", () => recordSweep(deps, request, { off: off.files, runs: own.length, failures }));
  }
  return { flagged, off: off.files, ending: own.map(({ url, title, id }) => url || title || String(id)), failures };
}

type Attempt = <T>(what: string, act: () => Promise<T>) => Promise<T | undefined>;

function attempting(failures: Failure[]): Attempt {
  return async (what, act) => {
    try {
      return await act();
    } catch (error) {
      failures.push({ what, detail: messageOf(error) });
      return undefined;
    }
  };
}

/** A stop that stands is left as it is: who set it and when stays on record. */
async function setFlags({ killSwitch }: SweepDeps, { by, why }: StopRequest, failures: Failure[]): Promise<boolean> {
  if ((await killSwitch.look()).state.kind === "stopped") return true;
  const done = await killSwitch.stop({ by, why });
  if (typeof done.local === "object") failures.push({ what: "the flag of this machine", detail: done.local.failed });
  if (typeof done.state !== "object") return true;
  failures.push({ what: "the flag on the branch whetstone/state", detail: done.state.failed });
  return false;
}

type OwnWorkflow = Awaited<ReturnType<Host["workflows"]["list"]>>[number];

/** Whetstone's own workflows by their text on the default branch, but for the one that stops. */
async function findWorkflows({ host, forge }: SweepDeps, also: readonly string[]): Promise<readonly OwnWorkflow[]> {
  const found: OwnWorkflow[] = [];
  const { sha } = await forge.head();
  for (const workflow of await host.workflows.list()) {
    const bytes = await forge.read(sha, workflow.path);
    const belonging = bytes === undefined ? "none" : belongingOf(new TextDecoder().decode(bytes));
    if (belonging === "ours" || (belonging === "none" && also.includes(workflow.file))) found.push(workflow);
  }
  return found;
}

type Switched = { readonly files: readonly string[]; readonly changed: boolean };

/** On record first, then off, then marked: a crash in between leaves no workflow off that nobody knows of. */
async function switchOff(deps: SweepDeps, active: readonly string[], attempt: Attempt): Promise<Switched> {
  const planned = await attempt("the record of what is switched off", () =>
    changeSweep(deps.state, "stop: what is switched off", (record) => planOff(record, active)),
  );
  if (planned === undefined) return { files: [], changed: false };
  const due = planned.workflows.filter(({ file, off }) => !off || active.includes(file)).map(({ file }) => file);
  const done: string[] = [];
  for (const file of due) {
    const off = await attempt(`switching off ${file}`, async () => {
      await deps.host.workflows.disable(file);
      return true;
    });
    if (off === true) done.push(file);
  }
  const marked = await attempt("the record of what was switched off", () =>
    changeSweep(deps.state, "stop: switched off", (record) => markOff(record, done)),
  );
  const files = (marked ?? planned).workflows.filter(({ file, off }) => off || done.includes(file));
  return { files: files.map(({ file }) => file), changed: done.length > 0 };
}

function planOff(record: SweepRecord, active: readonly string[]): SweepRecord {
  const known = new Set(record.workflows.map(({ file }) => file));
  const added = active.filter((file) => !known.has(file)).map((file) => ({ file, off: false }));
  return { ...record, workflows: [...record.workflows, ...added], resumed: null };
}

function markOff(record: SweepRecord, done: readonly string[]): SweepRecord {
  const workflows = record.workflows.map((one) => (done.includes(one.file) ? { ...one, off: true } : one));
  return { ...record, workflows };
}

type Own = Awaited<ReturnType<Host["runs"]["underWay"]>>;

/** Asks each run once to end; what goes on long after that is ended by force. */
async function endRuns({ state, host, clock }: SweepDeps, own: Own, attempt: Attempt): Promise<boolean> {
  if (own.length === 0) return false;
  const known = await attempt("the record of ended runs", () => changeSweep(state, "stop: look", (record) => record));
  const now = clock.now();
  const asked = new Map((known?.runs ?? []).map((one) => [one.id, one]));
  const acts: SweepRecord["runs"] = [];
  for (const { id, title } of own) {
    const before = asked.get(id);
    const force = before !== undefined && parseInstant(before.asked, 0n) + FORCE_AFTER_NS <= now;
    if (before !== undefined && (!force || before.forced)) continue;
    const ended = await attempt(`ending run ${id}`, async () => {
      await (force ? host.runs.forceCancel(id) : host.runs.cancel(id));
      return true;
    });
    if (ended === true) acts.push({ id, title, asked: before?.asked ?? formatInstant(now), forced: force });
  }
  if (acts.length === 0) return false;
  await attempt("the record of ended runs", () =>
    changeSweep(state, "stop: runs", (record) => {
      const others = record.runs.filter(({ id }) => !acts.some((act) => act.id === id));
      return { ...record, runs: [...others, ...acts] };
    }),
  );
  return true;
}

type SweepFacts = { readonly off: readonly string[]; readonly runs: number; readonly failures: readonly Failure[] };

async function recordSweep({ state, clock }: SweepDeps, { by, run }: StopRequest, facts: SweepFacts): Promise<void> {
  const { off, runs, failures } = facts;
  const failed = failures.map(({ what }) => what);
  const result = `${off.length} workflows off, ${runs} runs asked to end${failed.length === 0 ? "" : `, ${failed.length} parts failed`}`;
  const entry = {
    actor: by,
    operation: "stop.sweep",
    target: "all",
    decision: "allow",
    reasonCode: failed.length === 0 ? "disabled" : "api_error",
    result,
    parametersDigest: digestOf({ off, runs, failed }),
    run,
    rollback: "/whetstone resume",
  } as const;
  await appendLedger(state, [entry], { clock });
}
