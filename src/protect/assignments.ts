import type { StateStore, StateView } from "../github/state-port.ts";
import { RuleAssignment } from "../model/assignment.ts";
import { WhetstoneError } from "../model/error.ts";
import { canonicalJson } from "../model/json.ts";
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

/** What of a draw had a part in the session, once the evidence is known. */
export type Narrowing = Pick<RuleAssignment, "run" | "findings" | "arms"> & { readonly entry: LedgerEntry };

/**
 * Leaves of a draw that was made before anything was measured what turned out to apply. Nothing is drawn anew: an arm is
 * as it was drawn or it goes. Nothing happens where nothing was drawn, or where it was done before.
 * @throws WhetstoneError `conflict` for an arm that is not on record so; `ledger_broken`, and those of `StateStore.update`
 */
export async function narrowAssignment(state: StateStore, narrowing: Narrowing, clock: Clock): Promise<void> {
  const { run, findings, arms, entry } = narrowing;
  const path = `assignments/${run}.json`;
  await state.update(`Narrow the draw of ${run}`, async (view) => {
    const text = await view.read(path);
    if (text === undefined) return { change: new Map(), value: undefined };
    const [drawn] = await readRecords({ ...view, list: async () => [path] }, path, RuleAssignment);
    const other = arms.find((arm) => !drawn?.arms.some((one) => canonicalJson(one) === canonicalJson(arm)));
    if (drawn === undefined || other !== undefined) throw notDrawn(run, other?.rule);
    const next = `${JSON.stringify({ ...drawn, findings, arms }, undefined, 2)}\n`;
    if (next === text) return { change: new Map(), value: undefined };
    const { change } = await planLedger(view, [entry], { clock });
    return { change: new Map([[path, next] as const, ...change]), value: undefined };
  });
}

function notDrawn(run: string, rule: string | undefined): WhetstoneError {
  return new WhetstoneError("conflict", `${run} did not draw the rule ${rule ?? ""} so.`, {
    remedy: "The rules of the commit or the record of the draw were altered during the run; look at the ledger.",
    data: { run, rule },
  });
}
