import { setTimeout as delay } from "node:timers/promises";
import { formatBytes, parseBytes } from "../../config/bytes.ts";
import { RetentionSettings } from "../../config/schema.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import { DURATION, parseDuration } from "../../model/time.ts";
import type { StoreExtent } from "../../store/port.ts";
import { retain, retainable, type RetentionCounts, type RetentionPolicy } from "../../store/retention.ts";
import type { Store } from "../../store/store.ts";
import { openSpanStore, systemClock } from "../../wire.ts";
import type { RetainOptions } from "../commands/retain.ts";
import { configIfAny } from "../config.ts";
import { printJson, type Io } from "../io.ts";
import { countProgress } from "../progress.ts";
import { renderTable } from "../table.ts";

/** `whetstone retain`; exit 1 when the store is larger than it may be and nothing is left to remove. */
export async function runRetain(options: RetainOptions, io: Io): Promise<number> {
  const config = await configIfAny(options, io);
  const settings = settingsOf(options, config?.retention);
  const policy = policyOf(settings);
  await using store = await openSpanStore({ ...options, cwd: io.cwd, mustExist: true }, io.env, config);
  const now = systemClock.now();
  const counts = options.dryRun
    ? await retainable(store, policy, now)
    : await interruptible((signal) => remove(store, { policy, now, signal, io }));
  if (options.compact && !options.dryRun) await store.compact();
  const extent = await store.extent();
  const over = policy.maxBytes === undefined ? 0 : Math.max(0, (extent.usedBytes ?? 0) - policy.maxBytes);
  if (options.json)
    printJson(io, {
      dryRun: options.dryRun === true,
      ...counts,
      bytes: extent.bytes,
      usedBytes: extent.usedBytes,
      over,
    });
  else print(io, { counts, extent, over, settings, dryRun: options.dryRun === true });
  return over > 0 && !options.dryRun ? EXIT.fail : EXIT.pass;
}

/** Flags go before the configuration. */
function settingsOf(options: RetainOptions, configured: RetentionSettings | undefined): RetentionSettings {
  const ages = configured ?? RetentionSettings.parse({});
  const limit = options.size ?? ages.size;
  return {
    traces: options.traces ?? ages.traces,
    errors: options.errors ?? ages.errors,
    rollups: options.rollups ?? ages.rollups,
    metrics: options.metrics ?? ages.metrics,
    logs: options.logs ?? ages.logs,
    ...(limit === undefined ? {} : { size: limit }),
  };
}

function policyOf({ traces, errors, rollups, metrics, logs, size }: RetentionSettings): RetentionPolicy {
  return {
    plainNs: ageNs(traces),
    errorNs: ageNs(errors),
    rollupsNs: ageNs(rollups),
    metricsNs: ageNs(metrics),
    logsNs: ageNs(logs),
    ...(size === undefined ? {} : { maxBytes: parseBytes(size) }),
  };
}

function ageNs(text: string): number {
  if (text === "forever") return Number.POSITIVE_INFINITY;
  const age = DURATION.test(text.trim()) ? parseDuration(text) : Number.NaN;
  if (age > 0) return age;
  if (Number.isNaN(age)) {
    throw new WhetstoneError("usage", `"${text}" is not an age.`, {
      remedy: "Write a number with a unit, such as 12h or 30d, or forever.",
    });
  }
  throw new WhetstoneError("usage", `An age of ${text} would remove everything.`, {
    remedy: "Write forever to keep everything, or the shortest age that you mean, such as 1s.",
  });
}

type Removal = {
  readonly policy: RetentionPolicy;
  readonly now: bigint;
  readonly signal: AbortSignal;
  readonly io: Io;
};

async function remove(store: Store, { io, ...run }: Removal): Promise<RetentionCounts> {
  const progress = countProgress(io, "traces, points and records removed");
  try {
    const onStep = ({ plain, error, metrics, logs }: RetentionCounts): void =>
      progress.show({ done: plain.traces + error.traces + metrics.points + logs.records });
    return await retain(store, { ...run, rest: asLongAsWork(), onStep });
  } finally {
    progress.stop();
  }
}

/** Half of the time belongs to others: one that waits for a lock looks for it only now and then. */
function asLongAsWork(): () => Promise<void> {
  let from = systemClock.monotonicMs();
  return async () => {
    await delay(systemClock.monotonicMs() - from);
    from = systemClock.monotonicMs();
  };
}

type Printed = {
  readonly counts: RetentionCounts;
  readonly extent: StoreExtent;
  readonly over: number;
  readonly settings: RetentionSettings;
  readonly dryRun: boolean;
};

function print(io: Io, { counts, extent, over, settings, dryRun }: Printed): void {
  const rows = [
    ["traces without error", settings.traces, `${counts.plain.traces}`, countOf(counts.plain.spans, "span")],
    ["traces with error", settings.errors, `${counts.error.traces}`, countOf(counts.error.spans, "span")],
    ["rollups", settings.rollups, `${counts.rollups.rows}`, "rows"],
    ["metrics", settings.metrics, `${counts.metrics.points}`, "points"],
    ["logs", settings.logs, `${counts.logs.records}`, "records"],
  ];
  io.out(renderTable(["what", "kept for", dryRun ? "old enough" : "removed", ""], rows));
  io.out(`${sizeLine(extent)}\n`);
  if (over > 0) io.out(overLine(over, dryRun));
}

function sizeLine({ bytes, usedBytes }: StoreExtent): string {
  if (usedBytes === undefined) return `The store takes ${formatBytes(bytes)}.`;
  const free = bytes - usedBytes;
  const hint = free > bytes / 4 ? " (--compact gives it back to the disk)" : "";
  return `The store takes ${formatBytes(bytes)}; ${formatBytes(free)} of that is free for what comes${hint}.`;
}

function overLine(over: number, dryRun: boolean): string {
  if (dryRun) return `It uses ${formatBytes(over)} more than it may: the oldest would go before their age.\n`;
  return `It still uses ${formatBytes(over)} more than it may, and no trace is left, no point and no record: shorten the age of rollups.\n`;
}
