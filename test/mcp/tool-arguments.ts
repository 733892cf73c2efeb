import {
  BROKEN_TRACE,
  HOSTILE_SESSION,
  HOSTILE_SPEC,
  HOSTILE_TRACE,
  HUGE_TRACE,
  INJECTION,
  TRANSACTION,
} from "./hostile-store.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** Stands for a name that no specification has. */
const NEW_NAME = "<new>";

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
  generate_improvement_suggestions: [{}, ...traces],
  analyze_performance_trends: [{}, { detail: "full", time_period: "last_1_day" }],
  get_dependencies: [{}, { level: "operation" }],
  performance_report: [{}, { service_name: "notes", top: 50 }],
  forecast_capacity: [
    { service_name: "notes", limit: 100 },
    { service_name: "notes", operation: "SELECT note", metric: "p95_ms", limit: 10, history: "last_1_day" },
  ],
  list_metrics: [{}, { detail: "full" }],
  query_metrics: [
    { metric: "load", group_by: ["key"] },
    { metric: "calls", shape: "series", aggregation: "rate", group_by: ["key"] },
  ],
  get_slo_status: [{}, { detail: "full" }],
  define_trace_spec: [
    { name: NEW_NAME, specification: { expected_spans: [{ operation_name: "a", service_name: "b" }] } },
    { name: NEW_NAME, specification: "expected_spans:\n  - operation_name: a\n" },
  ],
  get_trace_spec: [{ name: HOSTILE_SPEC }],
  list_trace_specs: [{}],
  update_trace_spec: [{ name: HOSTILE_SPEC, updates: { description: "the same" } }],
  generate_spec_from_traces: [
    { trace_ids: [BROKEN_TRACE, HOSTILE_TRACE] },
    { trace_ids: [HOSTILE_TRACE], name: NEW_NAME, save: true },
    { trace_ids: [HUGE_TRACE], open: true, quantile: "0.95" },
  ],
  compare_trace_to_spec: traces.map((trace) => ({ ...trace, spec_name: HOSTILE_SPEC })),
  validate_against_spec: traces.map((trace) => ({ ...trace, spec_name: HOSTILE_SPEC })),
  validate_trace_collection: [
    { spec_name: HOSTILE_SPEC },
    { spec_name: HOSTILE_SPEC, trace_ids: [HOSTILE_TRACE, BROKEN_TRACE] },
  ],
  create_development_session: [{ project_name: INJECTION }, { project_name: "p", spec_name: HOSTILE_SPEC }],
  get_session_metrics: [{ session_id: HOSTILE_SESSION }],
  suggest_next_steps: [{ session_id: HOSTILE_SESSION }],
  execute_and_capture: [
    { command: ["node", "-e", `process.stdout.write(${JSON.stringify(INJECTION)}.repeat(2000))`] },
    { command: "exit 3", shell: true, expected_spec: HOSTILE_SPEC, session_id: HOSTILE_SESSION },
  ],
};

let count = 0;

/** Arguments with a name that nothing has yet, where {@link NEW_NAME} asks for one. */
export function withNewName(args: Arguments): Arguments {
  count += 1;
  return args["name"] === NEW_NAME ? { ...args, name: `spec-${count}` } : args;
}
