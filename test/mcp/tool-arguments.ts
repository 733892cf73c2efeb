import { BROKEN_TRACE, HOSTILE_TRACE, HUGE_TRACE, TRANSACTION } from "./hostile-store.ts";

type Arguments = Readonly<Record<string, unknown>>;

const traces: readonly Arguments[] = [HUGE_TRACE, HOSTILE_TRACE, BROKEN_TRACE].map((trace_id) => ({ trace_id }));

/** Arguments that every tool is tried with by the contract test; each must be answered on the hostile store. */
export const ARGUMENTS: Readonly<Record<string, readonly Arguments[]>> = {
  list_services: [{}, { detail: "full", time_range: "last_7_days" }],
  get_traces: [{}, { service_name: "notes", time_range: { start: "-7d" } }],
  search_traces: [{ status: "error" }, { min_duration: "1ms", attributes: { "correlation.id": TRANSACTION } }],
  get_trace_by_id: [
    ...traces,
    { trace_id: HUGE_TRACE, detail: "full" },
    { trace_id: HOSTILE_TRACE, detail: "full" },
    { trace_id: HOSTILE_TRACE, span_ids: ["0000000000000003"] },
    { trace_id: HUGE_TRACE, under: "0000000000000002" },
  ],
  correlate_distributed_traces: [
    { transaction_id: TRANSACTION },
    { transaction_id: HUGE_TRACE },
    { transaction_id: "none", attribute: "x".repeat(200) },
  ],
  analyze_trace: traces,
  analyze_trace_structure: traces,
  detect_performance_issues: [{}, ...traces, { detail: "full", time_range: "last_7_days" }],
  find_root_cause: [
    { incident: "last_1_hour" },
    { incident: { start: "-100m", end: "-80m" }, baseline: { start: "-140m", end: "-100m" } },
  ],
  detect_regressions: [
    {},
    { candidate: { start: "-100m", end: "-85m" }, baseline: { start: "-140m", end: "-100m" }, detail: "full" },
  ],
  list_metrics: [{}, { detail: "full" }],
  query_metrics: [
    { metric: "load", group_by: ["key"] },
    { metric: "calls", shape: "series", aggregation: "rate", group_by: ["key"] },
  ],
  get_slo_status: [{}, { detail: "full" }],
};
