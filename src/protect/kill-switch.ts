import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StateStore, StateView } from "../github/state-port.ts";
import type { Subject } from "../model/authorization.ts";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";
import type { Actor, LedgerEntry } from "../model/ledger.ts";
import { describeStop, isRunning, type StopFlag, StopRecord, type StopState, variableFlag } from "../model/stop.ts";
import { type Clock, formatInstant } from "../model/time.ts";
import { stateSubject } from "./authorization/subject.ts";
import { digestOf } from "./digest.ts";
import { writeFileWhole } from "./files.ts";

import { assertPermit, type Permit } from "./permit.ts";
import { planLedger } from "./ledger.ts";

const STATE_FLAG = "stop.json";

/** Where the flags are. */
export type KillSwitchPlace = {
  readonly state: StateStore;
  /** The working folder of the repository; the local flag lies in it and needs no git. */
  readonly folder: string;
  readonly clock: Clock;
  /** Value of the variable of the repository, where it can be read; undefined when it is not set. */
  readonly variable?: () => Promise<string | undefined>;
};

/** What setting the flag achieved, place by place; a text says what failed. */
export type Stopped = {
  readonly local: "stopped" | { readonly failed: string };
  readonly state: "stopped" | "stopped, but not in the ledger" | { readonly failed: string };
};

/** The stop of everything that changes something. */
export type KillSwitch = {
  /** All flags as they are now; never throws: what cannot be read is said to be so. */
  readonly look: () => Promise<StopState>;
  /** @throws WhetstoneError `stopped` unless all flags are read and absent */
  readonly assertRunning: () => Promise<void>;
  /** Sets both flags, the local one first; one that fails does not keep the other from being set. */
  readonly stop: (request: { readonly by: Actor; readonly why: string | null }) => Promise<Stopped>;
  /** Lifts the stop that the permit is about: the flag on the state branch with its ledger entry, then the local one. */
  readonly lift: (permit: Permit<"resume">) => Promise<void>;
};

/** What exactly a permission to go on is about: these flags, not later ones. */
export function stopSubject(state: StopState): Subject {
  return stateSubject(state);
}

/** The kill switch of a repository. */
export function openKillSwitch(place: KillSwitchPlace): KillSwitch {
  const look = async (): Promise<StopState> => ({
    local: await localFlag(place.folder),
    state: await stateFlag(place),
    ...(place.variable === undefined ? {} : { variable: await flagOfVariable(place.variable) }),
  });
  return {
    look,
    assertRunning: async () => {
      const state = await look();
      if (!isRunning(state)) throw stoppedError(state);
    },
    stop: async ({ by, why }) => {
      const record: StopRecord = StopRecord.parse({
        schema: "whetstone.stop/1",
        by,
        at: formatInstant(place.clock.now()),
        why,
      });
      return { local: await stopHere(place.folder, record), state: await stopState(place, record) };
    },
    lift: async (permit) => {
      assertPermit(permit, "resume");
      await liftState(place, permit);
      await rm(localPath(place.folder), { force: true });
    },
  };
}

function localPath(folder: string): string {
  return join(folder, STATE_FLAG);
}

async function localFlag(folder: string): Promise<StopFlag> {
  try {
    return flagOf(await readFile(localPath(folder), "utf8"));
  } catch (error) {
    return codeOf(error) === "ENOENT" ? { kind: "running" } : { kind: "unreadable", detail: messageOf(error) };
  }
}

async function stateFlag({ state }: KillSwitchPlace): Promise<StopFlag> {
  try {
    const text = await (await state.view()).read(STATE_FLAG);
    return text === undefined ? { kind: "running" } : flagOf(text);
  } catch (error) {
    return { kind: "unreadable", detail: messageOf(error) };
  }
}

async function flagOfVariable(read: NonNullable<KillSwitchPlace["variable"]>): Promise<StopFlag> {
  try {
    return variableFlag(await read());
  } catch (error) {
    return { kind: "unreadable", detail: messageOf(error) };
  }
}

function flagOf(text: string): StopFlag {
  try {
    const parsed = StopRecord.safeParse(JSON.parse(text));
    if (parsed.success) return { kind: "stopped", record: parsed.data };
    return { kind: "unreadable", detail: "it is no record of a stop" };
  } catch {
    return { kind: "unreadable", detail: "it is not JSON" };
  }
}

async function stopHere(folder: string, record: StopRecord): Promise<Stopped["local"]> {
  try {
    await writeFileWhole(localPath(folder), textOf(record));
    return "stopped";
  } catch (error) {
    return { failed: messageOf(error) };
  }
}

async function stopState({ state, clock }: KillSwitchPlace, record: StopRecord): Promise<Stopped["state"]> {
  try {
    return await state.update("stop", async (view) => {
      const ledger = await ledgerOf(view, record, clock);
      const change = new Map([...(ledger ?? []), [STATE_FLAG, textOf(record)] as const]);
      return { change, value: ledger === undefined ? "stopped, but not in the ledger" : "stopped" };
    });
  } catch (error) {
    return { failed: messageOf(error) };
  }
}

/** A ledger that is broken must not keep anybody from stopping. */
async function ledgerOf(view: StateView, record: StopRecord, clock: Clock) {
  const { by, at, why } = record;
  const entry: LedgerEntry = {
    actor: by,
    operation: "stop",
    target: "all",
    decision: "allow",
    reasonCode: "disabled",
    result: "stopped",
    parametersDigest: digestOf({ at, why }),
    run: `stop-${at}`,
    rollback: "whetstone resume",
  };
  try {
    return (await planLedger(view, [entry], { clock })).change;
  } catch (error) {
    if (codeOf(error) === "ledger_broken") return undefined;
    throw error;
  }
}

async function liftState({ state, clock }: KillSwitchPlace, permit: Permit<"resume">): Promise<void> {
  await state.update("resume", async (view) => {
    const text = await view.read(STATE_FLAG);
    if (text === undefined) return { change: new Map(), value: undefined };
    const entry: LedgerEntry = {
      actor: permit.actor,
      operation: "stop.lift",
      target: "all",
      decision: "allow",
      reasonCode: "ok",
      result: "running",
      parametersDigest: digestOf({ lifted: text }),
      run: permit.authorization ?? "resume",
      ...(permit.authorization === undefined ? {} : { authorization: permit.authorization }),
      rollback: "whetstone stop",
    };
    const { change } = await planLedger(view, [entry], { clock });
    return { change: new Map([...change, [STATE_FLAG, null]]), value: undefined };
  });
}

function textOf(record: StopRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

function stoppedError(state: StopState): WhetstoneError {
  return new WhetstoneError("stopped", `The kill switch is set; ${describeStop(state)}.`, {
    remedy: "Find out why; then ask for permission to go on: whetstone authorize request resume, and whetstone resume.",
    data: { reason: "disabled" },
  });
}
