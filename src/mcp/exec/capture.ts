import { randomUUID } from "node:crypto";
import type { Collector } from "../../capture/collect/collector.ts";
import { startHttpCollector } from "../../capture/collect/collector.ts";
import { ATTR, type Span } from "../../model/span.ts";
import type { Clock } from "../../model/time.ts";
import type { AppendResult } from "../../store/port.ts";
import { runCommand, type CommandEnd } from "./command.ts";
import { RUN_VARIABLE } from "./group.ts";
import { quietPeriod, type After } from "./quiet.ts";

/** What running commands needs; a server without it offers no such tool. */
export type ExecParts = {
  /** Folder that commands run in and may not leave by `cwd`. */
  readonly folder: string;
  /** Minimal environment of commands. */
  readonly env: Readonly<Record<string, string>>;
  /** Words of a command in one text. @throws WhetstoneError `usage` */
  readonly split: (command: string) => readonly string[];
  readonly after: After;
};

/** One run: a command with OpenTelemetry pointed at a receiver of its own. */
export type CaptureRequest = {
  /** Id of the run, by which its spans and processes are known. */
  readonly run: string;
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  readonly extraEnv: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly quietMs: number;
  readonly signal: AbortSignal;
  readonly append: (spans: readonly Span[]) => Promise<AppendResult>;
  readonly clock: Clock;
};

/** What a run left. */
export type CapturedRun = {
  readonly run: string;
  readonly end: CommandEnd;
  readonly durationMs: number;
  /** Spans by trace, as they were stored. */
  readonly traceIds: readonly string[];
  readonly totals: ReturnType<Collector["totals"]>;
};

const GRACE_MS = 2_000;
const OUTPUT_LENGTH = 8_192;

/** Runs a command and stores the spans that it sends, until it has ended and nothing more can come. */
export async function captureRun(request: CaptureRequest, parts: ExecParts): Promise<CapturedRun> {
  const { run } = request;
  const token = randomUUID();
  const quiet = quietPeriod(request.quietMs, parts.after);
  const traceIds = new Set<string>();
  await using collector = await startHttpCollector({
    host: "127.0.0.1",
    port: 0,
    token,
    onSpans: async (spans) => {
      quiet.touch();
      const result = await request.append(spans);
      for (const { traceId } of spans) traceIds.add(traceId);
      return result;
    },
    clock: request.clock,
  });
  const begun = request.clock.monotonicMs();
  const end = await runCommand({
    ...request,
    env: { ...parts.env, ...request.extraEnv, ...telemetryEnv(collector.url, { run, token }) },
    graceMs: GRACE_MS,
    outputLength: OUTPUT_LENGTH,
    settle: (isGroupAlive) => quiet.wait(() => !isGroupAlive()),
  });
  const durationMs = request.clock.monotonicMs() - begun;
  // What is under way is still taken in and made durable.
  await collector.stop();
  return { run, end, durationMs, traceIds: [...traceIds], totals: collector.totals() };
}

/** OpenTelemetry's variables: traces to the receiver, nothing else, in small batches. */
function telemetryEnv(url: string, { run, token }: { run: string; token: string }): Record<string, string> {
  return {
    [RUN_VARIABLE]: run,
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${token}`,
    OTEL_TRACES_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
    OTEL_TRACES_SAMPLER: "always_on",
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_RESOURCE_ATTRIBUTES: `${ATTR.run}=${run}`,
  };
}
