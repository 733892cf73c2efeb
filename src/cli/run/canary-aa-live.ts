import { setTimeout as sleep } from "node:timers/promises";
import { ratesOf, type AaHistory, type AaRates } from "../../canary/live-aa.ts";
import { AA_PERIOD_MS, continueAa, nextDueMs, readAa } from "../../loop/aa.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { openRollouts, type Rollouts } from "../../loop/rollout/open.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import { parseDuration, parseInstant } from "../../model/time.ts";
import { formatNumber } from "../../propose/report.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { openSpanStore, systemClock } from "../../wire.ts";
import type { AaFlags } from "../commands/canary.ts";
import { printJson, type Io } from "../io.ts";
import { cliActor } from "../protection.ts";

/** Shortest and longest period, ms: looks are a minute apart. */
const SHORTEST_MS = 5 * 60_000;
const LONGEST_MS = 7 * 86_400_000;

/**
 * `whetstone canary aa --live`: 0 when the measured rates agree with the promised ones, 1 when one is broken, 3 before the
 * first period. Without `--once` it goes on, and prints after each period, until Ctrl-C.
 */
export async function runLiveAa(flags: AaFlags, io: Io): Promise<number> {
  if (flags.control !== undefined || flags.until !== undefined) {
    throw new WhetstoneError(
      "usage",
      "--live judges the traffic that is stored; --control and --until are for one A/A.",
      {
        remedy: "Leave them out.",
      },
    );
  }
  const periodMs = periodOf(flags.period);
  const sinceMs = Number(parseInstant(flags.since, systemClock.now()) / 1_000_000n);
  const places = { ...flags, cwd: io.cwd };
  const rollouts = await openRollouts({ places, env: io.env, actor: cliActor(io), target: flags.target });
  const { workspace } = rollouts;
  const { state, clock, targetName: target } = workspace;
  const settings = workspace.target.canary;
  return await interruptible(async (signal) => {
    for (;;) {
      const history = await withSpans({ rollouts, flags, io }, (spans) =>
        continueAa({ state, clock, spans, target, settings, periodMs, rollout: rollouts.current }, sinceMs),
      );
      const rates = ratesOf(history);
      print(history, rates, { json: flags.json === true, io });
      if (flags.once === true || signal.aborted) return exitOf(rates);
      const waitMs = Math.max(1_000, nextDueMs(history) - Number(clock.now() / 1_000_000n));
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return exitOf(rates);
    }
  });
}

/** What the A/A on record says of the gate; undefined before its first period. */
export async function recordedRates({ workspace }: Rollouts): Promise<AaRates | undefined> {
  const { state, targetName: target } = workspace;
  const of = { target, settings: workspace.target.canary, periodMs: AA_PERIOD_MS };
  const history = await readAa(await state.view(), of);
  return (history && ratesOf(history)) ?? undefined;
}

function periodOf(text: string): number {
  const periodMs = Math.round(parseDuration(text) / 1e6);
  if (periodMs >= SHORTEST_MS && periodMs <= LONGEST_MS) return periodMs;
  throw new WhetstoneError("usage", `--period ${text} is no length of a period.`, {
    remedy: "Write a duration from 5m to 7d, as long as a canary is watched.",
  });
}

type Spans = Parameters<typeof continueAa>[0]["spans"];

type Asking = { readonly rollouts: Rollouts; readonly flags: AaFlags; readonly io: Io };

async function withSpans<T>({ rollouts, flags, io }: Asking, work: (spans: Spans) => Promise<T>): Promise<T> {
  const { root, config } = rollouts.workspace;
  await using store = await openSpanStore({ ...flags, cwd: root }, io.env, config);
  return await work(store);
}

function print(history: AaHistory, rates: AaRates | null, { json, io }: { json: boolean; io: Io }): void {
  if (json) {
    printJson(io, { history, rates });
    return;
  }
  const { silent_arm: silent, versions_differ: versions, rollout } = history.skipped;
  const period = formatNumber(history.periodMs / 60_000);
  io.out(forTerminal(`${history.target}: ${history.since} to ${history.until}, periods of ${period} min\n`));
  io.out(`Not judged: ${silent} with a silent arm, ${versions} with unlike versions, ${rollout} with a rollout.\n`);
  io.out(`${rates === null ? "No period has been judged yet." : ratesLine(rates)}\n`);
}

/** The rates for people, in one line. */
export function ratesLine({ periods, falseRollback, falsePromotion, undecided }: AaRates): string {
  const rate = ({ promised, measured: { rate: found, interval }, isBroken }: AaRates["falseRollback"]): string =>
    `${percent(found)} (${percent(interval.low)}–${percent(interval.high)}, promised at most ${percent(promised)}${isBroken ? ": BROKEN" : ""})`;
  const promotion = falsePromotion === null ? "no margin could be made" : rate(falsePromotion);
  return `A/A on live arms, ${countOf(periods, "period")}: false rollbacks ${rate(falseRollback)}; false promotions ${promotion}; undecided ${percent(undecided.rate)}.`;
}

const percent = (rate: number): string => `${formatNumber(100 * rate)} %`;

function exitOf(rates: AaRates | null): number {
  if (rates === null) return EXIT.inconclusive;
  return rates.falseRollback.isBroken || rates.falsePromotion?.isBroken === true ? EXIT.fail : EXIT.pass;
}
