import type { StateStore, StateView } from "../github/state-port.ts";
import { AskedRun } from "../model/asked-run.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";

const FOLDER = "app/runs/";

/** The file of a record and its text, for a change of the state. */
export function askedRunFile(asked: AskedRun): readonly [path: string, text: string] {
  return [`${FOLDER}${asked.comment}.json`, `${JSON.stringify(AskedRun.parse(asked), undefined, 1)}\n`];
}

/** What is on record about a comment. @throws WhetstoneError `ledger_broken` when it cannot be read */
export async function readAskedRun(view: StateView, comment: number): Promise<AskedRun | undefined> {
  const path = `${FOLDER}${comment}.json`;
  const text = await view.read(path);
  if (text === undefined) return undefined;
  try {
    return AskedRun.parse(JSON.parse(text));
  } catch (error) {
    throw new WhetstoneError("ledger_broken", `${path} on the state branch is no run: ${messageOf(error)}.`, {
      remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
      cause: error,
    });
  }
}

/** The workflow run that is at the door, and the run of the loop that it would be. */
export type Arrival = {
  /** Account that GitHub names as its actor. */
  readonly app: string;
  readonly run: number;
  readonly target: string;
  readonly loop: string;
  /** False: nothing is put on record, and no permission goes with it. */
  readonly mark: boolean;
};

/** What was asked for, and whether this is the one run of the loop that its permission is good for. */
export type Arrived = { readonly asked: AskedRun; readonly isFirst: boolean };

/** Newest comments that are looked through: a run begins minutes after it was asked for. */
const MOST_READ = 50;

/**
 * What the App was asked for when it started a workflow run, and marks it as arrived. Known by the number of the run; one
 * that the App has not put on record yet only where a single wish of this target is without a number. Undefined: the App has not
 * been asked for this run.
 */
export async function takeAskedRun(state: StateStore, arrival: Arrival): Promise<Arrived | undefined> {
  return await state.update(`app: run ${arrival.run} has begun`, async (view) => {
    const asked = await find(view, arrival);
    if (asked === undefined) return { change: new Map(), value: undefined };
    const isNew = asked.loop === null;
    const marked = { ...asked, run: arrival.run, loop: arrival.loop };
    const change = new Map(isNew && arrival.mark ? [askedRunFile(marked)] : []);
    return { change, value: { asked, isFirst: arrival.mark && (isNew || asked.loop === arrival.loop) } };
  });
}

async function find(view: StateView, { app, run, target }: Arrival): Promise<AskedRun | undefined> {
  const ours = (await newestAskedRuns(view)).filter((asked) => asked.app === app && asked.target === target);
  const unnumbered = ours.filter((asked) => asked.run === null && asked.loop === null);
  const only = unnumbered.length === 1 ? unnumbered[0] : undefined;
  return ours.find((asked) => asked.run === run) ?? only;
}

/** What was asked for last, newest comment first; of more than 50 the older ones are left out. @throws WhetstoneError `ledger_broken` */
export async function newestAskedRuns(view: StateView): Promise<readonly AskedRun[]> {
  const comments = (await view.list(FOLDER)).map((path) => Number(path.slice(FOLDER.length, -".json".length)));
  const newest = comments.toSorted((a, b) => b - a).slice(0, MOST_READ);
  const found: AskedRun[] = [];
  for (const comment of newest) {
    const asked = await readAskedRun(view, comment);
    if (asked !== undefined) found.push(asked);
  }
  return found;
}
