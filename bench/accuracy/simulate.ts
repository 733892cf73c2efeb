import type { Attributes, Span } from "../../src/model/span.ts";
import { randomNormal, type Random } from "../../src/stats/random.ts";

/** One operation of a made-up system. Times are medians in ms; noise is log-normal with a few outliers. */
export type Operation = {
  readonly service: string;
  readonly name: string;
  readonly kind: Span["kind"];
  readonly ownMs: number;
  /** Spread of the logarithm of its own time; default 0.25. */
  readonly sigma?: number;
  readonly errorRate?: number;
  readonly errorType?: string;
  readonly sites?: readonly Site[];
  /** Whether its sites run at the same time. */
  readonly parallel?: boolean;
  readonly attributes?: Attributes | ((random: Random) => Attributes);
};

/** A place in an operation from which another is called. */
export type Site = {
  readonly target: Operation;
  /** Calls per run; default one. */
  readonly times?: number | ((random: Random) => number);
  /** Probability that it runs at all; default 1. */
  readonly share?: number;
  /** Whether the repeats run at the same time. */
  readonly together?: boolean;
  /** The caller records a CLIENT span of its own. */
  readonly client?: boolean;
  /** The caller goes on when it fails. */
  readonly tolerated?: boolean;
  /** Attempts after a failure. */
  readonly retries?: number;
  /** The caller gives up after this long. */
  readonly timeoutMs?: number;
};

/** How an operation behaves now: a fault is a change of this. */
export type Behaviour = Operation & {
  /** Nobody answers: no span; the caller waits this long, or is refused after `0`. */
  readonly deadMs?: number;
  /** Its failures come at once, without its children. */
  readonly failsFast?: boolean;
};

/** What a run of a system needs. */
export type World = {
  readonly random: Random;
  /** The behaviour of an operation in this run. */
  readonly alter: (operation: Operation, random: Random) => Behaviour;
  /** Everything takes this much longer. */
  readonly load: number;
};

type Draft = {
  parent: number;
  start: number;
  ms: number;
  failed: boolean;
  operation: Operation;
  attributes: Attributes;
};
type Outcome = { readonly ms: number; readonly failed: boolean };

const EPOCH = 1_763_000_000_000_000_000n;

/** The spans of the n-th trace; traces start 50 ms apart. */
export function simulate(entry: Operation, world: World, n: number): Span[] {
  const drafts: Draft[] = [];
  run(entry, { at: 0, parent: -1 }, { world, drafts });
  const traceId = (n + 1).toString(16).padStart(32, "0");
  const base = EPOCH + BigInt(n) * 50_000_000n + BigInt(Math.floor(world.random.uniform() * 1e6));
  return drafts.map((draft, index) => toSpan(draft, { traceId, base, index }));
}

type Place = { readonly at: number; readonly parent: number };
type Scene = { readonly world: World; readonly drafts: Draft[] };

function run(operation: Operation, { at, parent }: Place, scene: Scene): Outcome {
  const { world, drafts } = scene;
  const { random } = world;
  const now = world.alter(operation, random);
  const index = drafts.length;
  const attributes = typeof now.attributes === "function" ? now.attributes(random) : (now.attributes ?? {});
  const draft: Draft = { parent, start: at, ms: 0, failed: false, operation: now, attributes: { ...attributes } };
  drafts.push(draft);
  let failed = random.uniform() < (now.errorRate ?? 0);
  const fast = failed && now.failsFast === true;
  const own = ownTime(now, world) * (fast ? 0.3 : 1);
  if (failed) draft.attributes["error.type"] = now.errorType ?? "internal_error";
  const sites = fast ? [] : (now.sites ?? []).filter((site) => random.uniform() < (site.share ?? 1));
  const gap = own / (sites.length + 1);
  let reached = at + gap;
  let last = reached;
  for (const site of sites) {
    const start = now.parallel === true ? at + gap : reached;
    const outcome = visit(site, { at: start, parent: index }, scene);
    last = Math.max(last, start + outcome.ms);
    reached = start + outcome.ms + gap;
    if (outcome.failed && site.tolerated !== true) {
      if (!failed) draft.attributes["error.type"] ??= "upstream_error";
      failed = true;
      break;
    }
  }
  const end = now.parallel === true ? Math.max(last + gap, at + own) : Math.max(reached, at + own);
  draft.ms = end - at;
  draft.failed = failed;
  return { ms: draft.ms, failed };
}

function visit(site: Site, place: Place, scene: Scene): Outcome {
  const { random } = scene.world;
  const times = typeof site.times === "function" ? site.times(random) : (site.times ?? 1);
  let at = place.at;
  let failed = false;
  let end = at;
  for (let i = 0; i < times; i += 1) {
    for (let attempt = 0; attempt <= (site.retries ?? 0); attempt += 1) {
      const outcome = attemptOnce(site, { at, parent: place.parent }, scene);
      failed = outcome.failed;
      end = Math.max(end, at + outcome.ms);
      if (site.together !== true || failed) at += outcome.ms + (failed ? 5 * attempt : 0);
      if (!failed) break;
    }
    if (failed && site.tolerated !== true) break;
  }
  return { ms: end - place.at, failed };
}

function attemptOnce(site: Site, { at, parent }: Place, scene: Scene): Outcome {
  const { world, drafts } = scene;
  const behaviour = world.alter(site.target, world.random);
  const dead = behaviour.deadMs;
  if (site.client !== true) {
    if (dead === undefined) return bounded(site, run(site.target, { at, parent }, scene));
    const caller = drafts[parent];
    if (caller !== undefined) caller.attributes["error.type"] = dead > 0 ? "timeout" : "ECONNREFUSED";
    return { ms: dead, failed: true };
  }
  const caller = drafts[parent]?.operation.service ?? site.target.service;
  const wire = (0.2 + 0.1 * world.random.uniform()) * world.load;
  const index = drafts.length;
  const operation: Operation = { ...site.target, service: caller, kind: "client", attributes: {} };
  const draft: Draft = { parent, start: at, ms: 0, failed: false, operation, attributes: {} };
  drafts.push(draft);
  if (dead !== undefined) {
    draft.ms = dead + wire;
    draft.failed = true;
    draft.attributes["error.type"] = dead > 0 ? "timeout" : "ECONNREFUSED";
    return { ms: draft.ms, failed: true };
  }
  const outcome = run(site.target, { at: at + wire, parent: index }, scene);
  const seen = bounded(site, { ms: outcome.ms + 2 * wire, failed: outcome.failed });
  draft.ms = seen.ms;
  draft.failed = seen.failed;
  if (seen.failed) draft.attributes["error.type"] = seen.ms < outcome.ms + 2 * wire ? "timeout" : "500";
  return seen;
}

function bounded({ timeoutMs = Number.POSITIVE_INFINITY }: Site, outcome: Outcome): Outcome {
  return outcome.ms <= timeoutMs ? outcome : { ms: timeoutMs, failed: true };
}

function ownTime({ ownMs, sigma = 0.25 }: Operation, { random, load }: World): number {
  const outlier = random.uniform() < 0.01 ? 2 + 4 * random.uniform() : 1;
  return ownMs * load * outlier * Math.exp(sigma * randomNormal(random));
}

type Numbered = { readonly traceId: string; readonly base: bigint; readonly index: number };

const idOf = (index: number): string => (index + 1).toString(16).padStart(16, "0");

function toSpan(draft: Draft, { traceId, base, index }: Numbered): Span {
  const { operation } = draft;
  return {
    traceId,
    spanId: idOf(index),
    ...(draft.parent >= 0 && { parentSpanId: idOf(draft.parent) }),
    kind: operation.kind,
    name: operation.name,
    service: operation.service,
    startNs: base + BigInt(Math.round(draft.start * 1e6)),
    durationNs: Math.round(draft.ms * 1e6),
    status: draft.failed ? "error" : "unset",
    attributes: draft.attributes,
    events: [],
    links: [],
    resource: { "service.name": operation.service },
    scope: { name: "simulated" },
  };
}
