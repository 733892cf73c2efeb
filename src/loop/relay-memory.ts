import type { StateStore, StateView } from "../github/state-port.ts";
import { readAssignments } from "../protect/assignments.ts";
import { readOutcomes, readSessions } from "../protect/outcomes.ts";
import { orderedView, type RelayOrder } from "./relay-order.ts";

/** Files read at once: an API answers each by itself. */
const AT_ONCE = 8;

/** Folders of which later jobs read what is about the target. */
const FOLDERS = ["outcomes/", "sessions/", "assignments/"] as const;

/**
 * What of the state is remembered of a target, for jobs that cannot read it themselves: outcomes, sessions and draws, and,
 * where a change was stopped, the manifests that say on which commit. Read here once as well as there, so that a record
 * which cannot be read ends the run at its gate.
 * @throws WhetstoneError `ledger_broken` naming what cannot be read
 */
export async function rememberState(state: Pick<StateStore, "view">, target: string): Promise<RelayOrder["state"]> {
  const view = await state.view();
  const files: Record<string, string> = {};
  for (const folder of FOLDERS) Object.assign(files, await ofTarget(view, folder, target));
  const carried = { tip: view.head ?? null, files };
  const outcomes = await checked(carried, target);
  if (outcomes.some(({ status }) => STOPPED.has(status))) {
    Object.assign(files, await ofTarget(view, "dossiers/", target));
  }
  return carried;
}

const STOPPED: ReadonlySet<string> = new Set(["rejected", "closed", "rolled_back"]);

async function checked(state: RelayOrder["state"], target: string) {
  const view = orderedView(state);
  await readSessions(view, target);
  await readAssignments(view, target);
  return await readOutcomes(view, target);
}

async function ofTarget(view: StateView, folder: string, target: string): Promise<Record<string, string>> {
  const paths = await view.list(folder);
  const files: Record<string, string> = {};
  for (let first = 0; first < paths.length; first += AT_ONCE) {
    const some = paths.slice(first, first + AT_ONCE);
    const texts = await Promise.all(some.map(async (path) => [path, (await view.read(path)) ?? ""] as const));
    for (const [path, text] of texts) if (concerns(text, target)) files[path] = text;
  }
  return files;
}

/** What cannot be read is kept, so that it is found out. */
function concerns(text: string, target: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    const about: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "target") : undefined;
    return typeof about !== "string" || about === target;
  } catch {
    return true;
  }
}
