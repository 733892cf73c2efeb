import { describe, expect, test } from "@jest/globals";
import { trainingSeeds } from "../../bench/accuracy/seeds.ts";
import {
  makeSubject,
  scoreHealthy,
  scoreViolations,
  VIOLATIONS,
  violationsOf,
} from "../../bench/accuracy/violations.ts";
import type { Span } from "../../src/model/span.ts";

const SEEDS = trainingSeeds(3);

describe("violations of generated specifications", () => {
  test.each(VIOLATIONS.map((violation) => [violation.name, violation] as const))(
    "%s: the broken span is named, and nothing else",
    (_name, violation) => {
      const [score] = scoreViolations(SEEDS, [violation]);
      expect(score).toMatchObject({ trials: SEEDS.length, found: SEEDS.length, wrong: 0 });
    },
  );

  test("every way changes the trace that it breaks and leaves the one it was given", () => {
    for (const { name, inject } of VIOLATIONS) {
      const { random, fresh } = makeSubject("train-0");
      const [trace = []] = fresh;
      const before = structuredClone(trace);
      const made = trace.flatMap((target) => inject(trace, target, random) ?? []);
      expect([name, made.length > 0]).toEqual([name, true]);
      expect(trace).toEqual(before);
      for (const { spans } of made) expect(spans).not.toEqual(trace);
    }
  });

  test("a way that breaks nothing is not found, and what is said elsewhere is wrong", () => {
    const nothing = { name: "nothing", inject: (spans: readonly Span[]) => ({ spans, ids: NONE, names: NONE }) };
    expect(scoreViolations(SEEDS, [nothing])[0]).toMatchObject({ trials: 3, found: 0, wrong: 0, said: 0 });
    const elsewhere = {
      name: "elsewhere",
      inject: (spans: readonly Span[]) => ({ spans: spans.slice(0, 1), ids: NONE, names: NONE }),
    };
    const [score] = scoreViolations(SEEDS, [elsewhere]);
    expect(score).toMatchObject({ found: 0, wrong: score?.said });
    expect(score?.said).toBeGreaterThan(0);
  });

  test("most fresh healthy traces are accepted: only times beyond all that was seen are told", () => {
    const { trials, found } = scoreHealthy(SEEDS);
    expect(trials).toBe(60);
    expect(found).toBeGreaterThanOrEqual(54);
    const { spec, fresh } = makeSubject("train-1");
    const lists = fresh.flatMap((spans) => violationsOf(spec, spans)).map(({ code }) => code);
    expect(lists.filter((code) => code !== "duration_too_long")).toEqual([]);
  });
});

const NONE: ReadonlySet<string> = new Set();
