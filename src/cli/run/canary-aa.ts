import { resolve } from "node:path";
import { judgeAgainstItself } from "../../canary/aa.ts";
import type { AaReport, AaShare, AaWorld } from "../../canary/aa-report.ts";
import { slowLimits } from "../../canary/slow-limits.ts";
import { callSamples } from "../../capture/samples.ts";
import type { CallSample } from "../../model/call.ts";
import { readSamples } from "../../loop/sample-files.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import { ATTR } from "../../model/span.ts";
import { parseDuration, parseInstant } from "../../model/time.ts";
import { formatNumber } from "../../propose/report.ts";
import { createRandom } from "../../stats/random.ts";
import { systemClock } from "../../wire.ts";
import type { AaFlags } from "../commands/canary.ts";
import { openCommandStore } from "../command-store.ts";
import { printJson, type Io } from "../io.ts";
import { countProgress } from "../progress.ts";
import { renderTable } from "../table.ts";
import { numberOf } from "./number-flag.ts";

/** Fewest calls for an A/A that says anything. */
const FEWEST_CALLS = 100;

/**
 * `whetstone canary aa`: 0 when the measured rates agree with the promised ones, 1 when one is broken, 3 when the judge
 * decided nothing at all on these calls.
 */
export async function runAa(flags: AaFlags, io: Io): Promise<number> {
  const repetitions = numberOf("--repeat", flags.repeat);
  if (!Number.isInteger(repetitions) || repetitions < 1 || repetitions > 100_000) {
    throw new WhetstoneError("usage", `--repeat ${flags.repeat} is no number of repetitions.`, {
      remedy: "Write a whole number from 1 to 100000.",
    });
  }
  const samples = await baselineCalls(flags, io);
  if (samples.length < FEWEST_CALLS) {
    throw new WhetstoneError(
      "usage",
      `The baseline has ${countOf(samples.length, "call")}; an A/A needs ${FEWEST_CALLS}.`,
      {
        remedy: "Record more traffic, choose a longer window with --since, or name a file with --control.",
      },
    );
  }
  const progress = countProgress(io, "repetitions");
  const report = judgeAgainstItself(samples, {
    judge: judgeOptions(flags, samples),
    repetitions,
    random: createRandom(flags.seed),
    progress: (done) => progress.show({ done, total: repetitions }),
  });
  progress.stop();
  if (flags.json) printJson(io, report);
  else printReport(io, report);
  const { falseRollback, falsePromotion, worlds } = report;
  if (falseRollback.isBroken || falsePromotion?.isBroken === true) return EXIT.fail;
  return worlds.every(({ undecided }) => undecided.count === repetitions) ? EXIT.inconclusive : EXIT.pass;
}

async function baselineCalls(flags: AaFlags, io: Io): Promise<CallSample[]> {
  if (flags.control !== undefined) return readSamples(resolve(io.cwd, flags.control), "baseline");
  const now = systemClock.now();
  const sinceNs = parseInstant(flags.since, now);
  const untilNs = flags.until === undefined ? now : parseInstant(flags.until, now);
  await using store = await openCommandStore(flags, io, { mustExist: true });
  const samples: CallSample[] = [];
  for await (const batch of store.spans({ sinceNs, untilNs })) {
    const own = flags.target === undefined ? batch : batch.filter(({ service }) => service === flags.target);
    samples.push(...callSamples(own.filter(({ resource }) => resource[ATTR.arm] !== "canary")));
  }
  return samples;
}

function judgeOptions(flags: AaFlags, samples: readonly CallSample[]) {
  const slower = flags.slowerThan === undefined ? 0 : parseDuration(flags.slowerThan) / 1e6;
  return {
    weight: numberOf("--weight", flags.weight),
    unit: flags.unit === "session" ? ("session" as const) : ("call" as const),
    ...(flags.alpha !== undefined && { alpha: numberOf("--alpha", flags.alpha) }),
    ...(flags.beta !== undefined && { beta: numberOf("--beta", flags.beta) }),
    ...(flags.margin !== undefined && { margin: numberOf("--margin", flags.margin) }),
    latencyLimitsMs: slowLimits(samples, slower),
  };
}

const percent = (rate: number): string => `${formatNumber(100 * rate)} %`;

function withInterval({ rate, interval }: AaShare): string {
  return `${percent(rate)} (${percent(interval.low)}–${percent(interval.high)})`;
}

const WORLD: Readonly<Record<AaWorld["world"], string>> = {
  equal: "baseline against itself",
  errors_at_margin: "errors at the margin",
  time_at_margin: "time at the margin",
};

function printReport(io: Io, report: AaReport): void {
  const { calls, blocks, minutes, looks, repetitions, worlds, falseRollback, falsePromotion } = report;
  io.out(
    `${countOf(calls, "call")} in ${blocks} sessions or single calls, ${formatNumber(minutes)} min; ${repetitions} repetitions of ${looks} looks each\n\n`,
  );
  const rows = worlds.map(({ world, rollback, promote, undecided, medianMinutes }) => [
    WORLD[world],
    withInterval(rollback),
    withInterval(promote),
    percent(undecided.rate),
    medianMinutes === null ? "none" : `${medianMinutes} min`,
  ]);
  io.out(renderTable(["canary", "ever rolled back", "ever promoted", "undecided", "median verdict"], rows));
  const line = (what: string, { promised, measured, isBroken }: AaReport["falseRollback"]): string =>
    `False ${what}: ${withInterval(measured)}, promised at most ${percent(promised)}${isBroken ? ": BROKEN on these calls" : ""}.\n`;
  io.out(`\n${line("rollbacks", falseRollback)}`);
  io.out(falsePromotion === null ? "No margin can be made of these calls.\n" : line("promotions", falsePromotion));
}
