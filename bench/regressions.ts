import { compareSets } from "../src/analyze/regressions/compare.ts";
import { renderTable } from "../src/cli/table.ts";
import { createRandom } from "../src/stats/random.ts";
import { simulate } from "../test/analyze/regressions/simulated.ts";

// `npm run bench regressions`, or `node bench/regressions.ts RUNS`: the share of comparisons of equal sets that fail (to be
// at most alpha = 5 %) and pass, the share in which one of the operations, slower by a factor, is named, and the time of one
// comparison. Lognormal times (sd of ln 0.5, 0.3 of it shared by the trace), 2 % errors, fixed seeds.
const RUNS = Number(process.argv[2] ?? 100);
const SLOW = 7;
const NAMED = "step h0";
const random = createRandom("bench");

/** Traces per set, operations, calls of each in a trace. */
const SHAPES = [
  { traces: 12, operations: 20, repeats: 1 },
  { traces: 50, operations: 50, repeats: 1 },
  { traces: 50, operations: 10, repeats: 5 },
  { traces: 200, operations: 20, repeats: 1 },
  { traces: 1_000, operations: 20, repeats: 1 },
] as const;
const FACTORS = [1.25, 1.5, 2] as const;

const share = (count: number, runs: number): string => `${((100 * count) / runs).toFixed(1)} %`;

const rows = SHAPES.map((shape) => {
  const runs = Math.max(3, Math.round(RUNS / Math.max(1, shape.traces / 50)));
  const sets = () => simulate({ ...shape, random });
  let [failed, passed, ms] = [0, 0, 0];
  const named = FACTORS.map(() => 0);
  for (let run = 0; run < runs; run += 1) {
    const baseline = sets();
    const candidate = sets();
    const begun = performance.now();
    const { verdict } = compareSets(baseline, candidate);
    ms += performance.now() - begun;
    failed += Number(verdict === "fail");
    passed += Number(verdict === "pass");
    for (const [i, factor] of FACTORS.entries()) {
      const slower = simulate({ ...shape, random, slower: new Map([[SLOW, factor]]) });
      const { operations } = compareSets(baseline, slower);
      named[i] = (named[i] ?? 0) + Number(operations.some((row) => row.verdict === "fail" && row.operation === NAMED));
    }
  }
  const sizes = [shape.traces, shape.operations, shape.repeats, runs].map(String);
  return [
    ...sizes,
    share(failed, runs),
    share(passed, runs),
    ...named.map((of) => share(of, runs)),
    `${(ms / runs).toFixed(0)} ms`,
  ];
});
const head = [
  "traces",
  "operations",
  "calls each",
  "runs",
  "false fail",
  "pass",
  ...FACTORS.map((f) => `found ×${f}`),
  "one comparison",
];
process.stdout.write(renderTable(head, rows));
