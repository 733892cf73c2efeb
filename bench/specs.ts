import { buildTree } from "../src/analyze/tree.ts";
import type { Span } from "../src/model/span.ts";
import { checkPopulation } from "../src/specs/check.ts";
import { generateSpec } from "../src/specs/generate/generate.ts";
import { requireSpec } from "../src/specs/parse.ts";

/** Checking and generating specifications beside building the trees of the same traces. `npm run bench specs` */
const TRACES = 1_000;
const SPANS = 20;

function traceOf(n: number): Span[] {
  const id = (part: number): string => (part + 1).toString(16).padStart(16, "0");
  return Array.from({ length: SPANS }, (_, i) => ({
    traceId: (n + 1).toString(16).padStart(32, "0"),
    spanId: id(i),
    ...(i > 0 && { parentSpanId: id(Math.floor((i - 1) / 3)) }),
    kind: i === 0 ? "server" : "client",
    name: i === 0 ? "GET /users/42" : `operation ${"abcdefghij"[i % 10]}`,
    service: `service-${i % 4}`,
    startNs: 1_763_000_000_000_000_000n + BigInt(n) * 1_000_000_000n + BigInt(i * 1_000_000),
    durationNs: 50_000_000 - i * 1_000_000,
    status: "unset",
    attributes: { "http.route": "/users/{id}", "component.version": "1.4", region: n % 2 === 0 ? "eu" : "us" },
    events: [],
    links: [],
    resource: {},
    scope: { name: "bench" },
  }));
}

/** Median of five runs, ms. */
function timed(work: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[2] ?? Number.NaN;
}

const traces = Array.from({ length: TRACES }, (_, n) => traceOf(n));
const build = timed(() => traces.map(buildTree));
const trees = traces.map(buildTree);
const generated = generateSpec(trees);
const { spec } = requireSpec(generated.text, "generated");
const selectors = requireSpec(
  `name: s\nassertions: [{ select: '{ kind = server } >> { name =~ "operation [a-j]" && duration > 1ms }', count: "1..", each: "{ span.region in [\\"eu\\", \\"us\\"] }" }]`,
  "selectors",
).spec;
const work = {
  "build the trees": build,
  "check a generated specification": timed(() => checkPopulation(spec, trees)),
  "check a selector": timed(() => checkPopulation(selectors, trees)),
  "generate a specification": timed(() => generateSpec(trees)),
};
if (!checkPopulation(spec, trees).matches || !checkPopulation(selectors, trees).matches) throw new Error("no match");
process.stdout.write(`${TRACES} traces of ${SPANS} spans\n`);
for (const [name, ms] of Object.entries(work)) {
  process.stdout.write(
    `${name.padEnd(34)} ${ms.toFixed(1).padStart(8)} ms ${(ms / build).toFixed(2).padStart(6)} × building\n`,
  );
}
