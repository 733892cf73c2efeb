import { decideGate, type GateOpinion } from "../canary/gate.ts";
import { FREEZE_MS } from "../canary/window.ts";
import { gateCalls, type GateCalls } from "../capture/gate-calls.ts";
import type { AppSettings } from "../config/app.ts";
import type { Env } from "../config/env.ts";
import { readConfig, selectTarget } from "../config/read.ts";
import type { CommitSha } from "../model/json.ts";
import type { Clock } from "../model/time.ts";
import type { SpanStore } from "../store/port.ts";
import { openSpanStore, type Places } from "../wire.ts";
import { readSamples } from "./sample-files.ts";

/** Where the calls of both versions are: in two files, or in the store of telemetry since so long ago. */
export type GateSource =
  | { readonly kind: "files"; readonly control: string; readonly experiment: string }
  | { readonly kind: "store"; readonly sinceMs: number };

/** The gate of a canary as a step of a job, for a repository without the App. */
export type GateStep = {
  readonly places: Places & { readonly config: string };
  readonly env: Env;
  readonly target: string | undefined;
  /** The commit that the canary runs. */
  readonly sha: CommitSha;
  readonly source: GateSource;
  /** How long the step waits for a verdict; 0 for one look. */
  readonly waitMinutes: number;
  readonly clock: Clock;
  /** Resolves when the next look is due, in so many ms. */
  readonly untilNextLook: (ms: number) => Promise<void>;
  /** Told of each look. */
  readonly told: (opinion: GateOpinion) => void;
};

/** What the last look found. */
export type GateStepEnd = {
  readonly target: string;
  readonly opinion: GateOpinion;
  readonly calls: GateCalls;
  readonly looks: number;
};

/**
 * Looks at a canary until its verdict is there or the time is over; an undecided one is then `open`, with the reason
 * `deadline_reached`. The settings are those of the gate of the App (`app.gate`).
 * @throws WhetstoneError `config_missing`, `config_invalid`, `target_unknown`, `input_unreadable`, `not_found` for a store
 * that is not there, `store_open_failed`, `store_read_failed`, `usage`
 */
export async function runGateStep(step: GateStep): Promise<GateStepEnd> {
  const { places, env, clock, source } = step;
  const config = await readConfig(places.config);
  const { name, target } = selectTarget(config, step.target);
  const begunMs = nowOf(clock);
  const times = {
    startedAt: new Date(source.kind === "store" ? begunMs - source.sinceMs : begunMs).toISOString(),
    deadlineAt: new Date(begunMs + step.waitMinutes * 60_000).toISOString(),
  };
  const settings = { ...config.app.gate, atDeadline: "wait" } as const;
  const judged = { ...settings, ...(source.kind === "files" ? { windowMinutes: 0 } : {}) };
  await using store = source.kind === "store" ? await openSpanStore({ ...places, mustExist: true }, env, config) : null;
  for (let looks = 1; ; looks += 1) {
    const nowMs = nowOf(clock);
    const window = { target: name, sha: step.sha, startedMs: Date.parse(times.startedAt), beforeMs: FREEZE_MS, nowMs };
    const calls = await callsOf(source, store, window);
    const gate = { ...times, startedAt: startOf(times.startedAt, source, calls) };
    const opinion = decideGate({ gate, calls, canary: target.canary, settings: judged, nowMs });
    step.told(opinion);
    const isOver = nowMs >= Date.parse(times.deadlineAt);
    if (opinion.state !== "open" || isOver) return { target: name, opinion, calls, looks };
    await step.untilNextLook(lookMs(settings, { nowMs, deadlineAt: times.deadlineAt }));
  }
}

function nowOf({ now }: Clock): number {
  return Number(now() / 1_000_000n);
}

/** Files hold the canary and nothing else: it began with their first call. */
function startOf(startedAt: string, source: GateSource, { calls }: GateCalls): string {
  if (source.kind === "store") return startedAt;
  let first = Date.parse(startedAt);
  for (const { timestamp } of calls) first = Math.min(first, timestamp);
  return new Date(first).toISOString();
}

function lookMs(
  { lookSeconds }: Pick<AppSettings["gate"], "lookSeconds">,
  { nowMs, deadlineAt }: { readonly nowMs: number; readonly deadlineAt: string },
): number {
  return Math.min(lookSeconds * 1_000, Math.max(1, Date.parse(deadlineAt) - nowMs));
}

async function callsOf(
  source: GateSource,
  store: SpanStore | null,
  window: Parameters<typeof gateCalls>[1],
): Promise<GateCalls> {
  if (store !== null) return await gateCalls(store, window);
  if (source.kind === "store") return { before: [], calls: [], foreign: 0, exchanged: 0 };
  const control = await readSamples(source.control, "baseline");
  const experiment = await readSamples(source.experiment, "canary");
  return { before: [], calls: [...control, ...experiment], foreign: 0, exchanged: 0 };
}
