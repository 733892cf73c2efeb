import { decideGate, type GateOpinion } from "../canary/gate.ts";
import type { GateSeen } from "../canary/gate-count.ts";
import { gateCounter } from "../canary/gate-counter.ts";
import { FREEZE_MS, judgeWindow } from "../canary/window.ts";
import { type GateLooks, gateLooks, type GateQuestion } from "../capture/gate-looks.ts";
import type { AppSettings } from "../config/app.ts";
import type { Env } from "../config/env.ts";
import { readConfig, selectTarget } from "../config/read.ts";
import type { CallSample } from "../model/call.ts";
import type { CommitSha } from "../model/json.ts";
import type { Clock } from "../model/time.ts";
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
  readonly seen: GateSeen;
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
  const looks = store === null ? null : gateLooks(store, gateCounter);
  const { weight = null, minimumCalls } = settings;
  for (let count = 1; ; count += 1) {
    const nowMs = nowOf(clock);
    const startedMs = Date.parse(times.startedAt);
    const question = {
      id: step.sha,
      window: { target: name, sha: step.sha, startedMs, beforeMs: FREEZE_MS, nowMs },
      rules: { settings: target.canary, look: { weight, minimumCalls, startedMs } },
    };
    const decide = async (anew: boolean): Promise<Pick<GateStepEnd, "seen" | "opinion">> => {
      const seen = await see(source, looks, { ...question, anew });
      return { seen, opinion: decideGate({ gate: times, seen, settings: judged, nowMs }) };
    };
    const looked = await decide(false);
    // What is kept of earlier looks decides nothing.
    const { seen, opinion } = looked.opinion.state === "open" || count === 1 ? looked : await decide(true);
    step.told(opinion);
    const isOver = nowMs >= Date.parse(times.deadlineAt);
    if (opinion.state !== "open" || isOver) return { target: name, opinion, seen, looks: count };
    await step.untilNextLook(lookMs(settings, { nowMs, deadlineAt: times.deadlineAt }));
  }
}

function nowOf({ now }: Clock): number {
  return Number(now() / 1_000_000n);
}

function lookMs(
  { lookSeconds }: Pick<AppSettings["gate"], "lookSeconds">,
  { nowMs, deadlineAt }: { readonly nowMs: number; readonly deadlineAt: string },
): number {
  return Math.min(lookSeconds * 1_000, Math.max(1, Date.parse(deadlineAt) - nowMs));
}

async function see(source: GateSource, looks: GateLooks | null, question: GateQuestion): Promise<GateSeen> {
  if (looks !== null) return await looks.look(question);
  const { rules, window } = question;
  const calls = source.kind === "files" ? await callsOf(source) : [];
  // Files hold the canary and nothing else: it began with their first call.
  let startedMs = window.startedMs;
  for (const { timestamp } of calls) startedMs = Math.min(startedMs, timestamp);
  const { settings } = rules;
  const look = { ...rules.look, startedMs, nowMs: window.nowMs };
  return { verdict: judgeWindow({ before: [], calls, settings, look }), foreign: 0, exchanged: 0 };
}

async function callsOf({ control, experiment }: GateSource & { kind: "files" }): Promise<readonly CallSample[]> {
  return [...(await readSamples(control, "baseline")), ...(await readSamples(experiment, "canary"))];
}
