import { buildTree, groupTraces } from "../../src/analyze/tree.ts";
import type { Span } from "../../src/model/span.ts";
import { checkPopulation } from "../../src/specs/check.ts";
import { generateSpec } from "../../src/specs/generate/generate.ts";
import { ISSUE_LISTS } from "../../src/specs/issue.ts";
import { requireSpec } from "../../src/specs/parse.ts";
import type { Issue } from "../../src/specs/result.ts";
import type { TraceSpec } from "../../src/specs/spec.ts";
import { createRandom, randomInteger, type Random } from "../../src/stats/random.ts";
import type { Score } from "./findings.ts";
import { simulate, type Operation, type Site } from "./simulate.ts";

/** Traces that a specification is generated from, and fresh ones of the same system that it has never seen. */
const LEARNED = 200;
const FRESH = 20;

/** A trace that was broken: what may be named rightly, by span or by operation. */
type Broken = {
  readonly spans: readonly Span[];
  readonly ids: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
};

/** One way of breaking a trace at one of its spans; undefined where it cannot be done there. */
export type Violation = {
  readonly name: string;
  readonly inject: (spans: readonly Span[], target: Span, random: Random) => Broken | undefined;
};

const NAMES = ["validate", "reserve", "charge", "ship", "notify", "audit", "rank", "render"];

/** An operation of three to five steps one after the other, some of them nested, optional or repeated side by side. */
export function makeWorkflow(random: Random): Operation {
  const steps = Array.from({ length: 3 + randomInteger(random, 3) }, (_, i) => makeStep(random, NAMES[i] ?? "step"));
  const reads: Operation = { ...leaf("store", "cache.read"), attributes: { "db.system.name": "redis" } };
  const many: Site = { target: reads, times: (r) => 1 + randomInteger(r, 3), together: true };
  const sites = [...steps, many];
  return { service: "shop", name: "POST /checkout", kind: "server", ownMs: 4, sigma: 0.2, sites, attributes: TAGS };
}

const TAGS = { "app.tenant": "acme", "app.version": 3 };

function leaf(service: string, name: string): Operation {
  return { service, name, kind: "server", ownMs: 2, sigma: 0.2, attributes: TAGS };
}

function makeStep(random: Random, name: string): Site {
  const query: Operation = {
    ...leaf("store", `SELECT ${name}`),
    kind: "client",
    attributes: { "db.system.name": "postgresql" },
  };
  const nested = random.uniform() < 0.5 ? [{ target: query }] : [];
  const target: Operation = { ...leaf(`${name}-service`, `${name}.run`), sites: nested };
  return { target, client: random.uniform() < 0.5, share: random.uniform() < 0.25 ? 0.6 : 1 };
}

function runWorkflow(entry: Operation, random: Random, count: number): Span[] {
  const world = { random, alter: (operation: Operation) => operation, load: 1 };
  return Array.from({ length: count }, (_, n) => simulate(entry, world, n)).flat();
}

const idsOf = (spans: readonly Span[]): Set<string> => new Set(spans.map(({ spanId }) => spanId));
const namesOf = (spans: readonly Span[]): Set<string> => new Set(spans.map(({ name }) => name));

/** A span with everything below it. */
function subtree(spans: readonly Span[], top: Span): Span[] {
  const below = spans.filter(({ parentSpanId }) => parentSpanId === top.spanId);
  return [top, ...below.flatMap((child) => subtree(spans, child))];
}

/** The spans around a span, up to the root. */
function around(spans: readonly Span[], { parentSpanId }: Span): Span[] {
  const parent = spans.find(({ spanId }) => spanId === parentSpanId);
  return parent === undefined ? [] : [parent, ...around(spans, parent)];
}

/** Replaces one span; what stands below it may be named as well, for it no longer hangs where it should. */
function altered(spans: readonly Span[], target: Span, change: Partial<Span>): Broken {
  const whole = subtree(spans, target);
  const names = namesOf([...whole, { ...target, ...change }]);
  return { spans: spans.map((span) => (span === target ? { ...span, ...change } : span)), ids: idsOf(whole), names };
}

function onlyAttributes(spans: readonly Span[], target: Span, attributes: Span["attributes"]): Broken {
  const changed = spans.map((span) => (span === target ? { ...span, attributes } : span));
  return { spans: changed, ids: new Set([target.spanId]), names: new Set([target.name]) };
}

/** Twenty times the duration of a span and as much more around it. */
function slower(spans: readonly Span[], target: Span): Broken {
  const added = target.durationNs * 19;
  const outer = new Set(around(spans, target));
  const changed = spans.map((span) =>
    span === target || outer.has(span) ? { ...span, durationNs: span.durationNs + added } : span,
  );
  return { spans: changed, ids: idsOf([target, ...outer]), names: namesOf([target, ...outer]) };
}

function added(spans: readonly Span[], target: Span, copies: readonly Partial<Span>[]): Broken {
  const { parentSpanId: _, ...rest } = target;
  const fresh = copies.map((copy, i): Span => ({ ...rest, spanId: `f${i}`.padStart(16, "0"), ...copy }));
  return { spans: [...spans, ...fresh], ids: idsOf([target, ...fresh]), names: namesOf([target, ...fresh]) };
}

const parentOf = ({ parentSpanId }: Span): Partial<Span> => (parentSpanId === undefined ? {} : { parentSpanId });
const isRoot = ({ parentSpanId }: Span): boolean => parentSpanId === undefined;

/** Fourteen ways to break what a specification says; each is put at a span that every healthy trace has. */
export const VIOLATIONS: readonly Violation[] = [
  {
    name: "span_removed",
    inject: (spans, target) => {
      const gone = subtree(spans, target);
      if (isRoot(target)) return undefined;
      return { spans: spans.filter((span) => !gone.includes(span)), ids: idsOf(gone), names: namesOf(gone) };
    },
  },
  { name: "span_renamed", inject: (spans, target) => altered(spans, target, { name: `${target.name}2` }) },
  { name: "other_service", inject: (spans, target) => altered(spans, target, { service: "impostor" }) },
  { name: "other_kind", inject: (spans, target) => altered(spans, target, { kind: "producer" }) },
  {
    name: "span_added",
    inject: (spans, target) => added(spans, target, [{ name: "debug.dump", parentSpanId: target.spanId }]),
  },
  {
    name: "span_repeated",
    inject: (spans, target) => {
      if (isRoot(target)) return undefined;
      const nested = spans.some(({ parentSpanId }) => parentSpanId === target.spanId);
      return nested
        ? undefined
        : added(
            spans,
            target,
            Array.from({ length: 6 }, () => parentOf(target)),
          );
    },
  },
  {
    name: "moved_to_the_root",
    inject: (spans, target) => {
      const [parent, root] = [around(spans, target)[0], spans.find(isRoot)];
      if (parent === undefined || root === undefined || parent === root) return undefined;
      return altered(spans, target, { parentSpanId: root.spanId });
    },
  },
  { name: "slower", inject: slower },
  { name: "fails", inject: (spans, target) => altered(spans, target, { status: "error" }) },
  {
    name: "attribute_missing",
    inject: (spans, target) => {
      const [first] = Object.keys(target.attributes);
      if (first === undefined) return undefined;
      const { [first]: _, ...rest } = target.attributes;
      return onlyAttributes(spans, target, rest);
    },
  },
  { name: "attribute_differs", inject: (spans, target) => attributeAs(spans, target, "other") },
  { name: "attribute_of_another_type", inject: (spans, target) => attributeAs(spans, target, true) },
  {
    name: "two_at_once",
    inject: (spans, target, random) => {
      const other = spans[randomInteger(random, spans.length)];
      if (other === undefined || other === target || isRoot(target) || isRoot(other)) return undefined;
      const failing = spans.map((span): Span => (span === other ? { ...span, status: "error" } : span));
      const broken = altered(failing, target, { name: "rogue" });
      return { ...broken, ids: new Set([...broken.ids, other.spanId]), names: new Set([...broken.names, other.name]) };
    },
  },
  {
    name: "trace_cut_off",
    inject: (spans, target) => {
      const end = target.startNs;
      const kept = spans.filter((span) => isRoot(span) || span.startNs < end);
      const gone = spans.filter((span) => !kept.includes(span));
      return gone.includes(target) ? { spans: kept, ids: idsOf(gone), names: namesOf(gone) } : undefined;
    },
  },
];

function attributeAs(spans: readonly Span[], target: Span, value: string | boolean): Broken | undefined {
  const [first] = Object.keys(target.attributes);
  return first === undefined ? undefined : onlyAttributes(spans, target, { ...target.attributes, [first]: value });
}

/** Violations that a check tells of a trace. */
export function violationsOf(spec: TraceSpec, spans: readonly Span[]): Issue[] {
  const result = checkPopulation(spec, [buildTree(spans)]);
  return ISSUE_LISTS.flatMap((list) => result[list]).filter(({ violation }) => violation);
}

/** A system, the specification generated from its traces, fresh traces, and which spans each of them must have. */
export function makeSubject(seed: string) {
  const random = createRandom(`violations/${seed}`);
  const entry = makeWorkflow(random);
  const traces = groupTraces(runWorkflow(entry, random, LEARNED + FRESH));
  const { text } = generateSpec(traces.slice(0, LEARNED));
  const { spec } = requireSpec(text, "generated");
  const fresh = traces.slice(LEARNED).map(({ nodes }) => nodes.map(({ span }) => span));
  const always = traces
    .map(({ nodes }) => new Set(nodes.map(({ span }) => keyOf(span))))
    .reduce((common, keys) => new Set([...common].filter((key) => keys.has(key))));
  return { random, spec, fresh, always };
}

const keyOf = ({ name, kind, service }: Span): string => [service, name, kind].join("\n");

/** How often each way is named at the right span, over systems of the seeds; one trace of each system. */
export function scoreViolations(seeds: readonly string[], kinds: readonly Violation[] = VIOLATIONS): Score[] {
  const subjects = seeds.map(makeSubject);
  return kinds.map(({ name, inject }) => {
    let [trials, found, wrong, said] = [0, 0, 0, 0];
    for (const { random, spec, fresh, always } of subjects) {
      const trace = fresh.find((spans) => violationsOf(spec, spans).length === 0);
      const targets = (trace ?? []).filter((span) => always.has(keyOf(span)) && isSingle(trace ?? [], span));
      const made = shuffled(targets, random).flatMap((target) => inject(trace ?? [], target, random) ?? [])[0];
      if (made === undefined) continue;
      const told = violationsOf(spec, made.spans);
      const right = told.filter((issue) => isNamed(issue, made));
      trials += 1;
      found += right.length > 0 ? 1 : 0;
      wrong += told.length - right.length;
      said += told.length;
    }
    return { name, trials, found, wrong, said };
  });
}

/** How many fresh healthy traces of the systems are accepted (`found`), and how many are refused (`wrong`). */
export function scoreHealthy(seeds: readonly string[]): Score {
  const subjects = seeds.map(makeSubject);
  const told = subjects.flatMap(({ spec, fresh }) => fresh.map((spans) => violationsOf(spec, spans).length));
  const found = told.filter((count) => count === 0).length;
  const wrong = told.length - found;
  return { name: "healthy", trials: told.length, found, wrong, said: wrong };
}

/** Repeats are exchangeable: one of them more or less, or one that takes another's place, is no violation. */
function isSingle(spans: readonly Span[], { name, kind, service }: Span): boolean {
  return spans.filter((span) => span.name === name && span.kind === kind && span.service === service).length === 1;
}

function isNamed(issue: Issue, { ids, names }: Broken): boolean {
  if (issue.span_ids.some((id) => ids.has(id))) return true;
  return issue.operation_name !== undefined && names.has(issue.operation_name);
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
