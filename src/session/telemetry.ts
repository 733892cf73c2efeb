/** Where a session sends its own telemetry, and the trace that it belongs to. */
export type TelemetryPlace = {
  /** Base URL of an OTLP/HTTP receiver on this machine. */
  readonly url: string;
  /** What the receiver asks for; of this session alone. */
  readonly token: string;
  /** W3C `traceparent` of the span that the session is part of. */
  readonly traceparent: string;
};

/**
 * Variables that let Claude Code send its spans, metrics and events, without prompts, inputs and outputs: these stay off,
 * since an answer of a tool may hold anything. What it starts itself gets `TRACEPARENT` but none of the others.
 */
export function telemetryEnvironment({ url, token, traceparent }: TelemetryPlace): Readonly<Record<string, string>> {
  return {
    CLAUDE_CODE_ENABLE_TELEMETRY: "1",
    CLAUDE_CODE_ENHANCED_TELEMETRY_BETA: "1",
    OTEL_TRACES_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_LOGS_EXPORTER: "otlp",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer ${token}`,
    TRACEPARENT: traceparent,
  };
}
