import { resolve } from "node:path";
import { judgeCanary, type CanaryOptions } from "../../canary/judge.ts";
import { judgeKayenta } from "../../canary/kayenta/judge.ts";
import { readKayentaInput } from "../../canary/kayenta/input.ts";
import type { CallSample } from "../../model/call.ts";
import { readSamples, readText } from "../../loop/sample-files.ts";
import { EXIT } from "../../model/codes.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { parseDuration, parseInstant } from "../../model/time.ts";
import { createRandom } from "../../stats/random.ts";
import { systemClock } from "../../wire.ts";
import type { JudgeOptions } from "../commands/canary.ts";
import { printJson, type Io } from "../io.ts";
import { renderTable } from "../table.ts";
import { numberOf } from "./number-flag.ts";
import { printVerdict } from "./canary-verdict.ts";

/** `whetstone canary judge`: 0 promote or Pass, 1 rollback or Fail, 3 continue or Marginal. */
export async function runJudge(options: JudgeOptions, io: Io): Promise<number> {
  if (options.kayenta !== undefined) return runKayenta(options.kayenta, options, io);
  if (options.control === undefined || options.experiment === undefined) {
    throw new WhetstoneError("usage", "Two files are needed: --control and --experiment.", {
      remedy: "Or name one file of Kayenta's form with --kayenta FILE.json.",
    });
  }
  const control = await readSamples(resolve(io.cwd, options.control), "baseline");
  const experiment = await readSamples(resolve(io.cwd, options.experiment), "canary");
  const samples = [...control, ...experiment];
  const verdict = judgeCanary(samples, judgeOptions(options, samples));
  if (options.json) printJson(io, verdict);
  else printVerdict(io, verdict);
  return { promote: EXIT.pass, rollback: EXIT.fail, continue: EXIT.inconclusive }[verdict.verdict];
}

function judgeOptions(options: JudgeOptions, samples: readonly CallSample[]): CanaryOptions {
  const slow = options.slowerThan === undefined ? undefined : parseDuration(options.slowerThan) / 1e6;
  const operations = new Set(samples.map((sample) => sample.operation));
  return {
    weight: options.weight === undefined ? null : numberOf("--weight", options.weight),
    ...(options.margin === undefined ? {} : { margin: numberOf("--margin", options.margin) }),
    ...(options.alpha === undefined ? {} : { alpha: numberOf("--alpha", options.alpha) }),
    ...(options.beta === undefined ? {} : { beta: numberOf("--beta", options.beta) }),
    unit: options.unit === "session" ? "session" : "call",
    ...(options.now === undefined ? {} : { nowMs: Number(parseInstant(options.now, systemClock.now()) / 1_000_000n) }),
    ...(options.atDeadline === undefined
      ? {}
      : { deadlineReached: true, atDeadline: options.atDeadline === "rollback" ? "rollback" : "inconclusive" }),
    ...(slow === undefined ? {} : { latencyLimitsMs: Object.fromEntries([...operations].map((name) => [name, slow])) }),
  };
}

async function runKayenta(file: string, options: JudgeOptions, io: Io): Promise<number> {
  const path = resolve(io.cwd, file);
  let value: unknown;
  try {
    value = JSON.parse(await readText(path));
  } catch (error) {
    if (error instanceof WhetstoneError) throw error;
    throw new WhetstoneError("input_unreadable", `${path} is not JSON: ${messageOf(error)}.`, { cause: error });
  }
  // Both-constant metrics get a jitter; a fixed seed makes the same file give the same verdict.
  const report = judgeKayenta(readKayentaInput(value), createRandom("kayenta"));
  if (options.json) printJson(io, report);
  else {
    io.out(
      renderTable(
        ["metric", "classification", "critical"],
        report.metrics.map((m) => [m.name, m.classification, String(m.critical)]),
      ),
    );
    io.out(`\nScore ${report.score}: ${report.classification}\n`);
  }
  for (const warning of report.warnings) io.err(`warning: ${warning}\n`);
  return { Pass: EXIT.pass, Fail: EXIT.fail, Marginal: EXIT.inconclusive }[report.classification];
}
