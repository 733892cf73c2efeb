import { dueChange, expiryFrom, showProbability, standingOf } from "../../src/learn/decide.ts";
import { measureEffects, type RuleEffect } from "../../src/learn/effect.ts";
import type { Trial } from "../../src/learn/trials.ts";
import { formatInstant } from "../../src/model/time.ts";
import { rulesInForce } from "../../src/session/arms.ts";
import { createRandom } from "../../src/stats/random.ts";
import { END, successProbability, type TrueRule, type World, type WorldSession } from "./world.ts";

/** What became of a rule in the end. */
export type Fate = "helpful" | "retired: effect" | "retired: expiry" | "in trial";

/** What a way of keeping rules did in one repository. */
export type Run = {
  readonly fates: ReadonlyMap<string, Fate>;
  /** Expected successes that the oracle would have had more, over all sessions. */
  readonly regret: number;
  readonly sessions: number;
  /** Rules of which it was said at any look that they help: by the e-value, and what the posterior alone would have said. */
  readonly claims?: Claims;
};
export type Claims = { readonly shown: ReadonlySet<string>; readonly posterior: ReadonlySet<string> };

/** A way of keeping rules. */
export type Policy = (world: World) => Run;

/** Least probability of either arm of a rule. */
const FLOOR = 0.15;
/** Sessions between two looks at the effects: a few days'. */
const LOOK_EVERY = 8;

/** Whetstone's own: drawn arms, effects by assignment, Thompson sampling, retirement by effect or at expiry. */
export const measured: Policy = (world) => {
  const outcome = createRandom(`${world.name}-outcomes`);
  const rules = new Map(world.rules.map((one) => [one.rule.id, one]));
  const fates = new Map<string, Fate>();
  const trials: Trial[] = [];
  const claims = { shown: new Set<string>(), posterior: new Set<string>() };
  let effects = new Map<string, RuleEffect>();
  let regret = 0;
  for (const [i, session] of world.sessions.entries()) {
    if (i % LOOK_EVERY === 0) {
      effects = effectsOf(trials);
      claim(effects, claims);
      look(rules, { effects, fates, now: formatInstant(session.at) });
    }
    const { arms, shown } = draw(world, session, { rules, effects });
    const probability = successProbability(session, shown);
    regret += bestOf(world, session) - probability;
    const validated = outcome.uniform() < probability;
    trials.push(...arms.map((arm) => ({ ...arm, validated, held: undefined, costUsd: 0 })));
  }
  effects = effectsOf(trials);
  claim(effects, claims);
  look(rules, { effects, fates, now: END });
  for (const id of rules.keys()) {
    fates.set(id, standingOf(effects.get(id)).kind === "helps" ? "helpful" : "in trial");
  }
  return { fates, regret, sessions: world.sessions.length, claims };
};

function claim(effects: ReadonlyMap<string, RuleEffect>, claims: { [Name in keyof Claims]: Set<string> }): void {
  for (const [id, effect] of effects) {
    const standing = standingOf(effect).kind;
    if (standing === "helps") claims.shown.add(id);
    if (standing !== "trial" && effect.helps >= 0.95) claims.posterior.add(id);
  }
}

type Looked = {
  readonly effects: ReadonlyMap<string, RuleEffect>;
  readonly fates: Map<string, Fate>;
  readonly now: string;
};

/** Renews and retires what is due. */
function look(rules: Map<string, TrueRule>, { effects, fates, now }: Looked): void {
  for (const [id, one] of rules) {
    const due = dueChange(one.rule, { effect: effects.get(id), now });
    if (due?.kind === "renew") rules.set(id, { ...one, rule: { ...one.rule, expires: expiryFrom(now) } });
    if (due?.kind !== "retire") continue;
    rules.delete(id);
    fates.set(id, due.why === "effect" ? "retired: effect" : "retired: expiry");
  }
}

type State = {
  readonly rules: ReadonlyMap<string, TrueRule>;
  readonly effects: ReadonlyMap<string, RuleEffect>;
};

function draw(world: World, session: WorldSession, { rules, effects }: State) {
  const standing = [...rules.values()].filter(({ rule }) => session.applicable.includes(rule.id));
  const drawn = rulesInForce({
    seed: `${world.name}:${session.id}`,
    target: "hub",
    paths: [],
    findings: ["n_plus_one"],
    tools: [],
    rules: standing.map(({ rule }) => rule),
    now: formatInstant(session.at),
    q: new Map(standing.map(({ rule }) => [rule.id, showProbability(effects.get(rule.id), FLOOR)])),
  });
  return { arms: drawn.arms, shown: drawn.rules.flatMap(({ id }) => rules.get(id) ?? []) };
}

function effectsOf(trials: readonly Trial[]): Map<string, RuleEffect> {
  return new Map(measureEffects(trials).map((effect) => [effect.rule, effect]));
}

/** Every rule always: what a file of instructions does. */
export const always: Policy = (world) => fixed(world, () => true);

/** No rule ever. */
export const never: Policy = (world) => fixed(world, () => false);

function fixed(world: World, isShown: (rule: TrueRule) => boolean): Run {
  const fates = new Map(world.rules.map((one): [string, Fate] => [one.rule.id, isShown(one) ? "helpful" : "in trial"]));
  const regret = world.sessions.reduce((sum, session) => {
    const shown = applicable(world, session).filter(isShown);
    return sum + bestOf(world, session) - successProbability(session, shown);
  }, 0);
  return { fates, regret, sessions: world.sessions.length };
}

/** The usual counters: shown until it failed three times more often than it succeeded, "helpful" while it succeeds more. */
export const counters: Policy = (world) => {
  const outcome = createRandom(`${world.name}-outcomes`);
  const balance = new Map(world.rules.map(({ rule }) => [rule.id, 0]));
  const pruned = new Set<string>();
  let regret = 0;
  for (const session of world.sessions) {
    const shown = applicable(world, session).filter(({ rule }) => !pruned.has(rule.id));
    const probability = successProbability(session, shown);
    regret += bestOf(world, session) - probability;
    const step = outcome.uniform() < probability ? 1 : -1;
    for (const { rule } of shown) {
      const count = (balance.get(rule.id) ?? 0) + step;
      balance.set(rule.id, count);
      if (count <= -3) pruned.add(rule.id);
    }
  }
  const fates = world.rules.map(({ rule }): [string, Fate] => [
    rule.id,
    pruned.has(rule.id) ? "retired: effect" : (balance.get(rule.id) ?? 0) > 0 ? "helpful" : "in trial",
  ]);
  return { fates: new Map(fates), regret, sessions: world.sessions.length };
};

function applicable(world: World, session: WorldSession): TrueRule[] {
  return world.rules.filter(({ rule }) => session.applicable.includes(rule.id));
}

/** The oracle shows exactly what helps. */
function bestOf(world: World, session: WorldSession): number {
  return successProbability(
    session,
    applicable(world, session).filter(({ effect }) => effect > 0),
  );
}
