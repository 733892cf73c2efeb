/** The environment as it is given; never read here. */
export type Environment = Record<string, string | undefined>;

/** How spans are handed to an exporter (OpenTelemetry's `OTEL_BSP_*`). */
export type QueueSettings = {
  readonly maxQueueSize: number | undefined;
  readonly maxExportBatchSize: number | undefined;
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number | undefined;
};

/** Protocols of OTLP. */
const OTLP_PROTOCOLS = ["grpc", "http/protobuf", "http/json"] as const;
export type OtlpProtocol = (typeof OTLP_PROTOCOLS)[number];

/** What the instrumentation takes from the environment, and what in it could not be used. */
export type Settings = {
  /** `WHETSTONE_SDK` is not `false`, by which a host with an SDK of its own keeps that one. */
  readonly startSdk: boolean;
  /** `OTEL_SDK_DISABLED`. */
  readonly disabled: boolean;
  /** `OTEL_TRACES_EXPORTER` holds `otlp` or nothing. */
  readonly exportTraces: boolean;
  /** `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, else `OTEL_EXPORTER_OTLP_PROTOCOL`. */
  readonly protocol: OtlpProtocol;
  readonly queue: QueueSettings;
  /** `OTEL_TRACES_SAMPLER` when it is one by ratio; others are the SDK's own. */
  readonly head: { readonly probability: number; readonly parentBased: boolean } | undefined;
  /** `WHETSTONE_TAIL_PROBABILITY` and `WHETSTONE_TAIL_SLOW_MS`. */
  readonly tail: { readonly probability: number; readonly slowMs: number | undefined } | undefined;
  /** `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`. */
  readonly captureContent: boolean;
  /** One sentence each. */
  readonly complaints: readonly string[];
};

/**
 * Delay before a batch is sent, ms, when `OTEL_BSP_SCHEDULE_DELAY` does not say: shorter than the SDK's 5 s, because a
 * stdio server is often ended without notice and loses what waits.
 */
const DELAY_MS = 1_000;

/** Reads the settings. Never throws: what cannot be used falls back to its default and is named in `complaints`. */
export function readSettings(env: Environment): Settings {
  const complaints: string[] = [];
  const number = numberReader(env, complaints);
  const tailProbability = number("WHETSTONE_TAIL_PROBABILITY", 1);
  return {
    startSdk: env["WHETSTONE_SDK"]?.trim().toLowerCase() !== "false",
    disabled: isTrue(env["OTEL_SDK_DISABLED"]),
    exportTraces: exportsTraces(env, complaints),
    protocol: protocolOf(env, complaints),
    queue: {
      maxQueueSize: number("OTEL_BSP_MAX_QUEUE_SIZE"),
      maxExportBatchSize: number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
      scheduledDelayMillis: number("OTEL_BSP_SCHEDULE_DELAY") ?? DELAY_MS,
      exportTimeoutMillis: number("OTEL_BSP_EXPORT_TIMEOUT"),
    },
    head: headOf(env, number),
    tail:
      tailProbability === undefined
        ? undefined
        : { probability: tailProbability, slowMs: number("WHETSTONE_TAIL_SLOW_MS") },
    captureContent: isTrue(env["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"]),
    complaints,
  };
}

/**
 * The value of an exporter variable without `console`, which would write into the stdout that carries MCP; `none` when
 * nothing is left. Undefined when the value may stay.
 */
export function withoutConsole(value: string | undefined): string | undefined {
  const names = listOf(value);
  if (!names.includes("console")) return undefined;
  const left = names.filter((name) => name !== "console");
  return left.length === 0 ? "none" : left.join(",");
}

type NumberReader = (name: string, most?: number) => number | undefined;

function numberReader(env: Environment, complaints: string[]): NumberReader {
  return (name, most = Number.MAX_SAFE_INTEGER) => {
    const text = env[name]?.trim();
    if (text === undefined || text === "") return undefined;
    const value = Number(text);
    if (Number.isFinite(value) && value >= 0 && value <= most) return value;
    complaints.push(`${name} is "${text}", which is no number from 0 to ${most}; the default is used.`);
    return undefined;
  };
}

function headOf(env: Environment, number: NumberReader): Settings["head"] {
  const sampler = env["OTEL_TRACES_SAMPLER"]?.trim();
  if (sampler !== "traceidratio" && sampler !== "parentbased_traceidratio") return undefined;
  return { probability: number("OTEL_TRACES_SAMPLER_ARG", 1) ?? 1, parentBased: sampler !== "traceidratio" };
}

function exportsTraces(env: Environment, complaints: string[]): boolean {
  const names = listOf(env["OTEL_TRACES_EXPORTER"]);
  if (names.includes("none")) return false;
  for (const name of names.filter((each) => each !== "otlp")) {
    const why = name === "console" ? "stdout carries MCP" : "only otlp and none are known";
    complaints.push(`OTEL_TRACES_EXPORTER names "${name}", which is left out: ${why}.`);
  }
  return names.length === 0 || names.includes("otlp");
}

function protocolOf(env: Environment, complaints: string[]): OtlpProtocol {
  const stated = (env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] ?? env["OTEL_EXPORTER_OTLP_PROTOCOL"])?.trim();
  const known = OTLP_PROTOCOLS.find((protocol) => protocol === stated);
  if (known !== undefined || stated === undefined || stated === "") return known ?? "http/protobuf";
  complaints.push(`"${stated}" is no protocol of OTLP (${OTLP_PROTOCOLS.join(", ")}); http/protobuf is used.`);
  return "http/protobuf";
}

function listOf(value: string | undefined): string[] {
  return (value ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function isTrue(value: string | undefined): boolean {
  return value?.trim().toLowerCase() === "true";
}
