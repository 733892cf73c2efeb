import { parseArgs } from "node:util";
import { renderTable } from "../../src/cli/table.ts";
import { findProblems } from "../../src/analyze/findings.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import { byChance, byDiagnosis, byLoudness, scoreRanking, type Ranked } from "./diagnoses.ts";
import { FAULTS, healthySpans, type Fault } from "./faults.ts";
import { scoreFault, type Score } from "./findings.ts";
import { recordServers } from "./record.ts";
import { recordedFaults } from "./recorded.ts";
import { heldOutSeeds, trainingSeeds } from "./seeds.ts";
import { scoreHealthy, scoreViolations, VIOLATIONS } from "./violations.ts";

/**
 * `npm run bench:accuracy`: faults put into made-up and recorded traces, and how many of them are named; specifications
 * generated from healthy traces, broken in fresh ones, and how often the broken span is named. Judged on held-out seeds (`--train` shows the others, `--seeds N` takes more). Ends with 1 when recall over all faults is under 0.99 or
 * precision under 0.95. Made-up traces are the same in every run; recorded ones are recorded anew.
 */
const LEAST_RECALL = 0.99;
const LEAST_PRECISION = 0.95;

const { values } = parseArgs({ options: { train: { type: "boolean" }, seeds: { type: "string", default: "20" } } });
const seeds = values.train === true ? trainingSeeds(Number(values.seeds)) : heldOutSeeds(Number(values.seeds));
const share = (part: number, whole: number): string => (whole === 0 ? "none" : (part / whole).toFixed(3));

/** Everything wrong that is said counts against precision, in healthy systems too. */
function precisionOf({ found, wrong }: { readonly found: number; readonly wrong: number }): number {
  return found + wrong === 0 ? 1 : found / (found + wrong);
}

const faultTable = (faults: readonly Fault[], used: readonly string[]): Score[] =>
  printed(faults.map((fault) => scoreFault(fault, used)));

function printed(scores: Score[]): Score[] {
  const rows = scores.map((score) => [
    score.name,
    `${score.found}/${score.trials}`,
    share(score.found, score.trials),
    precisionOf(score).toFixed(3),
    `${score.wrong}/${score.said}`,
  ]);
  process.stdout.write(`${renderTable(["fault", "found", "recall", "precision", "wrong/said"], rows)}\n`);
  return scores;
}

const total = (scores: readonly Score[], of: "found" | "trials" | "wrong"): number =>
  scores.reduce((sum, score) => sum + score[of], 0);

process.stdout.write(`== ${FAULTS.length} kinds of faults in made-up systems, ${seeds.length} each\n`);
const made = faultTable(FAULTS, seeds);
const healthy = seeds.flatMap((seed) => findProblems(groupTraces(healthySpans(seed))));
process.stdout.write(`Healthy systems: ${healthy.length} findings in ${seeds.length}.\n\n`);

process.stdout.write("== the same in traces recorded from real servers\n");
const { recordings, skipped } = await recordServers();
const recorded = faultTable(recordings.flatMap(recordedFaults), seeds.slice(0, 5));
if (skipped.length > 0) process.stdout.write(`Not installed, left out: ${skipped.join(", ")}.\n`);

process.stdout.write(
  `== ${VIOLATIONS.length} ways of breaking a generated specification, in ${seeds.length} systems\n`,
);
const violated = printed(scoreViolations(seeds));
const accepted = scoreHealthy(seeds);
process.stdout.write(`Fresh healthy traces: ${accepted.found} of ${accepted.trials} accepted.\n\n`);

process.stdout.write("== where a fault began: origin first (AC@1) and among the first three (AC@3)\n");
const rankings = { diagnose: byDiagnosis, loudness: byLoudness, chance: byChance };
const ranked = Object.entries(rankings).map(([name, ranking]) => ({ name, rows: scoreRanking(ranking, seeds) }));
const cells = (row: Ranked | undefined): string[] =>
  row === undefined ? [] : [share(row.first, row.trials), share(row.third, row.trials)];
const faultless = (kind: string): boolean => kind === "none" || kind === "mix";
const lines = (ranked[0]?.rows ?? []).map((row, i) =>
  faultless(row.kind)
    ? [row.kind, `silent ${share(row.silent, row.trials)}`]
    : [row.kind, ...ranked.flatMap(({ rows }) => cells(rows[i]))],
);
const overall = ranked.flatMap(({ rows }) => {
  const faults = rows.filter(({ kind }) => !faultless(kind));
  const sum = (of: "first" | "third" | "trials"): number => faults.reduce((all, row) => all + row[of], 0);
  return [share(sum("first"), sum("trials")), share(sum("third"), sum("trials"))];
});
const head = ["incident", ...ranked.flatMap(({ name }) => [`${name} @1`, "@3"])];
process.stdout.write(renderTable(head, [...lines, ["all faults", ...overall]]));

process.stdout.write("\n");
conclude("All faults", [...made, ...recorded], healthy.length);
conclude("All violations", violated, accepted.wrong);

/** What is said of the healthy counts as wrong. */
function conclude(what: string, scores: readonly Score[], ofHealthy: number): void {
  const recall = total(scores, "found") / total(scores, "trials");
  const precision = precisionOf({ found: total(scores, "found"), wrong: total(scores, "wrong") + ofHealthy });
  const rates = [`recall ${recall.toFixed(4)}`, `precision ${precision.toFixed(4)}`];
  process.stdout.write(`${what}: ${rates[0]} (at least ${LEAST_RECALL}), ${rates[1]} (at least ${LEAST_PRECISION}).\n`);
  if (recall < LEAST_RECALL || precision < LEAST_PRECISION) process.exitCode = 1;
}
