import { stringify } from "yaml";
import type { SpanNode, TraceTree } from "../../analyze/tree.ts";
import { WhetstoneError } from "../../model/error.ts";
import { ATTR } from "../../model/span.ts";
import { quantile, sortedAscending } from "../../stats/quantile.ts";
import { failureOf } from "../judge/failure.ts";
import { templateOf } from "../name-template.ts";
import { SPEC_VERSION, type ErrorRuleText, type ExpectedSpan, type NameText, type TraceSpecFile } from "../schema.ts";
import { groupSpans, type SpanGroup } from "./group.ts";
import { alwaysAfter } from "./order.ts";
import { commonTags } from "./tags.ts";

/** Quantiles that can be bounded over all traces. */
export const QUANTILES = {
  "0.5": "p50_ms",
  "0.75": "p75_ms",
  "0.9": "p90_ms",
  "0.95": "p95_ms",
  "0.99": "p99_ms",
} as const;
export type QuantileText = keyof typeof QUANTILES;

export type GenerateOptions = {
  /** Name of the specification; the first root operation unless told. */
  readonly name?: string;
  /** Spans that the traces do not have are allowed. */
  readonly open?: boolean;
  /** Bounds this quantile of every operation over all traces, too. */
  readonly quantile?: QuantileText;
};

/** A specification made from traces, as its file and as text, with what was left out of it. */
export type GeneratedSpec = {
  readonly file: TraceSpecFile;
  readonly text: string;
  readonly notes: readonly string[];
  readonly traces: number;
  readonly spans: number;
};

/** Deepest expected spans, and most of them; what is beyond is allowed as it is, and a note says so. */
const DEEPEST = 60;
const MOST_SPANS = 3_000;
/** How much slower than the slowest span seen is still accepted; Tempo's trace diff uses the same. */
const TOLERANCE = { duration: { rel: 0.2, abs: "1ms" } } as const;

/**
 * Writes the specification that traces have in common: spans that are always there are required, others optional;
 * repeated ones get the range of their counts; names get their ids replaced; attributes become required where all have
 * them; spans that always wait for another say so; no span may take longer than the slowest (quantile 1), plus 20 % and
 * 1 ms; what never failed must not fail. It accepts every one of the traces.
 * @throws WhetstoneError `usage` without traces
 */
export function generateSpec(traces: readonly TraceTree[], options: GenerateOptions = {}): GeneratedSpec {
  const [first] = traces;
  if (first === undefined) {
    throw new WhetstoneError("usage", "A specification cannot be made from no trace.", { remedy: "Give some traces." });
  }
  const writer: Writer = { traces: traces.length, spans: 0, ids: new Set(), notes: new Set() };
  const roots = traces.map((trace) => trace.roots);
  const expected = expectedSpans(writer, roots, { depth: 0 });
  const spans = traces.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const longest = traces.reduce((most, { durationNs }) => Math.max(most, durationNs), 0);
  const operations = options.quantile === undefined ? [] : operationLimits(traces, options.quantile);
  const file: TraceSpecFile = {
    version: SPEC_VERSION,
    name: options.name ?? nameFor(first),
    description: `Generated from ${traces.length} traces with ${spans} spans; durations are at most the slowest seen, with the tolerance below.`,
    additional_spans: options.open === true ? "allowed" : "forbidden",
    errors: options.open === true ? "expected_spans" : "forbidden",
    tolerances: TOLERANCE,
    expected_spans: expected,
    performance_constraints: {
      max_total_duration_ms: millisUp(longest),
      ...(operations.length === 0 ? {} : { operations }),
    },
  };
  return { file, text: stringify(file, { lineWidth: 0 }), notes: [...writer.notes], traces: traces.length, spans };
}

type Writer = { readonly traces: number; spans: number; readonly ids: Set<string>; readonly notes: Set<string> };

function expectedSpans(
  writer: Writer,
  places: readonly (readonly SpanNode[])[],
  { depth }: { readonly depth: number },
): ExpectedSpan[] {
  const groups = groupSpans(places);
  const earlier = alwaysAfter(groups, places.length);
  const ids = new Map([...new Set(earlier.values())].map((group) => [group, idFor(writer, group)]));
  return groups.map((group) => {
    writer.spans += 1;
    const before = earlier.get(group);
    return {
      ...identityOf(group),
      ...(ids.has(group) ? { id: ids.get(group) } : {}),
      ...(depth === 0 ? { relation: "root" as const } : {}),
      ...countOf(group),
      ...(before === undefined ? {} : { after: ids.get(before) ?? "" }),
      expected_duration_ms: { max: millisUp(slowest(group.nodes)) },
      ...tagsOf(writer, group),
      ...errorOf(group),
      ...childrenOf(writer, group, depth),
    };
  });
}

function childrenOf(
  writer: Writer,
  { nodes }: SpanGroup,
  depth: number,
): Pick<ExpectedSpan, "children" | "additional_children"> {
  if (nodes.every(({ children }) => children.length === 0)) return {};
  if (depth + 1 >= DEEPEST || writer.spans >= MOST_SPANS) {
    writer.notes.add(`Spans deeper than ${DEEPEST} levels or beyond ${MOST_SPANS} kinds are left open.`);
    return { additional_children: "allowed" };
  }
  const below = nodes.map(({ children }) => children);
  return { children: expectedSpans(writer, below, { depth: depth + 1 }) };
}

function identityOf({ nodes }: SpanGroup): Pick<ExpectedSpan, "operation_name" | "service_name" | "kind"> {
  const [first] = nodes;
  const span = first?.span ?? { name: "", service: "", kind: "internal" as const };
  return { operation_name: operationName(nodes), service_name: exactName(span.service), kind: span.kind };
}

/** The name where it is always the same and holds no id of a path, otherwise its template. */
function operationName(nodes: readonly SpanNode[]): NameText {
  const name = nodes[0]?.span.name ?? "";
  const template = templateOf(name);
  const varies = nodes.some(({ span }) => span.name !== name);
  return varies || (template !== name && /\/\{id\}|\{uuid\}|\{hex\}/.test(template)) ? { template } : exactName(name);
}

/** An empty name can only be written as a condition. */
function exactName(name: string): NameText {
  return name === "" ? { in: [""] } : name;
}

function idFor({ ids }: Writer, { nodes }: SpanGroup): string {
  const slug =
    (nodes[0]?.span.name ?? "")
      .replaceAll(/[^A-Za-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "")
      .slice(0, 40) || "span";
  let id = slug;
  for (let i = 2; ids.has(id); i += 1) id = `${slug}-${i}`;
  ids.add(id);
  return id;
}

function countOf({ least, most }: SpanGroup): Pick<ExpectedSpan, "count" | "optional"> {
  if (most === 1) return least === 1 ? {} : { optional: true };
  return { count: least === most ? most : `${least}..${most}` };
}

function tagsOf({ traces }: Writer, { nodes }: SpanGroup): Pick<ExpectedSpan, "required_tags" | "optional_tags"> {
  const { required, optional } = commonTags(nodes, traces);
  return {
    ...(Object.keys(required).length === 0 ? {} : { required_tags: required }),
    ...(Object.keys(optional).length === 0 ? {} : { optional_tags: optional }),
  };
}

/** Failures: always in one way, always, now and then, or (the default) never. */
function errorOf({ nodes }: SpanGroup): { readonly error?: ErrorRuleText } {
  const failures = nodes.map(({ span }) => failureOf(span));
  const failed = failures.filter((failure) => failure !== undefined);
  if (failed.length === 0) return {};
  if (failed.length < nodes.length) return { error: "allowed" };
  const types = new Set(failed.map(({ type }) => type));
  const [type] = types;
  const plain = types.size === 1 && typeof type === "string" && !type.includes("${");
  return { error: plain ? { type } : "required" };
}

function slowest(nodes: readonly SpanNode[]): number {
  return nodes.reduce((most, { span }) => Math.max(most, span.durationNs), 0);
}

/** ns as ms, rounded up to three significant digits. */
function millisUp(ns: number): number {
  if (ns === 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(ns)) - 2);
  return Number(((Math.ceil(ns / unit) * unit) / 1e6).toPrecision(6));
}

function operationLimits(traces: readonly TraceTree[], text: QuantileText) {
  const nodes = traces.flatMap((trace) => trace.nodes);
  const groups = Map.groupBy(nodes, ({ span }) => JSON.stringify([span.service, templateOf(span.name)]));
  return [...groups.values()].map((group) => {
    const sorted = sortedAscending(group.map(({ span }) => span.durationNs));
    return {
      operation_name: operationName(group),
      service_name: exactName(group[0]?.span.service ?? ""),
      [QUANTILES[text]]: millisUp(quantile(sorted, Number(text))),
      min_samples: Math.ceil(group.length / 2),
    };
  });
}

function nameFor(trace: TraceTree): string {
  const span = trace.roots[0]?.span;
  const tool = span?.attributes[ATTR.toolName];
  const name = typeof tool === "string" ? tool : (span?.name ?? "");
  return name.replaceAll(/[^\p{L}\p{N}_.-]+/gu, "_").slice(0, 100) || "generated";
}
