import { z } from "zod";
import { MOST_REPORTS } from "../../github/gate-port.ts";
import type { StateStore, StateView } from "../../github/state-port.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { CommitSha, Digest, Instant } from "../../model/json.ts";
import { Actor, type LedgerEntry } from "../../model/ledger.ts";
import type { Clock } from "../../model/time.ts";
import { CanaryVerdict, ReasonCodeSchema } from "../../model/verdict.ts";
import { planLedger } from "../../protect/ledger.ts";

const Decision = z.strictObject({
  state: z.enum(["approved", "rejected"]),
  reasons: z.array(ReasonCodeSchema).min(1),
  by: Actor,
  at: Instant,
  /** What the judge said then; null where it was not asked. */
  verdict: CanaryVerdict.nullable(),
});

const End = z.strictObject({
  /** `answered`: GitHub has our answer; `bypassed`: an administrator was first; `gone`: the run ended without one. */
  how: z.enum(["answered", "bypassed", "gone"]),
  /** Who let it pass, where somebody else did. */
  by: z.string().nullable(),
  at: Instant,
});

/** `gates/<id>.json` on the state branch: a deployment that waits for a verdict on its canary, and what became of it. */
export const GateRecord = z.strictObject({
  schema: z.literal("whetstone.gate/1"),
  id: z.string().regex(/^[A-Za-z0-9._%-]{1,900}$/),
  /** The run that waits; null where the decision is a check run and nothing else. */
  run: z
    .strictObject({ id: z.int().positive(), attempt: z.int().positive(), environment: z.string(), url: z.string() })
    .nullable(),
  /** The commit that is deployed. */
  sha: CommitSha,
  /** The proposal behind it; null for none. */
  proposal: z.strictObject({ pull: z.int().positive(), target: z.string(), fingerprint: Digest }).nullable(),
  startedAt: Instant,
  deadlineAt: Instant,
  /** Reports that were sent, or were about to be. */
  reports: z.int().min(0).max(MOST_REPORTS),
  decision: Decision.nullable(),
  end: End.nullable(),
});
export type GateRecord = z.infer<typeof GateRecord>;
export type GateDecision = NonNullable<GateRecord["decision"]>;
export type GateEnd = NonNullable<GateRecord["end"]>;

const FOLDER = "gates";

function pathOf(id: string): string {
  return `${FOLDER}/${id}.json`;
}

/** The gate on record. @throws WhetstoneError `ledger_broken` when it cannot be read */
export async function readGate(view: StateView, id: string): Promise<GateRecord | undefined> {
  const text = await view.read(pathOf(id));
  if (text === undefined) return undefined;
  try {
    return GateRecord.parse(JSON.parse(text));
  } catch (error) {
    throw new WhetstoneError("ledger_broken", `${pathOf(id)} on the state branch is no gate: ${messageOf(error)}.`, {
      remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
      cause: error,
    });
  }
}

/** All gates on record, in no stated order. @throws WhetstoneError `ledger_broken` */
export async function gatesOn(view: StateView): Promise<readonly GateRecord[]> {
  const found: GateRecord[] = [];
  for (const path of await view.list(`${FOLDER}/`)) {
    const id = /^gates\/([^/]+)\.json$/.exec(path)?.[1];
    const gate = id === undefined ? undefined : await readGate(view, id);
    if (gate !== undefined) found.push(gate);
  }
  return found;
}

/** Gates of a pull request, in no stated order. @throws WhetstoneError `ledger_broken` */
export async function gatesOfPull(view: StateView, pull: number): Promise<readonly GateRecord[]> {
  return (await gatesOn(view)).filter(({ proposal }) => proposal?.pull === pull);
}

/** What a change of a gate is written with. */
export type GateStore = { readonly state: StateStore; readonly clock: Clock };

/** A change of a gate: the new record and what the ledger says of it; undefined when it stands as it is. */
export type GateStep = { readonly next: GateRecord; readonly entries: readonly LedgerEntry[] } | undefined;

/**
 * Changes a gate by compare-and-swap, the ledger in the same commit; `step` sees what stands now, and runs again when
 * somebody was faster. Returns what stands afterwards.
 * @throws WhetstoneError `ref_moved`, `ledger_broken`, `api_failed`
 */
export function updateGate(
  { state, clock }: GateStore,
  id: string,
  step: (current: GateRecord | undefined) => GateStep,
): Promise<GateRecord | undefined> {
  return state.update(`gate: ${id}`, async (view) => {
    const current = await readGate(view, id);
    const done = step(current);
    if (done === undefined) return { change: new Map(), value: current };
    const { change } = await planLedger(view, done.entries, { clock });
    const text = `${JSON.stringify(done.next, undefined, 1)}\n`;
    return { change: new Map([...change, [pathOf(id), text] as const]), value: done.next };
  });
}
