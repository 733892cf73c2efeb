import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { readCredentials } from "./app/credentials.ts";
import { HANDLERS } from "./app/handlers.ts";
import { appLog, createLog } from "./app/log.ts";
import { loadProbot, openProbot } from "./app/probot.ts";
import { type AppService, createService } from "./app/service.ts";
import { readInstalled } from "./app/stop/installed.ts";
import { lookAtVariables } from "./app/stop/variable-watch.ts";
import { drainQueue } from "./app/worker.ts";
import { openWorkQueue } from "./app/work/open.ts";
import { parseEnv } from "./config/env.ts";
import { WhetstoneError } from "./model/error.ts";
import { STOP_VARIABLE } from "./model/stop.ts";
import { systemClock, systemRandom } from "./wire.ts";
import { openRepository } from "./wire-app.ts";

/** What a host of functions says about where it runs. */
export type ServerlessOptions = {
  /** The variables of the process: APP_ID, PRIVATE_KEY, WEBHOOK_SECRET, and DATABASE_URL with the queue; all are needed. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Longest time of one call, ms: no work is begun after it. Hosts that freeze a process do so when it has answered. */
  readonly deadlineMs?: number;
  /** Takes lines of the log, one JSON object each; standard error when absent. */
  readonly write?: (line: string) => void;
};

/** Functions to be called by a host; each is a handler of the Fetch API. */
export type Serverless = {
  /** For `POST /api/github/webhooks`: verifies, keeps, does what is due until the deadline, and answers. */
  readonly webhook: (request: Request) => Promise<Response>;
  /**
   * For a schedule, every few minutes: takes what was missed, looks whether somebody has set the variable that stops a
   * repository, and does tasks and retries that are due.
   */
  readonly tick: () => Promise<Response>;
};

/** GitHub waits ten seconds for an answer. */
const DEADLINE_MS = 7_000;
/** GitHub sends no larger payload. */
const LARGEST_PAYLOAD_BYTES = 25 * 1024 * 1024;
const HOUR_MS = 3_600_000;

/** Uniform in [0, 1). */
const random = (): number => Buffer.from(systemRandom(4)).readUInt32BE() / 2 ** 32;
const now = (): number => Number(systemClock.now() / 1_000_000n);

/**
 * The GitHub App for hosts without a process that stays. What it has answered for is in the database; work that a frozen
 * process leaves is taken up when its lease has run out, by the next call.
 */
export function serverless(options: ServerlessOptions): Serverless {
  let opening: Promise<AppService> | undefined;
  // Opened by the first call and kept while the process lives; a failure is not kept.
  const opened = async (): Promise<AppService> => {
    opening ??= openService(options);
    try {
      return await opening;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  return {
    webhook: (request) =>
      answered(options, async () => {
        const until = now() + deadlineMs;
        if (request.method !== "POST") return text(405, "Use POST.");
        const body = await request.arrayBuffer();
        if (body.byteLength > LARGEST_PAYLOAD_BYTES) return text(413, "The payload is too large.");
        const service = await opened();
        const incoming = { header: (name: string) => request.headers.get(name) ?? undefined, body: decoded(body) };
        const received = await service.receive(incoming);
        if (received.status === 202) await drainQueue(service.worker, until);
        return text(received.status, received.text);
      }),
    tick: () =>
      answered(options, async () => {
        const until = now() + deadlineMs;
        const service = await opened();
        const { fetched, resent } = await service.takeMissed(now() - HOUR_MS);
        await lookForStops(options, service);
        const done = await drainQueue(service.worker, until);
        return text(200, `${done} done, ${fetched + resent} missed`);
      }),
  };
}

async function openService({ env, write = toStandardError }: ServerlessOptions): Promise<AppService> {
  const { githubApp, databaseUrl } = parseEnv(env);
  if (databaseUrl === undefined) {
    throw new WhetstoneError("usage", "DATABASE_URL is not set: the queue must outlive the process.", {
      remedy: "Set it to a postgres:// URL, or to a file on a disk that stays.",
    });
  }
  const credentials = await readCredentials(githubApp);
  const logger = createLog({ write, clock: systemClock, json: true });
  const proven = await openProbot(await loadProbot(), credentials, logger);
  const folder = join(tmpdir(), "whetstone-app");
  return createService({
    ...proven,
    ...credentials,
    handlers: HANDLERS,
    queue: await openWorkQueue({ url: databaseUrl }),
    clock: systemClock,
    random,
    pause: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => undefined), // ended early, as was asked for
    log: appLog(logger),
    open: (opening) => openRepository({ ...opening, clock: systemClock, folder }),
    // Nothing of a repository stays on the disk of such a host.
    forget: async () => undefined,
  });
}

/** Of many repositories those whose turn it is by lot; what cannot be looked at keeps nothing else from being done. */
async function lookForStops(
  { write = toStandardError }: ServerlessOptions,
  { clients, worker }: AppService,
): Promise<void> {
  const log = appLog(createLog({ write, clock: systemClock, json: true }));
  const parts = { clients, queue: worker.queue, now, log, onWork: () => undefined };
  try {
    await lookAtVariables(parts, await readInstalled(clients), 1 + Math.floor(random() * 1_000_000));
  } catch (error) {
    log.error(`${STOP_VARIABLE} could not be looked at; the next call tries it again.`, error);
  }
}

/** A fault becomes an answer that GitHub counts as a failed delivery; its words are for the log alone. */
async function answered(
  { write = toStandardError }: ServerlessOptions,
  work: () => Promise<Response>,
): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    createLog({ write, clock: systemClock, json: true }).error(error);
    return text(500, "It could not be handled.");
  }
}

const toStandardError = (line: string): void => void process.stderr.write(line);

const decoded = (body: ArrayBuffer): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);

function text(status: number, line: string): Response {
  return new Response(`${line}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
