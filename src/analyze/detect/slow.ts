import type { Finding, Severity } from "../../model/finding.ts";
import { callsOf, mcpMethod, nsToMs, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { msInText, nameInText, shareInText } from "../names.ts";
import { compareText } from "../parents.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** When an operation counts as slow. */
export type SlowOptions = {
  /** Least share of the population's time; default 0.2. */
  readonly minShare?: number;
  /** Least ratio of its p95 to the p95 that is typical of its peers; default 3. */
  readonly minRatio?: number;
  /** Least number of its calls; default 10. */
  readonly minCalls?: number;
  /** Least number of peers to compare with; default 2. */
  readonly minPeers?: number;
};

/** Calls that have to be slow themselves. */
const LEAST_SLOW_CALLS = 3;

/** One request to a service with the time that its trace waited for it, nested requests to services left out. */
type Request = { readonly call: Call; ownNs: number; readonly innerNs: Map<string, number> };

type Operation = {
  readonly first: Call;
  readonly requests: readonly Request[];
  readonly ownMs: readonly number[];
  /** How many requests each stands for. */
  readonly weights: readonly number[];
  readonly totalNs: number;
  readonly p95Ms: number;
};

/**
 * Slow operations: requests to a service (roots of traces, SERVER and CONSUMER spans) whose p95 is a multiple of what is
 * typical of their peers (same `mcp.method.name`, or none), and which take a large share of all time. Time is what the
 * trace waited for on its critical path, without the time of requests to other services inside it. Being slower than
 * others is no defect by itself: confidence is low and severity at most `major`. `gainMs` is what the median call would
 * save at the median of its peers.
 */
export function detectSlowOperations(traces: readonly TraceTree[], options: SlowOptions = {}): Finding[] {
  const { minShare = 0.2, minRatio = 3, minCalls = 10, minPeers = 2 } = options;
  const operations = measureOperations(traces);
  const wholeNs = sum(operations.map(({ totalNs }) => totalNs));
  const findings: Finding[] = [];
  for (const operation of operations) {
    const peers = operations.filter((peer) => peer !== operation && methodOf(peer) === methodOf(operation));
    const share = shareOf(operation.totalNs, wholeNs);
    if (peers.length < Math.max(1, minPeers) || operation.requests.length < minCalls || share < minShare) continue;
    const typicalP95 = median(peers.map(({ p95Ms }) => p95Ms));
    // One or two stalls move the p95 of few calls; they are no habit.
    const slowCalls = operation.ownMs.filter((ms) => ms >= minRatio * typicalP95).length;
    if (slowCalls < LEAST_SLOW_CALLS) continue;
    if (operation.p95Ms >= minRatio * typicalP95) findings.push(toFinding({ operation, peers, typicalP95, share }));
  }
  return findings;
}

function methodOf({ first }: Operation): string | undefined {
  return first.nodes[0] && mcpMethod(first.nodes[0].span);
}

function measureOperations(traces: readonly TraceTree[]): Operation[] {
  const byKey = Map.groupBy(traces.flatMap(requestsOf), ({ call }) => call.key);
  return [...byKey.values()].flatMap((requests) => {
    const first = requests[0]?.call;
    const ownMs = requests.map(({ ownNs }) => nsToMs(ownNs));
    const weights = requests.map(({ call }) => call.weight);
    if (first === undefined) return [];
    return [
      {
        first,
        requests,
        ownMs,
        weights,
        totalNs: sum(requests.map(({ call, ownNs }) => call.weight * ownNs)),
        p95Ms: measuredQuantile(ownMs, 0.95, weights).value,
      },
    ];
  });
}

/** Shares the critical path of a trace out among the requests in it. */
function requestsOf(tree: TraceTree): Request[] {
  const requestOf = new Map<Call, Request>();
  const requests: Request[] = [];
  for (const call of callsOf(tree)) {
    const outer = call.parent && requestOf.get(call.parent);
    if (outer === undefined || isRequest(call)) {
      const request = { call, ownNs: call.ownPathNs, innerNs: new Map() };
      requestOf.set(call, request);
      requests.push(request);
      continue;
    }
    requestOf.set(call, outer);
    if (call.ownPathNs === 0) continue;
    outer.ownNs += call.ownPathNs;
    outer.innerNs.set(call.operation, (outer.innerNs.get(call.operation) ?? 0) + call.ownPathNs);
  }
  return requests;
}

function isRequest({ nodes }: Call): boolean {
  return nodes.some(({ span }) => span.kind === "server" || span.kind === "consumer");
}

type Compared = {
  readonly operation: Operation;
  readonly peers: readonly Operation[];
  readonly typicalP95: number;
  readonly share: number;
};

function toFinding({ operation, peers, typicalP95, share }: Compared): Finding {
  const { service, operation: name } = operation.first;
  const { value, interval } = measuredQuantile(operation.ownMs, 0.95, operation.weights);
  const excess = 1 - shareOf(typicalP95, value);
  const gainMs = Math.max(
    0,
    median(operation.ownMs, operation.weights) - median(peers.map(({ ownMs, weights }) => median(ownMs, weights))),
  );
  const inner = dominantInner(operation);
  return {
    id: findingId("slow_operation", service, name),
    kind: "slow_operation",
    severity: atMostMajor(severityOfTimeLost(share * excess)),
    service,
    operation: name,
    metric: "duration_ms",
    value,
    baseline: typicalP95,
    ...(interval && { interval }),
    samples: operation.requests.length,
    gainMs,
    ...(inner !== undefined && { child: inner.name }),
    traceIds: worstTraces(operation.requests.map(({ call, ownNs }) => ({ traceId: call.traceId, badness: ownNs }))),
    confidence: confidenceOf({ samples: operation.requests.length, effect: share, ceiling: 0.4 }),
    suggestion: [
      `${nameInText(name)} takes ${shareInText(share)} of all time; its p95 is ${msInText(value)} where ${peers.length} comparable operations have ${msInText(typicalP95)}.`,
      inner === undefined
        ? "No span inside it tells where the time goes: trace its parts first."
        : `Of its time, ${shareInText(inner.share)} is spent in ${nameInText(inner.name)}: look there first.`,
    ].join(" "),
  };
}

function atMostMajor(severity: Severity): Severity {
  return severity === "critical" ? "major" : severity;
}

/** The operation inside the requests that the traces waited for longest. */
function dominantInner({ requests, totalNs }: Operation): { name: string; share: number } | undefined {
  const totals = new Map<string, number>();
  for (const { call, innerNs } of requests) {
    for (const [name, ns] of innerNs) totals.set(name, (totals.get(name) ?? 0) + call.weight * ns);
  }
  const [worst] = [...totals].sort(([a, x], [b, y]) => y - x || compareText(a, b));
  return worst && { name: worst[0], share: shareOf(worst[1], totalNs) };
}
