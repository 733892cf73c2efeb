import type { Finding } from "../../model/finding.ts";
import { ATTR } from "../../model/span.ts";
import { type Weighted, weightedQuantile } from "../../stats/weighted.ts";
import { callMs, callsByOperation, isEntry, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { msInText, nameInText } from "../names.ts";
import { compareText } from "../parents.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** When first calls count as cold. */
export type ColdStartOptions = {
  /** Least number of processes or sessions; default 3. */
  readonly minInstances?: number;
  /** Least median ratio of a first call to what is usual of its operation; default 3. */
  readonly minRatio?: number;
  /** Least number of further calls of an operation, to know what is usual; default 8. */
  readonly minWarm?: number;
  /** Least median of what a first call takes longer, ms; default 5. */
  readonly minExcessMs?: number;
};

/** Share of the starts that have to be cold. */
const MOST = 0.8;

type Cold = { readonly call: Call; readonly ratio: number; readonly excessMs: number };

/**
 * Cold starts: the first request that a process (by its instance or process id) or MCP session serves takes a
 * multiple of what is usual of its operation, in at least three of them and in four of five. First calls per process are
 * looked at, else first calls of an operation in each. `gainMs` is what the median first call takes longer.
 */
export function detectColdStarts(traces: readonly TraceTree[], options: ColdStartOptions = {}): Finding[] {
  const starts = new Map(traces.map(({ traceId, startNs }) => [traceId, startNs]));
  const findings: Finding[] = [];
  const entries = [...callsByOperation(traces).values()].flat().filter((call) => isEntry(call) || isServer(call));
  for (const calls of Map.groupBy(entries, ({ service }) => service).values()) {
    if (calls.every((call) => instanceOf(call) === undefined)) continue;
    const ordered = calls.toSorted((a, b) => compareStart(a, b, starts));
    const lives = [...Map.groupBy(ordered, instanceOf)].filter(([instance]) => instance !== undefined);
    const warm = warmLengths(lives.map(([, own]) => own));
    const ofProcess = coldCalls(
      lives.flatMap(([, own]) => own.slice(0, 1)),
      warm,
      options,
    );
    if (ofProcess.length > 0) {
      findings.push(toFinding(ofProcess, "first request"));
      continue;
    }
    const firsts = lives.flatMap(([, own]) =>
      [...Map.groupBy(own, ({ key }) => key).values()].flatMap((same) => same.slice(0, 1)),
    );
    for (const same of Map.groupBy(firsts, ({ key }) => key).values()) {
      const cold = coldCalls(same, warm, options);
      if (cold.length > 0) findings.push(toFinding(cold, "first call of this operation"));
    }
  }
  return findings;
}

function isServer({ nodes }: Call): boolean {
  return nodes.some(({ span }) => span.kind === "server" || span.kind === "consumer");
}

function compareStart(a: Call, b: Call, starts: ReadonlyMap<string, bigint>): number {
  const [x, y] = [starts.get(a.traceId) ?? 0n, starts.get(b.traceId) ?? 0n];
  if (x !== y) return x < y ? -1 : 1;
  return a.start - b.start || compareText(a.key, b.key) || compareText(a.traceId, b.traceId);
}

/** Whose life a call belongs to, as spans state it: the process by its resource, else the session. */
function instanceOf(call: Call): string | undefined {
  for (const { span } of call.nodes) {
    const id = span.resource[ATTR.instanceId] ?? span.resource[ATTR.processId] ?? span.attributes[ATTR.mcpSession];
    if (typeof id === "string" || typeof id === "number") return String(id);
  }
  return undefined;
}

/** Lengths of each operation's calls that were not the first of their process, ms. */
function warmLengths(lives: readonly (readonly Call[])[]): ReadonlyMap<string, readonly Weighted[]> {
  const warm = lives.flatMap((own) => {
    const seen = new Set<string>();
    return own.filter(({ key }, i) => {
      const repeated = seen.has(key);
      seen.add(key);
      return i > 0 && repeated;
    });
  });
  return new Map(
    [...Map.groupBy(warm, ({ key }) => key)].map(([key, calls]) => [
      key,
      calls.map((call) => ({ value: callMs(call), weight: call.weight })),
    ]),
  );
}

function coldCalls(
  firsts: readonly Call[],
  warm: ReadonlyMap<string, readonly Weighted[]>,
  { minInstances = 3, minRatio = 3, minWarm = 8, minExcessMs = 5 }: ColdStartOptions,
): Cold[] {
  const compared = firsts.flatMap((call) => {
    const lengths = warm.get(call.key) ?? [];
    if (lengths.length < minWarm) return [];
    const usual = weightedQuantile(lengths, 0.5);
    const beyond = callMs(call) > weightedQuantile(lengths, 0.9);
    return [{ call, beyond, ratio: shareOf(callMs(call), usual), excessMs: callMs(call) - usual }];
  });
  const cold = compared.filter(({ beyond }) => beyond);
  if (compared.length < Math.max(1, minInstances) || sum(weightsOf(cold)) < MOST * sum(weightsOf(compared))) return [];
  return middle(compared, "ratio") >= minRatio && middle(compared, "excessMs") >= minExcessMs ? cold : [];
}

const weightsOf = (cold: readonly Cold[]): number[] => cold.map(({ call }) => call.weight);

function middle(cold: readonly Cold[], of: "ratio" | "excessMs"): number {
  return median(
    cold.map((each) => each[of]),
    weightsOf(cold),
  );
}

function toFinding(cold: readonly Cold[], which: string): Finding {
  const byOperation = [...Map.groupBy(cold, ({ call }) => call.key).values()];
  byOperation.sort((a, b) => b.length - a.length || ((a[0]?.call.key ?? "") < (b[0]?.call.key ?? "") ? -1 : 1));
  const { service, operation } = ((byOperation[0] as Cold[])[0] as Cold).call;
  const lengths = cold.map(({ call }) => callMs(call));
  const { value, interval } = measuredQuantile(lengths, 0.5, weightsOf(cold));
  const gainMs = middle(cold, "excessMs");
  const lost = sum(cold.map(({ call, excessMs }) => call.weight * excessMs));
  const whole = sum(cold.map(({ call }) => call.weight * callMs(call)));
  const inner = slowestInside(cold.map(({ call }) => call));
  return {
    id: findingId("cold_start", service, operation),
    kind: "cold_start",
    severity: severityOfTimeLost(Math.min(0.5, shareOf(lost, whole) / 2)),
    service,
    operation,
    metric: "first_call_ms",
    value,
    baseline: Math.max(0, value - gainMs),
    ...(interval && { interval }),
    samples: cold.length,
    gainMs,
    ...(inner !== undefined && { child: inner }),
    traceIds: worstTraces(cold.map(({ call, excessMs }) => ({ traceId: call.traceId, badness: excessMs }))),
    confidence: confidenceOf({
      samples: cold.length,
      effect: 1 - 1 / Math.max(1, middle(cold, "ratio")),
      ceiling: 0.9,
    }),
    suggestion: [
      `The ${which} that a process or session of ${nameInText(service)} serves takes ${msInText(value)} where ${msInText(Math.max(0, value - gainMs))} is usual (${cold.length} starts).`,
      inner === undefined ? "Load what it loads" : `Most of it is ${nameInText(inner)}: do that`,
      `when the process starts, before it takes requests, or keep the process; a first call would save about ${msInText(gainMs)}.`,
    ].join(" "),
  };
}

/** The operation inside that most of the cold calls wait for longest, where it is half of the time or more. */
function slowestInside(calls: readonly Call[]): string | undefined {
  const longest = calls.flatMap((call) => {
    const [child] = call.children.toSorted((a, b) => b.pathNs - a.pathNs);
    return child !== undefined && child.pathNs >= call.pathNs / 2 ? [child.operation] : [];
  });
  const [most] = [...Map.groupBy(longest, (name) => name)].sort(
    ([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1),
  );
  return most !== undefined && most[1].length > calls.length / 2 ? most[0] : undefined;
}
