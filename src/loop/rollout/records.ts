import { ENDED } from "../../canary/rollout.ts";
import { Rollout, sharesRise } from "../../canary/rollout-record.ts";
import type { StateStore, StateView } from "../../github/state-port.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import type { LedgerEntry } from "../../model/ledger.ts";
import type { Clock } from "../../model/time.ts";
import { planLedger } from "../../protect/ledger.ts";
import type { RolloutRecords } from "./port.ts";

/** What the ledger says of a rollout's new phase, and by which clock. */
export type RolloutLedger = { readonly entryOf: (rollout: Rollout) => LedgerEntry; readonly clock: Clock };

/**
 * Rollouts on the state branch, one file per target; history is that of the branch. With `ledger` each new phase is
 * recorded there by the same commit.
 */
export function stateRollouts(state: StateStore, ledger?: RolloutLedger): RolloutRecords {
  return {
    load: async (target) => read(await state.view(), target),
    save: (rollout) =>
      state.update(`rollout: ${rollout.target} ${rollout.phase}`, async (view) => {
        const current = await read(view, rollout.target);
        if (!mayFollow(rollout, current)) throw conflict(rollout, current);
        const file = [pathOf(rollout.target), text(rollout)] as const;
        // A failed attempt is no new phase.
        const isNew = rollout.attempts === 0;
        const entries = ledger === undefined || !isNew ? [] : [ledger.entryOf(rollout)];
        const { change } = ledger === undefined ? { change: [] } : await planLedger(view, entries, ledger);
        return { change: new Map([...change, file]), value: undefined };
      }),
  };
}

/** The path of a target's rollout on the state branch. */
export function pathOf(target: string): string {
  return `rollouts/${encodeURIComponent(target)}.json`;
}

function mayFollow(next: Rollout, current: Rollout | undefined): boolean {
  if (next.revision === 0) return current === undefined || ENDED.includes(current.phase);
  return current?.id === next.id && current.revision === next.revision - 1;
}

function conflict(next: Rollout, current: Rollout | undefined): WhetstoneError {
  const found = current === undefined ? "none" : `${current.id} (${current.phase}, revision ${current.revision})`;
  return new WhetstoneError("conflict", `The rollout of ${next.target} on record is ${found}, not what was read.`, {
    remedy: "Look at it with whetstone canary status; another process or a person changed it.",
  });
}

async function read(view: StateView, target: string): Promise<Rollout | undefined> {
  const path = pathOf(target);
  const found = await view.read(path);
  if (found === undefined) return undefined;
  try {
    const rollout = Rollout.parse(JSON.parse(found));
    if (sharesRise(rollout.plan)) return rollout;
    throw new WhetstoneError("defect", "the shares of its plan do not rise");
  } catch (error) {
    throw new WhetstoneError("input_unreadable", `${path} on the state branch is no rollout: ${messageOf(error)}.`, {
      remedy: "Restore the file from the branch's history; do not edit it by hand.",
      cause: error,
    });
  }
}

function text(rollout: Rollout): string {
  return `${JSON.stringify(rollout, undefined, 1)}\n`;
}
