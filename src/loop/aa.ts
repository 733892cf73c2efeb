/**
 * The continuous A/A of a target. Periods follow each other without a gap, at whole multiples of their length since 1970;
 * each is judged once, when it is over and its spans have had time to arrive, and what was judged is kept on the state
 * branch. Who comes later goes on after the last period on record, whoever wrote it.
 */
import { addPeriod, AaHistory, emptyHistory, judgePeriod, ratesOf } from "../canary/live-aa.ts";
import { FREEZE_MS, windowOptions } from "../canary/window.ts";
import type { CanaryOptions } from "../canary/options.ts";
import type { Rollout } from "../canary/rollout-record.ts";
import type { CanarySettings } from "../config/schema.ts";
import type { StateStore, StateView } from "../github/state-port.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import type { Clock } from "../model/time.ts";
import { digestOf } from "../protect/digest.ts";
import { createRandom } from "../stats/random.ts";
import type { SpanStore } from "../store/port.ts";
import { callsIn } from "./rollout/calls.ts";

/** Where an A/A reads and writes, and by what it judges. */
export type LiveAa = {
  readonly state: StateStore;
  readonly spans: Pick<SpanStore, "spans">;
  readonly clock: Clock;
  readonly target: string;
  readonly settings: CanarySettings;
  readonly periodMs: number;
  /** The rollout on record: while it has traffic the arms are no equals. */
  readonly rollout: () => Promise<Rollout | undefined>;
};

/** The length of a period when none is given, ms. */
export const AA_PERIOD_MS = 3_600_000;

/** What the A/A of a target's arms found broken, by periods of the usual length; undefined before its first. */
export async function knownDrift(
  view: StateView,
  of: Pick<LiveAa, "target" | "settings">,
): Promise<CanaryOptions["knownDrift"]> {
  const history = await readAa(view, { ...of, periodMs: AA_PERIOD_MS });
  const rates = history === undefined ? null : ratesOf(history);
  if (rates === null) return undefined;
  return { rollback: rates.falseRollback.isBroken, promotion: rates.falsePromotion?.isBroken === true };
}

/** Spans of a period are waited for so long, ms. */
const GRACE_MS = 60_000;

/** The path of a target's A/A on the state branch; options that change the verdict have a history of their own. */
export function aaPath({ target, settings, periodMs }: Pick<LiveAa, "target" | "settings" | "periodMs">): string {
  const { alpha, beta, margin, slowdown, unit, maxErrorRate, maxSlowRate, slowMs } = settings;
  const options = { alpha, beta, margin, slowdown, unit, maxErrorRate, maxSlowRate, slowMs, periodMs };
  return `canary-aa/${encodeURIComponent(target)}/${digestOf(options).replace(/^.*:/, "").slice(0, 12)}.json`;
}

/**
 * The history on record; undefined before the first period.
 * @throws WhetstoneError `input_unreadable` for a file that is none
 */
export async function readAa(view: StateView, of: Parameters<typeof aaPath>[0]): Promise<AaHistory | undefined> {
  const path = aaPath(of);
  const found = await view.read(path);
  if (found === undefined) return undefined;
  try {
    return AaHistory.parse(JSON.parse(found));
  } catch (error) {
    throw new WhetstoneError("input_unreadable", `${path} on the state branch is no A/A: ${messageOf(error)}.`, {
      remedy: "Restore the file from the branch's history; do not edit it by hand.",
      cause: error,
    });
  }
}

/**
 * Judges every period that is over and not on record, and writes each. A new history begins with the period of `since`.
 * @param since ms since the Unix epoch
 * @throws WhetstoneError `input_unreadable`, `store_read_failed`, and what the state rejects with
 */
export async function continueAa(aa: LiveAa, since: number): Promise<AaHistory> {
  const { periodMs } = aa;
  const begun = await readAa(await aa.state.view(), aa);
  const first = Math.floor(since / periodMs) * periodMs;
  let history = begun ?? newHistory(aa, first);
  const now = Number(aa.clock.now() / 1_000_000n);
  for (;;) {
    const startMs = Date.parse(history.until);
    const endMs = startMs + periodMs;
    if (endMs + GRACE_MS > now) return history;
    history = await save(aa, history, addPeriod(history, await periodOf(aa, { startMs, endMs })));
  }
}

/** When the next period is over and its spans have arrived, ms since the Unix epoch. */
export function nextDueMs({ until, periodMs }: AaHistory): number {
  return Date.parse(until) + periodMs + GRACE_MS;
}

function newHistory({ target, periodMs, settings: { alpha, beta } }: LiveAa, sinceMs: number): AaHistory {
  const since = new Date(sinceMs).toISOString();
  return emptyHistory({ target, periodMs, since, promised: { rollback: alpha, promotion: beta } });
}

type Period = { readonly startMs: number; readonly endMs: number };

async function periodOf(aa: LiveAa, { startMs, endMs }: Period): Promise<Parameters<typeof addPeriod>[1]> {
  const { spans, target, settings } = aa;
  const to = new Date(endMs).toISOString();
  if (hasTraffic(await aa.rollout(), { startMs, endMs })) return { skipped: "rollout", to };
  const { samples, versions } = await callsIn({ spans, target, from: startMs, to: endMs });
  const arms = new Set(samples.map(({ arm }) => arm));
  if (arms.size < 2) return { skipped: "silent_arm", to };
  const { baseline, canary } = versions;
  if (baseline.size > 0 && canary.size > 0 && !isEqual(baseline, canary)) {
    return { skipped: "versions_differ", to };
  }
  const before = await callsIn({ spans, target, from: startMs - FREEZE_MS, to: startMs });
  const judge = { ...windowOptions({ before: before.samples, settings }), weight: null, startedMs: startMs };
  return judgePeriod(samples, { startMs, endMs, judge, random: createRandom(`aa ${target} ${startMs}`) });
}

function isEqual(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one));
}

/** Whether a rollout had given the canary traffic at some time of the period. */
function hasTraffic(rollout: Rollout | undefined, { startMs, endMs }: Period): boolean {
  if (rollout === undefined || rollout.exposedSince === null) return false;
  const isOver = rollout.phase === "promoted" || rollout.phase === "rolled_back";
  return Date.parse(rollout.exposedSince) < endMs && (!isOver || Date.parse(rollout.since) > startMs);
}

/** Writes the next history over the one that was read; what somebody else wrote meanwhile stands. */
function save(aa: LiveAa, read: AaHistory, next: AaHistory): Promise<AaHistory> {
  return aa.state.update(`A/A: ${aa.target} until ${next.until}`, async (view) => {
    const current = await readAa(view, aa);
    if (current !== undefined && current.until !== read.until) return { change: new Map(), value: current };
    return { change: new Map([[aaPath(aa), `${JSON.stringify(next, undefined, 1)}\n`]]), value: next };
  });
}
