import { diag, metrics } from "@opentelemetry/api";
import { NodeSDK } from "@opentelemetry/sdk-node";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";
import { headSampler } from "./head-sampler.ts";
import { buildPipeline, type ExportCounts, type Pipeline } from "./pipeline.ts";
import { withoutConsole, type Environment, type Settings } from "./settings.ts";
import { logLevelOf, quietLog } from "./stderr-log.ts";

/** Who the telemetry is about, for what the environment leaves open. */
export type ServiceIdentity = { readonly name: string; readonly version?: string | undefined };

/** A running OpenTelemetry SDK. */
export type TelemetrySdk = {
  readonly counts: () => ExportCounts;
  /** Exports what waits. Rejects when an export failed. */
  readonly flush: () => Promise<void>;
  /** Exports what waits and ends, in at most `patienceMs`, and reports. Never rejects. */
  readonly shutdown: (patienceMs: number) => Promise<void>;
  /** Writes what was lost and which messages came again; only the first call does. */
  readonly report: () => void;
};

/** What the set-up needs. */
export type SetUpOptions = {
  /** The process's own environment: the SDK reads it too, and for a moment sees it corrected. */
  readonly env: Environment;
  readonly settings: Settings;
  readonly service: ServiceIdentity;
  /** Writes one line, never to stdout. */
  readonly write: (line: string) => void;
};

/**
 * Starts OpenTelemetry's SDK as the standard variables say, with spans going through {@link buildPipeline}. Nothing is
 * written to stdout: console exporters are left out, and the SDK's own log goes to `write`. Undefined when
 * `OTEL_SDK_DISABLED` says so.
 */
export function setUpTelemetry({ env, settings, service, write }: SetUpOptions): TelemetrySdk | undefined {
  if (settings.disabled) return undefined;
  const log = quietLog(write);
  const level = { logLevel: logLevelOf(env["OTEL_LOG_LEVEL"]), suppressOverrideMessage: true };
  diag.setLogger(log.logger, level);
  for (const complaint of settings.complaints) diag.warn(complaint);
  const late = lateProcessor();
  const sampler = settings.head === undefined ? {} : { sampler: headSampler(settings.head.probability, settings.head) };
  const sdk = withCorrections(env, service, () => {
    const made = new NodeSDK({ ...sampler, spanProcessors: [late.processor] });
    made.start();
    return made;
  });
  const pipeline = buildPipeline(settings, metrics.getMeterProvider());
  late.connect(pipeline);
  let reported = false;
  const report = (): void => {
    if (reported) return;
    reported = true;
    for (const line of [...log.repeated(), ...lossesOf(pipeline.counts())]) write(line);
  };
  return {
    counts: pipeline.counts,
    report,
    flush: () => late.processor.forceFlush(),
    shutdown: async (patienceMs) => {
      // First the spans, so that the last metrics say what became of them.
      const ends = [() => late.processor.forceFlush(), () => sdk.shutdown()];
      await inTime(patienceMs, async () => {
        for (const end of ends) await end().catch((error: unknown) => diag.warn("The last export failed:", error));
      });
      report();
    },
  };
}

async function inTime(patienceMs: number, work: () => Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patienceMs);
  await Promise.race([work(), late]);
  clearTimeout(timer);
}

function lossesOf({ dropped, failed, waiting }: ExportCounts): string[] {
  if (dropped + failed + waiting === 0) return [];
  return [`whetstone: spans lost: ${dropped} at a full queue, ${failed} in failed exports, ${waiting} not exported.`];
}

/** Console exporters and the SDK's console log would write to stdout. */
const CONSOLE_EXPORTERS = ["OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"];

/** The standard set without `process`: command lines hold secrets. */
const DETECTORS = "env,host,os,serviceinstance";

/** Runs work while the environment is corrected, and then puts it back as it was. */
function withCorrections<T>(env: Environment, service: ServiceIdentity, work: () => T): T {
  const corrections: Environment = {
    OTEL_LOG_LEVEL: undefined,
    OTEL_NODE_RESOURCE_DETECTORS: env["OTEL_NODE_RESOURCE_DETECTORS"] ?? DETECTORS,
    OTEL_RESOURCE_ATTRIBUTES: resourceAttributes(env, service),
  };
  for (const name of CONSOLE_EXPORTERS) {
    const left = withoutConsole(env[name]);
    if (left === undefined) continue;
    corrections[name] = left;
    diag.warn(`${name} names "console", which is left out: stdout carries MCP.`);
  }
  const before = Object.keys(corrections).map((name) => [name, env[name]] as const);
  try {
    for (const [name, value] of Object.entries(corrections)) assign(env, name, value);
    return work();
  } finally {
    for (const [name, value] of before) assign(env, name, value);
  }
}

function assign(env: Environment, name: string, value: string | undefined): void {
  if (value === undefined) delete env[name];
  else env[name] = value;
}

/** The stated resource attributes, and the service's own for those that are missing. */
function resourceAttributes(env: Environment, { name, version }: ServiceIdentity): string {
  const stated = env["OTEL_RESOURCE_ATTRIBUTES"] ?? "";
  const has = (key: string): boolean => new RegExp(`(^|,)\\s*${key.replace(".", "\\.")}\\s*=`).test(stated);
  const own: string[] = [];
  if (!has("service.name")) own.push(`service.name=${encodeURIComponent(name)}`);
  if (version !== undefined && !has("service.version")) own.push(`service.version=${encodeURIComponent(version)}`);
  return [...own, ...(stated === "" ? [] : [stated])].join(",");
}

/** A processor whose pipeline is known only once the SDK has its meter provider; no span ends before that. */
function lateProcessor(): { readonly processor: SpanProcessor; readonly connect: (pipeline: Pipeline) => void } {
  let processors: readonly SpanProcessor[] = [];
  const all = async (end: (processor: SpanProcessor) => Promise<void>): Promise<void> => {
    await Promise.all(processors.map(end));
  };
  return {
    connect: (pipeline) => {
      ({ processors } = pipeline);
    },
    processor: {
      onStart: (span, parentContext) => {
        for (const each of processors) each.onStart(span, parentContext);
      },
      onEnd: (span) => {
        for (const each of processors) each.onEnd(span);
      },
      forceFlush: () => all((each) => each.forceFlush()),
      shutdown: () => all((each) => each.shutdown()),
    },
  };
}
