import type { Finding } from "../../model/finding.ts";
import { totalWeight } from "../../stats/weighted.ts";
import { callNs, callsByOperation, nsToMs, weightedNs, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { unionLength } from "../intervals.ts";
import { msInText, nameInText } from "../names.ts";
import { compareText } from "../parents.ts";
import { peerOf } from "../peer.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** When many small calls between two services are reported. */
export type ChattyOptions = {
  /** Least median of calls from one request to one other service; default 10. */
  readonly minCalls?: number;
  /** Most of the request's time that one of the calls takes at the median; default 0.1. */
  readonly maxEach?: number;
  /** Least share of the request's time that all of them take; default 0.2. */
  readonly minShare?: number;
};

/** Share of the calls that one operation may have: beyond it, that operation is the matter (N+1). */
const MOST_OF_ONE = 0.7;

/** What one request of a service asks of one other service. */
type Talk = {
  readonly request: Call;
  readonly calls: readonly Call[];
  readonly busyNs: number;
  readonly gainNs: number;
};

/**
 * Chatty calls: one request of a service calls another service many times, of at least two operations, each call small.
 * (Repeats of one operation are N+1.) The other service is the callee's, or what a client span names as its peer.
 * `gainMs` assumes that one call per operation, as long as the longest of that operation, would do, and counts only
 * time for which the trace waited.
 */
export function detectChattyCalls(traces: readonly TraceTree[], options: ChattyOptions = {}): Finding[] {
  const { minCalls = 10, maxEach = 0.1, minShare = 0.2 } = options;
  const findings: Finding[] = [];
  for (const requests of callsByOperation(traces).values()) {
    const talks = [...Map.groupBy(requests.filter(isRequest).flatMap(talksOf), ({ peer }) => peer)]
      .map(([peer, list]) => ({ peer, talks: list.map(({ talk }) => talk) }))
      .filter(
        ({ talks: list }) =>
          median(
            list.map(({ calls }) => calls.length),
            weightsOf(list),
          ) >= minCalls,
      )
      .filter(({ talks: list }) => isSmallTalk(list, maxEach))
      .filter(({ talks: list }) => shareOf(sum(list.map(busy)), wholeOf(list)) >= minShare)
      .sort((a, b) => gainOf(b.talks) - gainOf(a.talks) || compareText(a.peer, b.peer));
    if (talks[0] !== undefined) findings.push(toFinding(talks[0].peer, talks[0].talks));
  }
  return findings;
}

const busy = ({ request, busyNs }: Talk): number => request.weight * busyNs;
const gainOf = (talks: readonly Talk[]): number => sum(talks.map(({ request, gainNs }) => request.weight * gainNs));
const wholeOf = (talks: readonly Talk[]): number => sum(talks.map(({ request }) => weightedNs(request)));
const weightsOf = (talks: readonly Talk[]): number[] => talks.map(({ request }) => request.weight);

/** Whether a call is where its service takes over: its caller, if any, is of another service. */
function isRequest({ parent, service, children }: Call): boolean {
  return children.length > 0 && parent?.service !== service;
}

function isSmallTalk(talks: readonly Talk[], maxEach: number): boolean {
  const several = talks.filter(({ calls }) => mostOfOne(calls) <= MOST_OF_ONE * calls.length);
  const each = talks.map(({ request, calls }) => shareOf(median(calls.map(callNs)), callNs(request)));
  const [most, all] = [several, talks].map((list) => sum(weightsOf(list)));
  return (most ?? 0) > (all ?? 0) / 2 && median(each, weightsOf(talks)) <= maxEach;
}

function mostOfOne(calls: readonly Call[]): number {
  return Map.groupBy(calls, ({ key }) => key)
    .values()
    .reduce((most, same) => Math.max(most, same.length), 0);
}

function talksOf(request: Call): { readonly peer: string; readonly talk: Talk }[] {
  const outgoing: { readonly peer: string; readonly call: Call }[] = [];
  const open = [...request.children];
  for (let call = open.pop(); call !== undefined; call = open.pop()) {
    const peer = peerOf(call, request.service);
    if (peer === undefined) open.push(...call.children);
    else outgoing.push({ peer, call });
  }
  return [...Map.groupBy(outgoing, ({ peer }) => peer)].map(([peer, list]) => {
    const calls = list.map(({ call }) => call);
    return { peer, talk: measure(request, calls) };
  });
}

function measure(request: Call, calls: readonly Call[]): Talk {
  const longest = [...Map.groupBy(calls, ({ key }) => key).values()].map((same) =>
    same.reduce((most, call) => Math.max(most, callNs(call)), 0),
  );
  const waited = sum(calls.map(({ pathNs }) => pathNs));
  return { request, calls, busyNs: unionLength(calls), gainNs: Math.max(0, waited - sum(longest)) };
}

function toFinding(peer: string, talks: readonly Talk[]): Finding {
  const { service, operation } = (talks[0] as Talk).request;
  const counts = talks.map(({ calls }) => calls.length);
  const weights = weightsOf(talks);
  const { value, interval } = measuredQuantile(counts, 0.5, weights);
  const kindCounts = talks.map(({ calls }) => new Set(calls.map(({ key }) => key)).size);
  const kinds = median(kindCounts, weights);
  const gains = talks.map(({ gainNs }) => gainNs);
  const gainMs = nsToMs(median(gains, weights));
  const share = shareOf(gainOf(talks), wholeOf(talks));
  const busiest = [
    ...Map.groupBy(
      talks.flatMap(({ calls }) => calls),
      ({ operation: name }) => name,
    ),
  ];
  busiest.sort(([a, x], [b, y]) => totalWeight(y) - totalWeight(x) || compareText(a, b));
  return {
    id: findingId("chatty_calls", service, operation),
    kind: "chatty_calls",
    severity: severityOfTimeLost(share),
    service,
    operation,
    metric: "calls_to_service",
    value,
    baseline: kinds,
    ...(interval && { interval }),
    samples: talks.length,
    gainMs,
    child: busiest[0]?.[0] ?? peer,
    traceIds: worstTraces(talks.map(({ request, calls }) => ({ traceId: request.traceId, badness: calls.length }))),
    confidence: confidenceOf({ samples: talks.length, effect: 1 - kinds / value, ceiling: 0.8 }),
    suggestion: [
      `${nameInText(operation)} calls ${nameInText(peer)} ${value} times per request (median of ${talks.length}), ${kinds} operations, each call short:`,
      `${busiest
        .slice(0, 3)
        .map(([name]) => nameInText(name))
        .join(", ")}.`,
      "Offer one operation there that answers all of it, or batch the calls;",
      `with one call per operation a request would save about ${msInText(gainMs)}.`,
    ].join(" "),
  };
}
