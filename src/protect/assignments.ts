import type { StateStore, StateView } from "../github/state-port.ts";
import { RuleAssignment } from "../model/assignment.ts";
import type { LedgerEntry } from "../model/ledger.ts";
import type { Clock } from "../model/time.ts";
import { planLedger } from "./ledger.ts";
import { readRecords } from "./outcomes.ts";

/**
 * Commits what was drawn for a session, with its ledger record, before the session starts. A run draws once: what is on
 * record of it stays.
 * @throws WhetstoneError `ledger_broken`, and those of `StateStore.update`
 */
export async function recordAssignment(
  state: StateStore,
  { assignment, entry }: { readonly assignment: RuleAssignment; readonly entry: LedgerEntry },
  clock: Clock,
): Promise<void> {
  const path = `assignments/${assignment.run}.json`;
  await state.update(`Assign ${assignment.arms.length} rules to ${assignment.run}`, async (view) => {
    if ((await view.read(path)) !== undefined) return { change: new Map(), value: undefined };
    const { change } = await planLedger(view, [entry], { clock });
    const text = `${JSON.stringify(assignment, undefined, 2)}\n`;
    return { change: new Map([[path, text] as const, ...change]), value: undefined };
  });
}

/** All assignments on a target. @throws WhetstoneError `ledger_broken` naming what cannot be read */
export async function readAssignments(view: StateView, target: string): Promise<RuleAssignment[]> {
  const assignments = await readRecords(view, "assignments/", RuleAssignment);
  return assignments.filter((assignment) => assignment.target === target);
}
