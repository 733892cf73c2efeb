import { buildEvidence } from "../src/analyze/evidence.ts";
import { groupTraces } from "../src/analyze/tree.ts";
import { renderTable } from "../src/cli/table.ts";
import { createRandom } from "../src/stats/random.ts";
import type { Operation } from "./accuracy/simulate.ts";
import { makeHost, runHost } from "./accuracy/hosts.ts";

/**
 * 1,000 traces of 10 to 20 spans through the whole analysis (trees, critical paths, all detectors, summary, evidence) beside the
 * floor: building the trees alone. `first` is the run of a fresh process, as one `whetstone analyze` sees it; `warm` the median
 * of the later ones.
 */
const TRACES = 1_000;
const RUNS = 15;
const GOAL_MS = 100;

const random = createRandom("bench analyze");
const host = makeHost(random);
/** Wider requests than the accuracy bench needs: ten spans and more each. */
const alter = (operation: Operation): Operation =>
  host.entries.includes(operation)
    ? { ...operation, sites: (operation.sites ?? []).map((site, i) => (i === 1 ? { ...site, times: 5 } : site)) }
    : operation;
const spans = runHost(host, { random, count: TRACES, alter });
const perTrace = [...Map.groupBy(spans, ({ traceId }) => traceId).values()].map(({ length }) => length);

function measure(work: () => unknown): { readonly first: number; readonly warm: number } {
  const times = Array.from({ length: RUNS }, () => {
    const begun = performance.now();
    work();
    return performance.now() - begun;
  });
  const later = times.slice(1).toSorted((a, b) => a - b);
  return { first: times[0] ?? Number.NaN, warm: later[Math.floor(later.length / 2)] ?? Number.NaN };
}

const window = { since: "2026-01-01T00:00:00Z", until: "2026-01-02T00:00:00Z" };
const whole = measure(() => buildEvidence({ target: "bench", window, spans }));
const floor = measure(() => groupTraces(spans));
const row = (name: string, { first, warm }: typeof whole): string[] => [
  name,
  `${first.toFixed(0)} ms`,
  `${warm.toFixed(0)} ms`,
  `${(warm / floor.warm).toFixed(2)} ×`,
];
process.stdout.write(
  `${TRACES} traces, ${spans.length} spans (${Math.min(...perTrace)} to ${Math.max(...perTrace)} each)\n`,
);
process.stdout.write(
  renderTable(["what", "first", "warm", "beside the floor"], [row("analyze", whole), row("trees only (floor)", floor)]),
);
process.stdout.write(`\nGoal: less than ${GOAL_MS} ms.\n`);
