import { z } from "zod";
import type { StateStore, StateView } from "../../github/state-port.ts";
import { WhetstoneError } from "../../model/error.ts";
import { Instant } from "../../model/json.ts";
import { Actor } from "../../model/ledger.ts";

/** Where the record lies on the state branch. */
export const SWEEP_FILE = "stops/sweep.json";

/**
 * What a stop switched off, and what ran. A workflow stands here before it is switched off and until it is on again, so
 * that whoever goes on after a crash knows exactly which ones are Whetstone's to switch on.
 */
export const SweepRecord = z.strictObject({
  schema: z.literal("whetstone.stop-sweep/1"),
  /** Workflow files that were active when the stop found them. */
  workflows: z.array(z.strictObject({ file: z.string().min(1), off: z.boolean() })),
  /** Runs that were asked to end, and when. */
  runs: z.array(z.strictObject({ id: z.int(), title: z.string(), asked: Instant, forced: z.boolean() })),
  /** Who had the permission to let it go on, while that is under way. */
  resumed: z.strictObject({ by: Actor, at: Instant }).nullable(),
});
export type SweepRecord = z.infer<typeof SweepRecord>;

export const NO_SWEEP: SweepRecord = { schema: "whetstone.stop-sweep/1", workflows: [], runs: [], resumed: null };

/**
 * The record as it stands; the empty one when there is none.
 * @throws WhetstoneError `ledger_broken`: which workflows to switch on again is then for a person to say
 */
export async function readSweep(view: StateView): Promise<SweepRecord> {
  const text = await view.read(SWEEP_FILE);
  if (text === undefined) return NO_SWEEP;
  const parsed = SweepRecord.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new WhetstoneError("ledger_broken", `The state branch holds an unreadable record: ${SWEEP_FILE}.`, {
    remedy: "Restore it from an earlier commit of whetstone/state, or remove it and switch the workflows by hand.",
    cause: parsed.error,
    data: { path: SWEEP_FILE },
  });
}

/** Changes the record by compare-and-swap; one that holds nothing any more is removed. */
export async function changeSweep(
  state: StateStore,
  message: string,
  change: (record: SweepRecord) => SweepRecord,
): Promise<SweepRecord> {
  return await state.update(message, async (view) => {
    const before = await readSweep(view);
    const value = change(before);
    if (JSON.stringify(value) === JSON.stringify(before)) return { change: new Map(), value };
    const empty = value.workflows.length === 0 && value.resumed === null && value.runs.length === 0;
    const text = empty ? null : `${JSON.stringify(value, undefined, 2)}\n`;
    return { change: new Map([[SWEEP_FILE, text]]), value };
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // does not parse as the schema either, which is reported with the path
  }
}
