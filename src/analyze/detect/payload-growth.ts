import type { Finding } from "../../model/finding.ts";
import { ATTR } from "../../model/span.ts";
import { weightedQuantile } from "../../stats/weighted.ts";
import { callMs, callsByOperation, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { msInText, nameInText } from "../names.ts";
import { compareText } from "../parents.ts";
import { confidenceOf, median, severityOfTimeLost, shareOf } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** When sizes are taken to grow. */
export type GrowthOptions = {
  /** Least number of calls with the attribute in a row; default 12. */
  readonly minCalls?: number;
  /** Least ratio of the last third's median to the first third's; default 2. */
  readonly minRatio?: number;
  /** Least rank correlation of size and order, in standard errors; default 4. */
  readonly minZ?: number;
};

/** Names of attributes that tell how much a call carried. */
const SIZE =
  /(?:^|[._])(?:size|bytes|length|rows|returned_rows|result_count|item_count|items|chars|tokens|input_tokens|output_tokens)$/;

type Series = { readonly calls: readonly Call[]; readonly sizes: readonly number[] };
type Growth = { readonly name: string; readonly series: readonly Series[]; readonly ratio: number; readonly z: number };

/**
 * Payload growth: a size that an operation's spans state (bytes, rows, tokens) grows from call to call, over time or
 * within sessions, at least to the double from the first third of the calls to the last, with a rank correlation (Spearman) that chance does not bring.
 * `gainMs` is what calls of the last third take longer than those of the first.
 */
export function detectPayloadGrowth(traces: readonly TraceTree[], options: GrowthOptions = {}): Finding[] {
  const starts = new Map(traces.map(({ traceId, startNs }) => [traceId, startNs]));
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const sized = sizeNames(calls);
    if (sized.length === 0) continue;
    const ordered = calls.toSorted((a, b) => compareStart(a, b, starts));
    const growths = sized
      .flatMap((name) => growthOf(name, ordered, options))
      .sort((a, b) => b.z - a.z || compareText(a.name, b.name));
    if (growths[0] !== undefined) findings.push(toFinding(growths[0]));
  }
  return findings;
}

function sizeNames(calls: readonly Call[]): string[] {
  const seen = new Map<string, boolean>();
  for (const { nodes } of calls) {
    for (const { span } of nodes) {
      for (const name in span.attributes) if (!seen.has(name)) seen.set(name, SIZE.test(name));
    }
  }
  return [...seen].filter(([, isSize]) => isSize).map(([name]) => name);
}

function compareStart(a: Call, b: Call, starts: ReadonlyMap<string, bigint>): number {
  const [x, y] = [starts.get(a.traceId) ?? 0n, starts.get(b.traceId) ?? 0n];
  if (x !== y) return x < y ? -1 : 1;
  return a.start - b.start || compareText(a.traceId, b.traceId);
}

/** Growth over all calls, else within the sessions that they belong to. */
function growthOf(
  name: string,
  calls: readonly Call[],
  { minCalls = 12, minRatio = 2, minZ = 4 }: GrowthOptions,
): Growth[] {
  const sized = calls.filter((call) => sizeOf(call, name) !== undefined);
  const series = (list: readonly Call[]): Series => ({
    calls: list,
    sizes: list.map((call) => sizeOf(call, name) ?? 0),
  });
  const sessions = [...Map.groupBy(sized, sessionOf)].flatMap(([session, list]) =>
    session === undefined || list.length < 5 ? [] : [series(list)],
  );
  const candidates = [[series(sized)], sessions];
  for (const each of candidates) {
    const total = each.reduce((sum, { calls: list }) => sum + list.length, 0);
    if (total < minCalls) continue;
    const ratio = median(each.map(growthRatio));
    const z =
      each.reduce((sum, { sizes }) => sum + spearman(sizes) * Math.sqrt(sizes.length - 1), 0) / Math.sqrt(each.length);
    if (ratio >= minRatio && z >= minZ) return [{ name, series: each, ratio, z }];
  }
  return [];
}

function sizeOf({ nodes }: Call, name: string): number | undefined {
  for (const { span } of nodes) {
    const value = span.attributes[name];
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  }
  return undefined;
}

function sessionOf({ nodes }: Call): string | undefined {
  const session = nodes
    .map(({ span }) => span.attributes[ATTR.mcpSession] ?? span.attributes["session.id"])
    .find(Boolean);
  return typeof session === "string" ? session : undefined;
}

function thirds<T>(values: readonly T[]): { readonly first: readonly T[]; readonly last: readonly T[] } {
  const third = Math.max(1, Math.floor(values.length / 3));
  return { first: values.slice(0, third), last: values.slice(-third) };
}

function growthRatio({ calls, sizes }: Series): number {
  const sized = thirds(calls.map(({ weight }, i) => ({ value: sizes[i] ?? 0, weight })));
  const [before, after] = [weightedQuantile(sized.first, 0.5), weightedQuantile(sized.last, 0.5)];
  return before === 0 ? Math.max(1, after) : after / before;
}

/** Rank correlation of values with their order, average ranks for ties (Spearman 1904). */
function spearman(values: readonly number[]): number {
  const ranks = averageRanks(values);
  const middle = (values.length - 1) / 2;
  let [joint, own, order] = [0, 0, 0];
  for (const [i, rank] of ranks.entries()) {
    joint += (rank - middle) * (i - middle);
    own += (rank - middle) ** 2;
    order += (i - middle) ** 2;
  }
  return own === 0 || order === 0 ? 0 : joint / Math.sqrt(own * order);
}

function averageRanks(values: readonly number[]): number[] {
  const order = values.map((value, i) => ({ value, i })).sort((a, b) => a.value - b.value);
  const ranks = values.map(() => 0);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && order[to]?.value === order[from]?.value) to += 1;
    for (const { i } of order.slice(from, to)) ranks[i] = (from + to - 1) / 2;
    from = to;
  }
  return ranks;
}

const weightOfCall = ({ weight }: Call): number => weight;

function toFinding({ name, series, ratio, z }: Growth): Finding {
  const calls = series.flatMap((each) => each.calls);
  const { service, operation } = calls[0] as Call;
  const [first, last] = [
    series.flatMap(({ calls: c }) => thirds(c).first),
    series.flatMap(({ calls: c }) => thirds(c).last),
  ];
  const sizes = series.map((each) => thirds(each.sizes));
  const before = median(
    sizes.flatMap((each) => each.first),
    first.map(weightOfCall),
  );
  const after = median(
    sizes.flatMap((each) => each.last),
    last.map(weightOfCall),
  );
  const lastMs = median(last.map(callMs), last.map(weightOfCall));
  const gainMs = Math.max(0, lastMs - median(first.map(callMs), first.map(weightOfCall)));
  const within = series.length > 1 ? ` within each of ${series.length} sessions` : "";
  const worst = series.flatMap((each) =>
    each.calls.map((call, i) => ({ traceId: call.traceId, badness: each.sizes[i] ?? 0 })),
  );
  return {
    id: findingId("payload_growth", service, operation),
    kind: "payload_growth",
    severity: severityOfTimeLost(Math.max(0.1, shareOf(gainMs, lastMs))),
    service,
    operation,
    metric: name.slice(0, 160),
    value: after,
    baseline: before,
    samples: calls.length,
    gainMs,
    traceIds: worstTraces(worst),
    confidence: confidenceOf({ samples: calls.length, effect: 1 - 1 / ratio, ceiling: 0.85 }),
    suggestion: [
      `${nameInText(name)} of ${nameInText(operation)} grows from ${compact(before)} to ${compact(after)}${within} (medians of the first and the last third of ${calls.length} calls, rank correlation ${z.toFixed(1)} standard errors).`,
      "Bound what a call returns: pages of fixed size, only the fields that are used, or only what is new since the last call;",
      gainMs > 0 ? `the growth costs a call ${msInText(gainMs)} so far.` : "so far it costs no time.",
    ].join(" "),
  };
}

const compact = (value: number): string => String(Number(value.toPrecision(3)));
