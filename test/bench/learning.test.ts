import { describe, expect, test } from "@jest/globals";
import { always, counters, type Fate, measured, never, type Run } from "../../bench/learning/policies.ts";
import { brokenPromises, falseClaims } from "../../bench/learning/guarantee.ts";
import { brokenBounds, claimed, type Score, scorePolicy, shareOf } from "../../bench/learning/score.ts";
import { makeWorld, successProbability } from "../../bench/learning/world.ts";

const QUICK = 16;

describe("made-up repositories", () => {
  test("are the same for the same seed, and hold two rules of each kind with effects of its sign", () => {
    const world = makeWorld("repository-3");
    expect(makeWorld("repository-3")).toEqual(world);
    expect(makeWorld("repository-4")).not.toEqual(world);
    const signs = world.rules.map(({ kind, effect }) => [kind, Math.sign(effect)]);
    expect(signs).toEqual(
      [
        ["helpful", 1],
        ["useless", 0],
        ["harmful", -1],
      ].flatMap((one) => [one, one]),
    );
    expect(world.sessions.length).toBeGreaterThanOrEqual(240);
    for (const session of world.sessions) {
      const p = successProbability(session, world.rules);
      expect(p).toBeGreaterThanOrEqual(0.03);
      expect(p).toBeLessThanOrEqual(0.97);
    }
  });
});

describe("ways of keeping rules", () => {
  const scores = {
    measured: scorePolicy(measured, QUICK),
    counters: scorePolicy(counters, QUICK),
    always: scorePolicy(always, QUICK),
    never: scorePolicy(never, QUICK),
  };

  test("Whetstone's keeps the bounds", () => {
    expect(brokenBounds(scores.measured)).toEqual([]);
    expect(shareOf(scores.measured, "helpful", ["helpful"])).toBeGreaterThan(0.4);
    expect(shareOf(scores.measured, "harmful", ["retired: effect"])).toBeGreaterThan(0.4);
    // Few helpful rules run out of time before it is known that they help.
    expect(shareOf(scores.measured, "helpful", ["retired: effect", "retired: expiry"])).toBeLessThan(0.25);
  });

  test("it says seldom that a useless rule helps, at whatever look; the posterior alone would more often", () => {
    const said = (by: "shown" | "posterior") => claimed(scores.measured, "useless", by);
    expect(said("shown")).toBeLessThan(said("posterior"));
    expect(claimed(scores.measured, "helpful", "shown")).toBeGreaterThan(0.4);
  });

  test("it loses least against the oracle; the counters of others break the bounds", () => {
    const { measured: own, ...others } = scores;
    for (const other of Object.values(others)) expect(own.regret).toBeLessThan(other.regret);
    expect(own.regret).toBeGreaterThan(0);
    expect(brokenBounds(scores.counters)).toHaveLength(3);
    expect(brokenBounds(scores.always)).toHaveLength(2);
  });

  test("is the same in every run, and gives every rule a fate", () => {
    const world = makeWorld("repository-0");
    const [one, other]: Run[] = [measured(world), measured(world)];
    expect(one).toEqual(other);
    expect([...(one?.fates.keys() ?? [])].sort()).toEqual(world.rules.map(({ rule }) => rule.id).sort());
  });
});

const NONE = { helpful: 0, useless: 0, harmful: 0 };

test("false claims stay below 5 % whatever the sessions are like, and more of them would be named", () => {
  const counted = falseClaims("ever easier", 20);
  expect(falseClaims("ever easier", 20)).toEqual(counted);
  expect(brokenPromises(counted)).toEqual([]);
  expect(brokenPromises({ difficulty: "d", rules: 1_000, saidToHelp: 50, saidToWaste: 100 })).toEqual([
    "d: 100 of 1000 good rules were said to waste tokens",
  ]);
  expect(brokenPromises({ difficulty: "d", rules: 1_000, saidToHelp: 100, saidToWaste: 0 })).toHaveLength(1);
});

test("a broken bound is named", () => {
  const fates = (harmful: Fate, useless: Fate): Score => ({
    repositories: 1,
    regret: 0,
    claims: { shown: NONE, posterior: NONE },
    fates: { helpful: new Map([["helpful", 1]]), useless: new Map([[useless, 1]]), harmful: new Map([[harmful, 1]]) },
  });
  expect(brokenBounds(fates("retired: expiry", "in trial"))).toEqual([]);
  const claims = { shown: { ...NONE, useless: 1 }, posterior: NONE };
  expect(brokenBounds({ ...fates("retired: expiry", "in trial"), claims })).toEqual([
    "100.0 % of the useless rules were said to help at some time",
  ]);
  const lost = { ...fates("retired: expiry", "in trial").fates, helpful: new Map([["retired: effect" as const, 1]]) };
  expect(brokenBounds({ ...fates("retired: expiry", "in trial"), fates: lost })).toEqual([
    "100.0 % of the helpful rules were retired for their effect",
  ]);
  expect(brokenBounds(fates("in trial", "in trial"))).toEqual(["only 0.0 % of the harmful rules were retired"]);
  expect(brokenBounds(fates("helpful", "helpful"))).toEqual([
    "only 0.0 % of the harmful rules were retired",
    "100.0 % of the useless rules were kept as helpful",
  ]);
});
