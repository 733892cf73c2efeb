import type { StateStore, StateView } from "../github/state-port.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { PullValidation } from "../model/pull-change.ts";

function pathOf(pull: number): string {
  return `app/validations/${pull}.json`;
}

/** Keeps what a run found of a pull request, in place of what one before it found. */
export async function keepPullValidation(state: StateStore, found: PullValidation): Promise<void> {
  const text = `${JSON.stringify(PullValidation.parse(found), undefined, 1)}\n`;
  await state.update(`app: #${found.pull} was validated for comment ${found.comment}`, async () => ({
    change: new Map([[pathOf(found.pull), text]]),
    value: undefined,
  }));
}

/** What the last run found of a pull request. @throws WhetstoneError `ledger_broken` when it cannot be read */
export async function readPullValidation(view: StateView, pull: number): Promise<PullValidation | undefined> {
  const path = pathOf(pull);
  const text = await view.read(path);
  if (text === undefined) return undefined;
  try {
    return PullValidation.parse(JSON.parse(text));
  } catch (error) {
    throw new WhetstoneError("ledger_broken", `${path} on the state branch is no validation: ${messageOf(error)}.`, {
      remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
      cause: error,
    });
  }
}
