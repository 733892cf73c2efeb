import type { CallResult, Workload } from "../model/call.ts";
import type { DossierFiles, Progress, Stage } from "../model/stage.ts";
import type { Span } from "../model/span.ts";
import { callSamples } from "./samples.ts";

type Session = Workload["sessions"][number];

/** Takes spans in batches and gives the packed bytes at the end. */
export type SpanPacker = {
  readonly add: (spans: readonly Span[]) => Promise<void>;
  readonly finish: () => Promise<Uint8Array>;
};

/** What the capture stage needs. */
export type CaptureDeps = {
  readonly sessions: readonly Session[];
  /** Plays one session on the base behind the proxy; every span, the server's own included, reaches the store. */
  readonly play: (session: Session) => Promise<readonly CallResult[]>;
  /** The run's spans as they stand in the store. */
  readonly stored: () => AsyncIterable<readonly Span[]>;
  /** Packs the spans for the dossier, batch by batch, so that they never stand in memory as one text. */
  readonly pack: SpanPacker;
  readonly dossier: DossierFiles;
  readonly progress: Progress;
};

/** What was captured: read back from the store, so that what was lost on the way cannot be claimed. */
export type CaptureResult = {
  readonly traces: number;
  readonly spans: number;
  readonly loaded: readonly Span[];
  readonly results: readonly CallResult[];
};

/** Plays the recorded workload once on the unchanged server and reads back what the store holds of it. */
export async function captureStage(deps: CaptureDeps): Promise<Stage<CaptureResult>> {
  const results: CallResult[] = [];
  for (const [index, session] of deps.sessions.entries()) {
    deps.progress({ label: session.id, done: index, total: deps.sessions.length });
    results.push(...(await deps.play(session)));
  }
  const loaded: Span[] = [];
  for await (const batch of deps.stored()) {
    loaded.push(...batch);
    await deps.pack.add(batch);
  }
  deps.dossier.set("evidence/spans.ndjson.gz", await deps.pack.finish());
  const traces = new Set(loaded.map((span) => span.traceId)).size;
  const value = { traces, spans: loaded.length, loaded, results };
  // Spans that the server itself sent do not make up for a call whose span was lost.
  const measured = callSamples(loaded).length;
  if (measured < results.length) {
    const summary = `${results.length} calls were made but only ${measured} of them are stored`;
    return { verdict: "inconclusive", reasons: ["evidence_insufficient"], summary, value };
  }
  return { verdict: "pass", reasons: ["ok"], summary: `${results.length} calls, ${loaded.length} spans stored`, value };
}
