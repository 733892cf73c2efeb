import { buildTree, type TraceTree } from "../../../src/analyze/tree.ts";
import { randomNormal, type Random } from "../../../src/stats/random.ts";
import { trace, type Plan } from "../population.ts";

/** How traces are drawn: one entry with `operations` calls below it, lognormal times with a part shared by the trace. */
export type Simulation = {
  readonly traces: number;
  readonly operations: number;
  /** Standard deviation of ln ms, of the call and of the whole trace. */
  readonly spread?: number;
  readonly shared?: number;
  readonly errorRate?: number;
  /** Calls of each operation per trace; 1 where absent. */
  readonly repeats?: number;
  /** What differs in this set, by the number of the operation. */
  readonly slower?: ReadonlyMap<number, number>;
  readonly random: Random;
};

/** Draws a set of traces; `from` numbers them. */
export function simulate(how: Simulation, from = 0): TraceTree[] {
  return Array.from({ length: how.traces }, (_, n) => buildTree(trace(from + n, plan(how))));
}

function plan({
  operations,
  random,
  spread = 0.5,
  shared = 0.3,
  errorRate = 0.02,
  repeats = 1,
  slower,
}: Simulation): Plan {
  const common = shared * randomNormal(random);
  const children: Plan[] = [];
  let at = 0;
  for (let operation = 0; operation < operations; operation += 1) {
    for (let i = 0; i < repeats; i += 1) {
      const ms = (slower?.get(operation) ?? 1) * (5 + operation) * Math.exp(common + spread * randomNormal(random));
      children.push({
        name: `step ${String.fromCharCode(97 + (operation % 26))}${Math.floor(operation / 26)}`,
        at,
        ms,
        error: random.uniform() < errorRate,
      });
      at += ms;
    }
  }
  return { name: "entry", kind: "server", at: 0, ms: at + 1, children };
}
