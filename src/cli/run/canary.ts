import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import Papa from "papaparse";
import { judgeCanary, type CanaryOptions } from "../../canary/judge.ts";
import { judgeKayenta } from "../../canary/kayenta/judge.ts";
import { readKayentaInput } from "../../canary/kayenta/input.ts";
import { callSamples } from "../../canary/samples.ts";
import type { Arm, CallSample } from "../../model/call.ts";
import { EXIT } from "../../model/codes.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { parseDuration } from "../../model/time.ts";
import type { CanaryVerdict } from "../../model/verdict.ts";
import { formatNumber } from "../../propose/report.ts";
import { createRandom } from "../../stats/random.ts";
import type { JudgeOptions } from "../commands/canary.ts";
import { printJson, type Io } from "../io.ts";
import { renderTable } from "../table.ts";

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
    weight: options.weight === undefined ? null : number("--weight", options.weight),
    ...(options.margin === undefined ? {} : { margin: number("--margin", options.margin) }),
    ...(options.alpha === undefined ? {} : { alpha: number("--alpha", options.alpha) }),
    ...(options.beta === undefined ? {} : { beta: number("--beta", options.beta) }),
    ...(slow === undefined ? {} : { latencyLimitsMs: Object.fromEntries([...operations].map((name) => [name, slow])) }),
  };
}

function number(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new WhetstoneError("usage", `${flag} ${text} is not a number.`, { remedy: "Write a number such as 0.5." });
}

/** CSV with a header, or NDJSON: told by the first character. */
async function readSamples(path: string, arm: Arm): Promise<CallSample[]> {
  const text = await readText(path);
  const source = { arm, name: path };
  if (text.trimStart().startsWith("{")) return callSamples(parseLines(text, path), source);
  const parsed = Papa.parse<Record<string, string>>(text, { header: true, skipEmptyLines: "greedy" });
  const [fault] = parsed.errors.filter(({ code }) => code !== "UndetectableDelimiter");
  if (fault) {
    throw new WhetstoneError("input_unreadable", `${path}: row ${(fault.row ?? 0) + 1}: ${fault.message}.`, {
      remedy: "Write CSV with the header timestamp,operation,durationMs,error.",
    });
  }
  return callSamples(parsed.data, source);
}

function parseLines(text: string, path: string): unknown[] {
  const rows: unknown[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      rows.push(JSON.parse(line));
    } catch (error) {
      throw new WhetstoneError("input_unreadable", `${path}: line ${index + 1} is not JSON: ${messageOf(error)}.`, {
        remedy: "Write one JSON object a line with timestamp, operation, durationMs and error.",
        cause: error,
      });
    }
  }
  return rows;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new WhetstoneError("input_unreadable", `${path} cannot be read: ${messageOf(error)}.`, {
      remedy: "Name a file that exists.",
      cause: error,
    });
  }
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

function printVerdict(io: Io, verdict: CanaryVerdict): void {
  const show = (value: number | null): string => (value === null ? "no data" : formatNumber(value));
  const rows = verdict.metrics.map((metric) => [
    metric.name,
    show(metric.control),
    show(metric.experiment),
    metric.interval === null
      ? show(metric.effect)
      : `${show(metric.effect)} (${formatNumber(metric.interval.low)}–${formatNumber(metric.interval.high)})`,
    metric.eValue === null ? "" : formatNumber(metric.eValue),
    metric.verdict,
    metric.reasons.join(", "),
  ]);
  io.out(renderTable(["metric", "control", "experiment", "ratio (always-valid)", "E harm", "verdict", "reason"], rows));
  const { rollback, promotion } = verdict.errorRates;
  io.out(`\nVerdict: ${verdict.verdict} (${verdict.reasons.join(", ")})\n`);
  io.out(`Over any number of looks: false rollbacks at most ${rollback}, false promotions at most ${promotion}.\n`);
  const more = verdict.forecast?.calls;
  if (typeof more === "number") io.out(`At the rates so far a verdict needs about ${Math.ceil(more)} more calls.\n`);
}
