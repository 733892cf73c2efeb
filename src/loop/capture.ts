import { startReceiver } from "../capture/receiver.ts";
import { captureStage, type CaptureResult } from "../capture/stage.ts";
import { ATTR } from "../model/span.ts";
import type { Stage } from "../model/stage.ts";
import type { LoopRun } from "./run.ts";
import { spanPacker } from "./span-pack.ts";

/** Plays the workload on the base, with the server's own OpenTelemetry spans received beside the proxy's. */
export async function capture(run: LoopRun, worktree: string): Promise<Stage<CaptureResult>> {
  const { store, workload, files, progress, id } = run;
  await using receiver = await startReceiver({ onSpans: async (spans) => void (await store.append(spans)) });
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_TRACES_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
    OTEL_SERVICE_NAME: run.workspace.targetName,
    OTEL_RESOURCE_ATTRIBUTES: `${ATTR.run}=${id}`,
  };
  return await captureStage({
    sessions: workload.sessions,
    play: (session) => run.play({ session, arm: "baseline", cwd: worktree, concurrency: 1, env }),
    stored: () => store.spans({ attributes: { [ATTR.run]: id } }),
    pack: spanPacker(),
    dossier: files,
    progress,
  });
}
