import type { FindingKind } from "../../src/model/finding.ts";
import type { Span } from "../../src/model/span.ts";
import { createRandom, randomInteger, type Random } from "../../src/stats/random.ts";
import { makeHost, runHost, type Host, type Running } from "./hosts.ts";
import type { Behaviour, Operation, Site } from "./simulate.ts";

/** What has to be found: the kind of the finding and the operation that it has to name. */
export type Expected = {
  readonly kind: FindingKind;
  readonly service: string;
  readonly operation: string;
  readonly child?: string;
};

/** Traces with one fault in them. */
export type Injected = {
  readonly spans: readonly Span[];
  readonly expect: Expected;
  /** Kinds that the same fault brings about as well, rightly. */
  readonly also: readonly FindingKind[];
  /** Ids of findings that were there before the fault and count neither way. */
  readonly known?: readonly string[];
};

/** A kind of fault: how it is put into a healthy system. */
export type Fault = { readonly name: string; readonly inject: (seed: string) => Injected };

type Scene = { readonly host: Host; readonly random: Random; readonly entry: Operation; readonly count: number };

function scene(name: string, seed: string): Scene {
  const random = createRandom(`${name}/${seed}`);
  const host = makeHost(random);
  return {
    host,
    random,
    entry: host.entries[randomInteger(random, host.entries.length)] as Operation,
    count: 80 + randomInteger(random, 80),
  };
}

type Change = (operation: Operation, random: Random) => Behaviour;
type Planted = {
  readonly expect: Expected;
  readonly also?: readonly FindingKind[];
  readonly alter?: NonNullable<Running["alter"]>;
  readonly touch?: NonNullable<Running["touch"]>;
};

/** A fault that changes how one operation of the host behaves. */
function fault(name: string, plant: (scene: Scene) => Planted): Fault {
  return {
    name,
    inject: (seed) => {
      const at = scene(name, seed);
      const { expect, also = [], alter, touch } = plant(at);
      const running = { random: at.random, count: at.count, ...(alter && { alter }), ...(touch && { touch }) };
      return { spans: runHost(at.host, running), expect, also };
    },
  };
}

const at =
  (place: Operation, change: Change): NonNullable<Running["alter"]> =>
  (operation, random) =>
    operation === place ? change(operation, random) : operation;
const named = (kind: FindingKind, { service, name }: Operation, child?: string): Expected => ({
  kind,
  service,
  operation: name,
  ...(child !== undefined && { child }),
});
const siteOf = (operation: Operation, index: number): Site => operation.sites?.[index] as Site;
const op = (
  { service, name }: Pick<Operation, "service" | "name">,
  ownMs: number,
  more: Partial<Operation> = {},
): Operation => ({
  service,
  name,
  kind: "internal",
  ownMs,
  sigma: 0.2,
  ...more,
});
const serial = (operation: Operation, sites: readonly Site[]): Behaviour => ({ ...operation, sites, parallel: false });

const nPlusOne = (name: string, site: (scene: Scene) => Site): Fault =>
  fault(name, (given) => {
    const added = site(given);
    return {
      expect: named("n_plus_one", given.entry, added.target.name),
      also: ["slow_operation"],
      alter: at(given.entry, (operation) => serial(operation, [...(operation.sites ?? []), added])),
    };
  });

const N_PLUS_ONE: readonly Fault[] = [
  nPlusOne("n_plus_one inside", ({ entry, random }) => ({
    target: op({ service: entry.service, name: "row.load" }, 0.5 + random.uniform()),
    times: 10 + randomInteger(random, 40),
  })),
  nPlusOne("n_plus_one of queries", ({ random }) => ({
    target: op({ service: "store", name: "SELECT item" }, 0.4 + random.uniform(), { kind: "client" }),
    times: (r) => 12 + randomInteger(r, 30),
  })),
  fault("n_plus_one over HTTP", ({ entry, random }) => {
    const target = op({ service: "items", name: "GET /item" }, 0.6 + random.uniform(), { kind: "server" });
    const site: Site = { target, times: 10 + randomInteger(random, 15), client: true };
    return {
      expect: named("n_plus_one", entry, target.name),
      also: ["slow_operation"],
      alter: at(entry, (operation) => serial(operation, [...(operation.sites ?? []), site])),
    };
  }),
  fault("n_plus_one one level down", ({ entry, random }) => {
    const { target } = siteOf(entry, 1);
    const row = op({ service: "store", name: "row.load" }, 0.3 + 0.5 * random.uniform());
    return {
      expect: named("n_plus_one", target, row.name),
      also: ["slow_operation"],
      alter: at(target, (operation) =>
        serial(operation, [...(operation.sites ?? []), { target: row, times: 15 + randomInteger(random, 20) }]),
      ),
    };
  }),
  nPlusOne("n_plus_one of failing-once rows", ({ entry, random }) => ({
    target: op({ service: entry.service, name: "row.load" }, 0.8),
    times: (r) => 9 + randomInteger(r, 6 + randomInteger(random, 10)),
  })),
];

const sequential = (name: string, lengths: readonly number[], shuffled: boolean): Fault =>
  fault(name, ({ entry, random }) => {
    const steps = lengths.map((ms, i) =>
      op({ service: entry.service, name: `step.${"abcd"[i] ?? "x"}` }, entry.ownMs * ms, { sigma: 0.15 }),
    );
    const sites = steps.map((target): Site => ({ target }));
    return {
      expect: named("sequential_calls", entry),
      also: ["slow_operation"],
      alter: at(entry, (operation) =>
        serial(operation, shuffled && random.uniform() < 0.5 ? sites.toReversed() : sites),
      ),
    };
  });

const SEQUENTIAL: readonly Fault[] = [
  sequential("two calls in sequence", [2, 2], false),
  sequential("three calls in sequence", [1.5, 2, 1], false),
  sequential("calls in sequence in changing order", [2, 1.5, 2], true),
];

const failing = (
  name: string,
  place: (scene: Scene) => Operation,
  change: (random: Random) => Partial<Behaviour>,
): Fault =>
  fault(name, (given) => {
    const target = place(given);
    const changed = change(given.random);
    return {
      expect: named("errors", target),
      also: ["slow_operation"],
      alter: at(target, (operation) => ({ ...operation, ...changed })),
    };
  });
const deepest = ({ entry }: Scene): Operation => siteOf(siteOf(entry, 1).target, 0).target;

const ERRORS: readonly Fault[] = [
  failing("errors of a query", deepest, (random) => ({
    errorRate: 0.2 + 0.5 * random.uniform(),
    errorType: "SqlError",
  })),
  failing(
    "errors of a callee",
    ({ entry }) => siteOf(entry, 1).target,
    () => ({ errorRate: 0.3, errorType: "500" }),
  ),
  failing(
    "errors at the way in",
    ({ entry }) => entry,
    () => ({ errorRate: 0.25, errorType: "tool_error" }),
  ),
  failing("rare errors", deepest, () => ({ errorRate: 0.08, errorType: "deadlock" })),
  failing(
    "errors that come at once",
    ({ entry }) => siteOf(entry, 1).target,
    () => ({ errorRate: 0.4, failsFast: true }),
  ),
  failing(
    "mistakes of the caller",
    ({ entry }) => entry,
    () => ({ errorRate: 0.3, errorType: "-32602" }),
  ),
  fault("dependency that does not answer", ({ entry, random }) => {
    const target = op({ service: "rates", name: "GET /rates" }, 2, { kind: "server" });
    const dead = random.uniform() < 0.5 ? 200 : 0;
    return {
      expect: { kind: "errors", service: entry.service, operation: target.name },
      also: ["slow_operation"],
      alter: (operation, r) => {
        if (operation === target) return r.uniform() < 0.4 ? { ...operation, deadMs: dead } : operation;
        if (operation !== entry) return operation;
        return { ...operation, sites: [...(operation.sites ?? []), { target, client: true }] };
      },
    };
  }),
];

const SLOW: readonly Fault[] = [
  fault("way in that computes too long", ({ entry, random }) => ({
    expect: named("slow_operation", entry),
    alter: at(entry, (operation) => ({ ...operation, ownMs: operation.ownMs * (12 + 10 * random.uniform()) })),
  })),
  fault("way in that waits for one slow step", ({ entry, random }) => {
    const step = op({ service: entry.service, name: "render" }, entry.ownMs * (15 + 10 * random.uniform()));
    return {
      expect: named("slow_operation", entry, step.name),
      alter: at(entry, (operation) => ({ ...operation, sites: [...(operation.sites ?? []), { target: step }] })),
    };
  }),
];

const retrying = (
  name: string,
  retries: number,
  options: { readonly client?: boolean; readonly rate: number },
): Fault =>
  fault(name, ({ entry }) => {
    const target = op({ service: "mail", name: "send" }, 3, {
      kind: "server",
      errorRate: options.rate,
      errorType: "503",
    });
    return {
      expect: named("retry_storm", entry, target.name),
      also: ["errors", "slow_operation", "sequential_calls"],
      alter: at(entry, (operation) =>
        serial(operation, [
          ...(operation.sites ?? []),
          { target, retries, client: options.client === true, tolerated: true },
        ]),
      ),
    };
  });

const amplified = (name: string, retries: readonly [number, number], leafRate: number): Fault =>
  fault(name, ({ entry }) => {
    const leaf = op({ service: "db", name: "INSERT" }, 1, {
      kind: "client",
      errorRate: leafRate,
      errorType: "deadlock",
    });
    const middle = op({ service: "writer", name: "write" }, 1, {
      kind: "server",
      sites: [{ target: leaf, retries: retries[1] }],
    });
    return {
      expect: named("retry_amplification", entry, leaf.name),
      also: ["errors", "slow_operation", "retry_storm", "sequential_calls"],
      alter: at(entry, (operation) =>
        serial(operation, [...(operation.sites ?? []), { target: middle, retries: retries[0], tolerated: true }]),
      ),
    };
  });

const RETRIES: readonly Fault[] = [
  retrying("retry storm", 5, { rate: 0.95 }),
  retrying("retry storm behind client spans", 6, { client: true, rate: 0.95 }),
  amplified("retries at two levels", [2, 2], 0.97),
  amplified("many retries at two levels", [3, 4], 0.98),
];

const chatty = (name: string, kinds: number, options: { readonly client: boolean; readonly rounds: number }): Fault =>
  fault(name, ({ entry, random }) => {
    const targets = Array.from({ length: kinds }, (_, i) =>
      op({ service: "profile", name: `get_field_${i}` }, 0.4 + 0.3 * random.uniform(), { kind: "server" }),
    );
    const sites = Array.from({ length: options.rounds }, () =>
      targets.map((target): Site => ({ target, client: options.client })),
    ).flat();
    return {
      expect: named("chatty_calls", entry),
      also: ["slow_operation", "sequential_calls", "n_plus_one"],
      alter: at(entry, (operation) => serial(operation, [...(operation.sites ?? []).slice(1), ...sites])),
    };
  });

const CHATTY: readonly Fault[] = [
  chatty("chatty, few operations", 3, { client: false, rounds: 6 }),
  chatty("chatty, many operations behind client spans", 6, { client: true, rounds: 3 }),
];

const FAN_OUT: readonly Fault[] = ([0.5, 2] as const).map((step, i) =>
  fault(i === 0 ? "fan-out that queues" : "wide fan-out that queues long", ({ entry, random }) => {
    const width = 25 + randomInteger(random, 40);
    const item = op({ service: "items", name: "load item" }, 1, { kind: "server" });
    let n = 0;
    return {
      expect: named("fan_out", entry, item.name),
      also: ["slow_operation", "sequential_calls"],
      alter: (operation) => {
        if (operation === entry) {
          n = 0;
          const site: Site = { target: item, times: width, together: true };
          return serial(operation, [...(operation.sites ?? []), site]);
        }
        if (operation !== item) return operation;
        n += 1;
        return { ...operation, ownMs: 1 + Math.floor(n / 8) * step };
      },
    };
  }),
);

/** A lock lets one trace at a time into an operation: later ones are moved behind earlier ones, their callers last longer. */
function lockStep(name: string, heldMs: number): Fault {
  return fault(name, ({ entry }) => {
    const held = op({ service: entry.service, name: "index.write" }, heldMs, { sigma: 0.1 });
    let freeAt = 0n;
    return {
      expect: named("lock_step", held),
      also: ["slow_operation"],
      alter: at(entry, (operation) => ({ ...serial(operation, [...(operation.sites ?? []), { target: held }]) })),
      touch: (spans) => {
        const inside = spans.find((span) => span.name === held.name);
        if (inside === undefined) return spans;
        const delay = freeAt > inside.startNs ? freeAt - inside.startNs : 0n;
        freeAt = inside.startNs + delay + BigInt(inside.durationNs);
        return spans.map((span) => {
          if (span === inside) return { ...span, startNs: span.startNs + delay };
          const around =
            span.startNs <= inside.startNs &&
            span.startNs + BigInt(span.durationNs) >= inside.startNs + BigInt(inside.durationNs);
          return around ? { ...span, durationNs: span.durationNs + Number(delay) } : span;
        });
      },
    };
  });
}

const LOCKS: readonly Fault[] = [lockStep("one at a time", 190), lockStep("one at a time, long queues", 230)];

function coldStart(name: string, by: "process" | "session"): Fault {
  return fault(name, ({ entry, host, random }) => {
    const lives = 4 + randomInteger(random, 3);
    const cold = new Set<number>();
    const load = op({ service: entry.service, name: "load.index" }, 0, {});
    const period = host.entries.length * 6;
    return {
      expect: named("cold_start", host.entries[0] as Operation),
      also: [],
      touch: (spans, n) => {
        const life = Math.floor(n / period) % lives;
        const first = !cold.has(life);
        cold.add(life);
        return spans.map((span) => {
          const resource = by === "process" ? { ...span.resource, "service.instance.id": `i-${life}` } : span.resource;
          const attributes = by === "session" ? { ...span.attributes, "mcp.session.id": `s-${life}` } : span.attributes;
          const added = first && span.parentSpanId === undefined ? 150_000_000 + Math.floor(random.uniform() * 5e7) : 0;
          return { ...span, resource, attributes, durationNs: span.durationNs + added, scope: { name: load.name } };
        });
      },
    };
  });
}

const COLD: readonly Fault[] = [
  coldStart("cold start of processes", "process"),
  coldStart("cold start of sessions", "session"),
];

const growing = (name: string, size: (n: number, random: Random) => number, session: boolean): Fault =>
  fault(name, ({ entry, host, random }) => ({
    expect: named("payload_growth", entry),
    touch: (spans, n) => {
      const turn = Math.floor(n / host.entries.length);
      return spans.map((span) => {
        if (span.name !== entry.name || span.service !== entry.service) return span;
        const bytes = Math.round(size(turn, random) * (0.9 + 0.2 * random.uniform()));
        const own = session ? { "mcp.session.id": `s-${Math.floor(turn / 8)}` } : {};
        return { ...span, attributes: { ...span.attributes, ...own, "mcp.response.size": bytes } };
      });
    },
  }));

const GROWTH: readonly Fault[] = [
  growing("payload that grows over time", (n) => 1000 + 300 * n, false),
  growing("payload that grows within sessions", (n) => 500 * 1.5 ** (n % 8), true),
];

/** Every kind of fault of the bench. */
export const FAULTS: readonly Fault[] = [
  ...N_PLUS_ONE,
  ...SEQUENTIAL,
  ...ERRORS,
  ...SLOW,
  ...RETRIES,
  ...CHATTY,
  ...FAN_OUT,
  ...LOCKS,
  ...COLD,
  ...GROWTH,
];

/** The same systems without a fault. */
export function healthySpans(seed: string): readonly Span[] {
  const { host, random, count } = scene("healthy", seed);
  return runHost(host, { random, count });
}
