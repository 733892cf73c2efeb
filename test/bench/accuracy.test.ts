import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { byChance, byDiagnosis, byLoudness, scoreRanking } from "../../bench/accuracy/diagnoses.ts";
import { FAULTS, healthySpans, type Fault } from "../../bench/accuracy/faults.ts";
import { judge, scoreFault } from "../../bench/accuracy/findings.ts";
import { INCIDENT_KINDS, makeIncident } from "../../bench/accuracy/incidents.ts";
import { recordedFaults } from "../../bench/accuracy/recorded.ts";
import { heldOutSeeds, trainingSeeds } from "../../bench/accuracy/seeds.ts";
import { buildTree, groupTraces } from "../../src/analyze/tree.ts";
import { Span } from "../../src/model/span.ts";
import { createRandom } from "../../src/stats/random.ts";
import { healthyPopulation } from "../analyze/healthy.ts";

const incident = fc.record({ kind: fc.constantFrom(...INCIDENT_KINDS), n: fc.nat(200) });

describe("made-up traces", () => {
  test("property: the same seed makes the same incident, of spans that parse, one root and no repair per trace", () => {
    fc.assert(
      fc.property(incident, ({ kind, n }) => {
        const made = makeIncident(kind, `train-made-${n}`);
        expect(makeIncident(kind, `train-made-${n}`)).toEqual(made);
        const first = [...Map.groupBy(made.incident, ({ traceId }) => traceId).values()][0] ?? [];
        for (const span of first) expect(Span.parse(span)).toEqual(span);
        for (const tree of groupTraces([...made.baseline, ...made.incident])) {
          expect(tree).toMatchObject({ duplicates: 0, orphans: 0, cycles: 0 });
          expect(tree.roots).toHaveLength(1);
        }
      }),
      { numRuns: 10, seed: 11 },
    );
  });

  test("property: children begin within their parents, and siblings that take turns do not overlap by a bug of the maker", () => {
    fc.assert(
      fc.property(fc.nat(500), (n) => {
        for (const spans of Map.groupBy(healthySpans(`train-${n}`), ({ traceId }) => traceId).values()) {
          for (const { parent, start, span } of buildTree(spans).nodes) {
            if (parent === undefined) continue;
            expect(start).toBeGreaterThanOrEqual(parent.start);
            expect(start).toBeLessThanOrEqual(parent.end);
            expect(span.durationNs).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 10, seed: 11 },
    );
  });

  test("a fault has an origin that the baseline shows; no fault has none", () => {
    for (const kind of INCIDENT_KINDS) {
      const { origin, baseline } = makeIncident(kind, "train-origin");
      const isFault = kind !== "none" && kind !== "mix";
      expect(origin !== undefined).toBe(isFault);
      const calls = baseline.filter(({ name, service }) => name === origin?.operation && service === origin.service);
      if (isFault) expect(calls.length).toBeGreaterThanOrEqual(10);
    }
  });
});

describe("seeds", () => {
  test("training and held-out seeds never meet", () => {
    const training = new Set(trainingSeeds(5000));
    expect(heldOutSeeds(5000).filter((seed) => training.has(seed))).toEqual([]);
  });
});

describe("scores", () => {
  const [nPlusOne] = FAULTS as readonly [Fault];

  test("a fault that is found counts as found, one that is named elsewhere as missed and wrong", () => {
    expect(scoreFault(nPlusOne, ["train-0", "train-1"])).toMatchObject({ trials: 2, found: 2, wrong: 0, said: 2 });
    const elsewhere: Fault = {
      name: "elsewhere",
      inject: (seed) => {
        const injected = nPlusOne.inject(seed);
        return { ...injected, expect: { ...injected.expect, operation: "another" } };
      },
    };
    expect(scoreFault(elsewhere, ["train-0"])).toMatchObject({ found: 0, wrong: 1, said: 1 });
  });

  test("the right operation with the wrong child, or of another service, is a miss", () => {
    const injected = nPlusOne.inject("train-0");
    expect(judge({ ...injected, expect: { ...injected.expect, child: "another" } }).found).toBe(false);
    expect(judge({ ...injected, expect: { ...injected.expect, service: "another" } }).found).toBe(false);
  });

  test("what was there before the fault counts neither way", () => {
    const injected = nPlusOne.inject("train-0");
    const { kind, service, operation } = injected.expect;
    expect(judge({ ...injected, known: [`${kind}:${service}:${operation}`] })).toEqual({
      found: false,
      wrong: [],
      said: 0,
    });
  });

  test("diagnosis ranks origins before loudness does, and loudness before chance", () => {
    const seeds = trainingSeeds(6);
    const kinds = ["slow", "slow_with_timeouts", "errors", "dead_timeout"] as const;
    const first = (ranking: Parameters<typeof scoreRanking>[0]): number =>
      scoreRanking(ranking, seeds, kinds).reduce((total, row) => total + row.first, 0);
    const [diagnosis, loudness, chance] = [first(byDiagnosis), first(byLoudness), first(byChance)];
    expect(diagnosis).toBe(seeds.length * kinds.length);
    expect(loudness).toBeLessThan(diagnosis);
    expect(chance).toBeLessThan(loudness);
  });
});

describe("faults in recorded traces", () => {
  const spans = healthyPopulation(80, createRandom("recorded"));
  const faults = recordedFaults({ name: "notes", spans });

  test.each(faults.map((fault) => [fault.name, fault] as const))("%s: found, and nothing else", (_name, fault) => {
    expect(scoreFault(fault, ["train-0", "train-1", "train-2"])).toMatchObject({ found: 3, wrong: 0 });
  });

  test("a recording without a tool that was called often enough is refused", () => {
    const [fault] = recordedFaults({ name: "short", spans: spans.slice(0, 8) });
    expect(() => fault?.inject("train-0")).toThrow("short has no tool that was called often enough");
  });
});
