import { startHttpCollector } from "../capture/collect/collector.ts";
import { metricsAndLogs } from "../capture/collect/signals.ts";
import { childContext, formatTraceparent, type RandomBytes } from "../capture/trace-context.ts";
import type { SessionRecord } from "../model/proposal.ts";
import type { SessionTelemetry } from "../model/session.ts";
import { ATTR, type Span } from "../model/span.ts";
import type { Clock } from "../model/time.ts";
import type { TelemetryPlace } from "../session/telemetry.ts";
import type { Store } from "../store/store.ts";

/** Receives what a session tells of itself, for as long as it runs. */
export type SessionReceiver = AsyncDisposable & {
  /** Where the session sends to, and the span that it is below. */
  readonly place: TelemetryPlace;
  /** Takes no more, stores the span of the session itself, and says what was stored under its trace. */
  readonly settle: (record: SessionRecord | undefined) => Promise<SessionTelemetry>;
};

/** What it is opened with. */
export type SessionReceiverOptions = {
  readonly store: Pick<Store, "append" | "metrics" | "logs">;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Id of the run that the session belongs to. */
  readonly run: string;
  readonly target: string;
};

/** Longest wait for requests under way when the session has ended. */
const PATIENCE_MS = 2_000;
/** `service.name` of what Whetstone says of its own sessions. */
const SERVICE = "whetstone";

/**
 * Opens an OTLP/HTTP receiver on 127.0.0.1 for one session, with a token of its own, and begins the session's trace.
 * @throws WhetstoneError `usage` when no port can be had
 */
export async function openSessionReceiver(options: SessionReceiverOptions): Promise<SessionReceiver> {
  const { store, clock, random } = options;
  const token = Buffer.from(random(24)).toString("hex");
  const span = childContext(undefined, random);
  const begun = { startNs: clock.now(), ms: clock.monotonicMs() };
  const kept = { spans: 0, metrics: 0, logs: 0 };
  const counted =
    <Item>(
      name: keyof typeof kept,
      append: (items: readonly Item[]) => Promise<{ stored: number; duplicates: number }>,
    ) =>
    async (items: readonly Item[]) => {
      const result = await append(items);
      kept[name] += result.stored;
      return result;
    };
  const takers = { onMetrics: counted("metrics", store.metrics.append), onLogs: counted("logs", store.logs.append) };
  const collector = await startHttpCollector(
    {
      host: "127.0.0.1",
      port: 0,
      token,
      clock,
      limits: { patienceMs: PATIENCE_MS },
      onSpans: counted("spans", store.append),
    },
    { signals: (settings) => metricsAndLogs(takers, settings) },
  );
  return {
    place: { url: collector.url, token, traceparent: formatTraceparent(span) },
    settle: async (record) => {
      const cut = await collector.stop();
      const { spanId, traceId } = span;
      const durationNs = Math.round((clock.monotonicMs() - begun.ms) * 1e6);
      await store.append([sessionSpan({ ...options, record, spanId, traceId, startNs: begun.startNs, durationNs })]);
      const { rejected, dropped } = collector.totals();
      return { traceId, ...kept, spans: kept.spans + 1, lost: rejected + dropped + cut };
    },
    [Symbol.asyncDispose]: async () => void (await collector.stop()),
  };
}

type Told = Pick<Span, "traceId" | "spanId" | "startNs" | "durationNs"> &
  Pick<SessionReceiverOptions, "run" | "target"> & { readonly record: SessionRecord | undefined };

/** The root of a session's trace. */
function sessionSpan({ record, run, target, ...times }: Told): Span {
  const failed = record === undefined;
  return {
    ...times,
    kind: "internal",
    name: "whetstone.session",
    service: SERVICE,
    status: failed ? "error" : "ok",
    attributes: {
      [ATTR.run]: run,
      "whetstone.target": target,
      ...(record && {
        "whetstone.session.id": record.id,
        "whetstone.session.mode": record.mode,
        "whetstone.session.partial": record.partial,
        "gen_ai.request.model": record.model,
        "gen_ai.usage.input_tokens": record.usage.inputTokens,
        "gen_ai.usage.output_tokens": record.usage.outputTokens,
      }),
    },
    events: [],
    links: [],
    resource: { [ATTR.serviceName]: SERVICE },
    scope: { name: "whetstone.session" },
  };
}
