import type { OperationSummary } from "../model/finding.ts";
import { totalWeight, weightedQuantile } from "../stats/weighted.ts";
import { callMs, callsByOperation, isEntry, type Call } from "./calls.ts";
import { compareText } from "./parents.ts";
import type { TraceTree } from "./tree.ts";

/**
 * Calls, errors and latency (ms, R-7 quantiles) of the operations by which a population is entered: the roots of its
 * traces and MCP requests as their server saw them. A request that a proxy and the server behind it recorded under the
 * same service and name is one call; a sampled one counts as many times as it stands for. Busiest first, ties by service and operation.
 */
export function summarise(traces: readonly TraceTree[]): OperationSummary[] {
  return [...callsByOperation(traces).values()]
    .map((calls) => calls.filter((call) => isEntry(call) && !isNestedEntry(call)))
    .flatMap((calls) => (calls[0] === undefined ? [] : [summariseCalls(calls[0], calls)]))
    .sort((a, b) => b.calls - a.calls || compareText(a.service, b.service) || compareText(a.operation, b.operation));
}

function summariseCalls({ service, operation }: Call, calls: readonly Call[]): OperationSummary {
  const lengths = calls.map((call) => ({ value: callMs(call), weight: call.weight }));
  const errors = totalWeight(calls.filter(({ failed }) => failed));
  const whole = totalWeight(calls);
  return {
    service,
    operation,
    calls: Math.round(whole),
    errors: Math.round(errors),
    errorRate: errors / whole,
    p50Ms: weightedQuantile(lengths, 0.5),
    p95Ms: weightedQuantile(lengths, 0.95),
    p99Ms: weightedQuantile(lengths, 0.99),
  };
}

/** Whether a call around this one is the same request, seen further out. */
function isNestedEntry(call: Call): boolean {
  for (let outer = call.parent; outer !== undefined; outer = outer.parent) {
    if (outer.key === call.key && isEntry(outer)) return true;
  }
  return false;
}
