import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Logger } from "pino";
import { createBell } from "../../app/bell.ts";
import { readCredentials } from "../../app/credentials.ts";
import { HANDLERS } from "../../app/handlers.ts";
import { appLog } from "../../app/log.ts";
import { watchMissed } from "../../app/missed-watch.ts";
import { loadProbot, openProbot } from "../../app/probot.ts";
import type { WebhookHandler } from "../../app/server.ts";
import { type AppLog, createService, type Opening } from "../../app/service.ts";
import { webhookHandler } from "../../app/webhook-handler.ts";
import { startWorker, type Worker } from "../../app/worker.ts";
import { openWorkQueue } from "../../app/work/open.ts";
import type { WorkQueue } from "../../app/work/port.ts";
import { gateLooks } from "../../capture/gate-looks.ts";
import { WhetstoneError } from "../../model/error.ts";
import { isPostgresUrl, openStore } from "../../store/open.ts";
import { spanStoreUrl, systemClock, systemRandom, WORK_FOLDER } from "../../wire.ts";
import { openRepository } from "../../wire-app.ts";
import type { ServeOptions } from "../commands/serve.ts";
import { configIfAny } from "../config.ts";
import type { Io } from "../io.ts";
import { countingThread } from "./counting-thread.ts";
import { openServedStops, type ServedStops } from "./serve-stop.ts";

/** The App at work. */
export type ServedApp = AsyncDisposable & {
  readonly appId: number;
  readonly webhooks: WebhookHandler;
  /** Prometheus text. @throws WhetstoneError when the queue cannot be read */
  readonly metrics: () => Promise<string>;
  readonly isReachable: () => Promise<boolean>;
  readonly stops: ServedStops;
  /** Begins to work off what is there, and to look for what was missed. */
  readonly start: () => void;
  /** Begins nothing further; resolves when what was begun has ended. */
  readonly stop: () => Promise<void>;
};

/** How long the id of a delivery is known after its end: GitHub delivers again for three days, others might for longer. */
const KNOWN_MS = 90 * 24 * 3_600_000;
const HOUSEKEEPING_MS = 3_600_000;

const now = (): number => Number(systemClock.now() / 1_000_000n);
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined); // ended early, as was asked for
/** Uniform in [0, 1). */
const random = (): number => Buffer.from(systemRandom(4)).readUInt32BE() / 2 ** 32;

/**
 * Opens the App on the store that the options name, which is made where it is missing.
 * @throws WhetstoneError `usage`, `input_unreadable`, `store_open_failed`
 */
export async function openServedApp(options: ServeOptions, io: Io, logger: Logger): Promise<ServedApp> {
  const credentials = await readCredentials(io.env.githubApp);
  const proven = await openProbot(await loadProbot(), credentials, logger);
  const url = spanStoreUrl({ ...options, cwd: io.cwd }, io.env, await configIfAny(options, io));
  const folder = join(io.cwd, WORK_FOLDER, "app");
  await using opened = new AsyncDisposableStack();
  const isNew = !isPostgresUrl(url) && !existsSync(url);
  const queue = opened.use(await openWorkQueue({ url }));
  if (isNew) logger.info(`There was no store at ${url}; an empty one was made.`);
  const telemetry = opened.use(await openStore({ url }));
  const counting = opened.use(countingThread());
  const log = appLog(logger);
  let worker: Worker | undefined;
  const doubt = createBell();
  const open = (opening: Opening) => openRepository({ ...opening, clock: systemClock, folder });
  const onWork = (): void => worker?.wake();
  const service = createService({
    ...proven,
    appId: credentials.appId,
    baseUrl: credentials.baseUrl,
    handlers: HANDLERS,
    queue,
    telemetry,
    looks: gateLooks(telemetry, counting.count),
    clock: systemClock,
    random,
    pause,
    log,
    open,
    forget: (place) => forgetPlace(folder, place),
    onWork,
    onDoubt: doubt.ring,
  });
  const { webhookSecret } = credentials;
  const stops = openServedStops({ clients: service.clients, queue, open, now, onWork, pause, log, webhookSecret });
  const stopping = new AbortController();
  const stack = opened.move();
  return {
    appId: credentials.appId,
    webhooks: webhookHandler(service, systemClock.monotonicMs),
    metrics: async () => service.metrics.text(await queue.counts(now()), now()),
    isReachable: () => reachable(queue, log),
    stops,
    start: () => {
      worker = startWorker(service.worker);
      void watchMissed({ takeMissed: service.takeMissed, now, pause, doubt, log }, stopping.signal);
      void stops.watch(stopping.signal);
      void keepHouse(queue, log, stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await worker?.stop();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function reachable(queue: WorkQueue, log: AppLog): Promise<boolean> {
  try {
    await queue.counts(now());
    return true;
  } catch (error) {
    log.error("The queue cannot be reached.", error);
    return false;
  }
}

async function keepHouse(queue: WorkQueue, log: AppLog, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await queue.forget(now() - KNOWN_MS);
    } catch (error) {
      if (!signal.aborted) log.error("Old deliveries could not be forgotten; that is tried again.", error);
    }
    await pause(HOUSEKEEPING_MS, signal);
  }
}

/** Deletes the folder of `owner/repo` or `owner`. @throws WhetstoneError `defect` for a name that leads elsewhere */
async function forgetPlace(folder: string, place: string): Promise<void> {
  const parts = place.split("/");
  if (parts.length > 2 || !parts.every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part))) {
    throw new WhetstoneError("defect", "A name that is no repository's was to be forgotten.");
  }
  await rm(join(folder, ...parts), { recursive: true, force: true });
}
