import type { Span } from "../../src/model/span.ts";
import { createRandom, randomInteger, randomNormal, type Random } from "../../src/stats/random.ts";
import { simulate, type Behaviour, type Operation, type World } from "./simulate.ts";
import { makeSystem, pick, type System } from "./systems.ts";

/** A made-up incident: traces before and during it, and the operation in which its fault began. */
export type Incident = {
  readonly kind: IncidentKind;
  readonly baseline: readonly Span[];
  readonly incident: readonly Span[];
  /** Absent where nothing is wrong. */
  readonly origin: { readonly service: string; readonly operation: string } | undefined;
};

/** What begins in one operation of the system. `none` and `mix` are no faults. */
export const INCIDENT_KINDS = [
  "slow",
  "slow_sometimes",
  "slow_with_timeouts",
  "slow_with_backpressure",
  "errors",
  "errors_fast",
  "errors_rare",
  "errors_retried",
  "dead_timeout",
  "dead_refused",
  "n_plus_one",
  "mix_and_slow",
  "mix_and_errors",
  "none",
  "mix",
] as const;
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

/** Makes an incident; the same seed makes the same one. */
export function makeIncident(kind: IncidentKind, seed: string): Incident {
  const random = createRandom(`${kind}/${seed}`);
  const system = makeSystem(random);
  const count = 60 + randomInteger(random, 240);
  const mixed = kind.startsWith("mix") ? system.entries.map(() => 0.05 + random.uniform() ** 3) : undefined;
  const baseline = traces(system, { random, count, from: 0, alter: (operation) => operation, drift: 1 });
  const origin = chooseOrigin(kind, seen(system, baseline), random);
  const alter = faultOf(kind, { origin, system, random });
  const drift = 0.95 + 0.2 * random.uniform();
  const incident = traces(system, { random, count, from: count, alter, drift, ...(mixed && { weights: mixed }) });
  const isFault = kind !== "none" && kind !== "mix";
  return {
    kind,
    baseline,
    incident,
    origin: isFault ? { service: origin.service, operation: origin.name } : undefined,
  };
}

/** Calls that an operation needs before the incident, so that there is anything to compare with. */
const LEAST_CALLS = 10;

/** The system with those of its operations that the traces show often enough. */
function seen(system: System, traces: readonly Span[]): System {
  const calls = Map.groupBy(traces, ({ service, name }) => `${service} ${name}`);
  const often = ({ service, name }: Operation): boolean =>
    (calls.get(`${service} ${name}`)?.length ?? 0) >= LEAST_CALLS;
  return { ...system, operations: system.operations.filter(often) };
}

function chooseOrigin(kind: IncidentKind, { operations, entries, style }: System, random: Random): Operation {
  const isEntry = (operation: Operation): boolean => entries.some((entry) => entry.operation === operation);
  const called = operations.filter((operation) => !isEntry(operation));
  if (kind === "n_plus_one")
    return pick(
      random,
      operations.filter(({ sites }) => sites !== undefined),
    );
  if (kind.startsWith("dead")) return pick(random, called);
  if (style === "internal" || random.uniform() < 0.85) return pick(random, called);
  return pick(random, operations);
}

type Chosen = { readonly origin: Operation; readonly system: System; readonly random: Random };
type Alter = World["alter"];

function faultOf(kind: IncidentKind, chosen: Chosen): Alter {
  const { origin, random } = chosen;
  const factor = 4 + 10 * random.uniform();
  const added = 15 + 60 * random.uniform();
  const slow = (operation: Operation): Operation => ({ ...operation, ownMs: operation.ownMs * factor + added });
  const at =
    (change: (operation: Operation, r: Random) => Behaviour): Alter =>
    (operation, r) =>
      operation === origin ? change(operation, r) : operation;
  const rate = 0.15 + 0.7 * random.uniform();
  switch (kind) {
    case "slow":
    case "mix_and_slow":
      return at(slow);
    case "slow_sometimes":
      return at((operation, r) => (r.uniform() < 0.15 ? slow(slow(operation)) : operation));
    case "slow_with_timeouts":
      return withTimeouts(at(slow), chosen, added);
    case "slow_with_backpressure":
      return withBackpressure(at(slow), chosen, added * 0.3);
    case "errors":
    case "mix_and_errors":
      return at((operation) => ({ ...operation, errorRate: rate }));
    case "errors_fast":
      return at((operation) => ({ ...operation, errorRate: rate, failsFast: true }));
    case "errors_rare":
      return at((operation) => ({ ...operation, errorRate: (operation.errorRate ?? 0) + 0.1 }));
    case "errors_retried":
      return withRetries(
        at((operation) => ({ ...operation, errorRate: 0.7 })),
        chosen,
      );
    case "dead_timeout":
      return at((operation) => ({ ...operation, deadMs: 1000 }));
    case "dead_refused":
      return at((operation) => ({ ...operation, deadMs: 0 }));
    case "n_plus_one":
      return at((operation) => repeating(operation, 12 + randomInteger(random, 30)));
    case "none":
    case "mix":
      return (operation) => operation;
  }
}

/** Callers of the origin give up. */
function withTimeouts(alter: Alter, { origin }: Chosen, timeoutMs: number): Alter {
  return (operation, r) => {
    const now = alter(operation, r);
    const sites = now.sites?.map((site) => (site.target === origin ? { ...site, timeoutMs } : site));
    return sites === undefined ? now : { ...now, sites };
  };
}

function withRetries(alter: Alter, { origin }: Chosen): Alter {
  return (operation, r) => {
    const now = alter(operation, r);
    const sites = now.sites?.map((site) => (site.target === origin ? { ...site, retries: 3 } : site));
    return sites === undefined ? now : { ...now, sites };
  };
}

/** Callers of the origin become slower themselves, as pools run dry. */
function withBackpressure(alter: Alter, { origin }: Chosen, addedMs: number): Alter {
  return (operation, r) => {
    const now = alter(operation, r);
    const calls = now.sites?.some(({ target }) => target === origin) ?? false;
    return calls ? { ...now, ownMs: now.ownMs + addedMs * 0.5 } : now;
  };
}

function repeating(operation: Operation, times: number): Behaviour {
  const sites = operation.sites?.map((site, i) => (i === 0 ? { ...site, times, share: 1, tolerated: true } : site));
  return sites === undefined ? operation : { ...operation, sites };
}

type Traffic = {
  readonly random: Random;
  readonly count: number;
  readonly from: number;
  readonly alter: Alter;
  readonly drift: number;
  readonly weights?: readonly number[];
};

function traces(system: System, { random, count, from, alter, drift, weights }: Traffic): Span[] {
  const shares = weights ?? system.entries.map(({ weight }) => weight);
  return Array.from({ length: count }, (_, i) => {
    const load = drift * Math.exp(0.08 * randomNormal(random));
    return simulate(weighted(system, shares, random), { random, alter, load }, from + i);
  }).flat();
}

function weighted({ entries }: System, shares: readonly number[], random: Random): Operation {
  let rest = random.uniform() * shares.reduce((total, share) => total + share, 0);
  for (const [i, { operation }] of entries.entries()) {
    rest -= shares[i] ?? 0;
    if (rest <= 0) return operation;
  }
  return (entries[0] as (typeof entries)[number]).operation;
}
