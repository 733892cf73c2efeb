import { existsSync } from "node:fs";
import { buildEvidence } from "../../analyze/evidence.ts";
import { compareSets } from "../../analyze/regressions/compare.ts";
import { groupTraces } from "../../analyze/tree.ts";
import type { Env } from "../../config/env.ts";
import { readConfig } from "../../config/read.ts";
import type { Config } from "../../config/schema.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Evidence, Window } from "../../model/finding.ts";
import type { Actor } from "../../model/ledger.ts";
import type { RegressionReport } from "../../model/regression.ts";
import type { Span } from "../../model/span.ts";
import { formatInstant } from "../../model/time.ts";
import { isPostgresUrl } from "../../store/open.ts";
import type { SpanStore } from "../../store/port.ts";
import type { Store } from "../../store/store.ts";
import { openSpanStore, openWorkspace, spanStoreUrl, type Places, type Workspace } from "../../wire.ts";
import { judgeDue, type HeldCheck } from "../held.ts";
import { windowSpans, type SpanWindow } from "../window-spans.ts";
import { alertsOf, type Alert, type AlertRules } from "./alerts.ts";
import { keepAlertIssue, type Kept } from "./issue.ts";

/** One look at the targets. */
export type MonitorRequest = AlertRules & {
  readonly places: Places & { readonly config: string };
  readonly env: Env;
  readonly actor: Actor;
  /** The only one to look at; all when absent. */
  readonly target?: string | undefined;
  readonly window: SpanWindow;
  /** What the window is compared with; undefined to compare with nothing. */
  readonly baseline: SpanWindow | undefined;
  /** Page of the workflow run. */
  readonly url: string;
  /** Writes no issue. */
  readonly dryRun: boolean;
};

/** What a look at one target found, and who was told. */
export type TargetLook = {
  readonly target: string;
  readonly evidence: Evidence;
  readonly regressions?: RegressionReport;
  readonly held: readonly HeldCheck[];
  readonly alerts: readonly Alert[];
  /** Of the target's issue; absent where none is kept. */
  readonly issue?: Kept;
  readonly notes: readonly string[];
};

/**
 * Greatest probability that a comparison with a baseline alerts falsely. A schedule compares again and again, each time
 * for itself: at four looks a day this is one false alert in eight months.
 */
const ALPHA = 0.001;

/**
 * Looks at the telemetry of every target and tells people: findings over the window, regressions against the baseline,
 * promoted changes whose effect has gone. Reads the store, the state and the checkout; writes issues and nothing else.
 * @throws WhetstoneError `not_found` for a store that is not there, `target_unknown`, `usage` for too many spans, and
 * what opening and reading the store or GitHub rejects with
 */
export async function monitor(request: MonitorRequest): Promise<readonly TargetLook[]> {
  const { places, env, actor, target } = request;
  const config = await readConfig(places.config);
  const names = target === undefined ? Object.keys(config.targets) : [target];
  if (names.length === 0) {
    throw new WhetstoneError("target_unknown", `${places.config} has no target to look at.`, {
      remedy: "Add one under `targets:`; `whetstone init` writes an example.",
    });
  }
  const looks: TargetLook[] = [];
  for (const name of names) {
    const workspace = await openWorkspace({ ...places, actor }, env, name);
    await using store = await openTelemetry(places, env, workspace.config);
    looks.push(await lookAt(workspace, store, request));
  }
  return looks;
}

/** An empty store made on the spot would look like a server that nobody calls. @throws WhetstoneError `not_found` */
async function openTelemetry(places: Places, env: Env, config: Config): Promise<Store> {
  const url = spanStoreUrl(places, env, config);
  if (isPostgresUrl(url) || existsSync(url)) return await openSpanStore(places, env, config);
  throw new WhetstoneError("not_found", `There is no store at ${url}, so there is no telemetry to look at.`, {
    remedy: "Set DATABASE_URL to the PostgreSQL store that telemetry is collected in, as a secret of the repository.",
  });
}

async function lookAt(workspace: Workspace, store: SpanStore, request: MonitorRequest): Promise<TargetLook> {
  const { targetName: target, clock, hosted } = workspace;
  const { spans, notes } = await read(store, target, request.window);
  const evidence = buildEvidence({ target, window: instants(request.window), spans, limits: { findings: 100 } });
  const compared = await compare(store, { spans, target, baseline: request.baseline });
  const held = await judgeDue({ workspace }, async () => ({
    rollups: (filter) => store.rollups(filter),
    [Symbol.asyncDispose]: async () => undefined, // it stays open for the next question
  }));
  const seen = { evidence, held, ...(compared.report === undefined ? {} : { regressions: compared.report }) };
  const alerts = alertsOf(seen, request);
  const look = { target, ...seen, alerts, notes: [...notes, ...compared.notes] };
  // A window without traffic proves nothing: an issue that stands is not closed by it.
  const isProof = evidence.traces > 0 || alerts.length > 0;
  if (hosted === undefined || request.dryRun || !isProof) return look;
  const looked = `${evidence.traces} traces from ${evidence.window.since} to ${evidence.window.until}.`;
  const told = { target, alerts, at: formatInstant(clock.now()), looked, url: request.url };
  return { ...look, issue: await keepAlertIssue(hosted.host.notes, told) };
}

type Compared = { readonly report?: RegressionReport; readonly notes: readonly string[] };

async function compare(
  store: SpanStore,
  { spans, target, baseline }: Pick<MonitorRequest, "baseline"> & { spans: readonly Span[]; target: string },
): Promise<Compared> {
  if (baseline === undefined) return { notes: [] };
  const before = await read(store, target, baseline);
  if (before.spans.length === 0 || spans.length === 0) {
    const side = before.spans.length === 0 ? "baseline" : "window";
    return { notes: [...before.notes, `Nothing was compared: the ${side} holds no trace.`] };
  }
  const report = compareSets(groupTraces(before.spans), groupTraces(spans), { alpha: ALPHA });
  return { report, notes: [...before.notes, ...report.notes] };
}

/** Whole traces in which the target's service takes part: the cause may lie in another service. */
async function read(
  store: SpanStore,
  target: string,
  window: SpanWindow,
): Promise<{ readonly spans: readonly Span[]; readonly notes: readonly string[] }> {
  const { spans, ofCanaries } = await windowSpans(store, window);
  const traces = new Set(spans.filter(({ service }) => service === target).map(({ traceId }) => traceId));
  const left = ofCanaries === 0 ? [] : [`${ofCanaries} traces of canaries and tried changes are left out.`];
  return { spans: spans.filter(({ traceId }) => traces.has(traceId)), notes: left };
}

function instants({ sinceNs, untilNs }: SpanWindow): Window {
  return { since: formatInstant(sinceNs), until: formatInstant(untilNs) };
}
