import type { GitHubGraph } from "../github/graphql.ts";
import type { GateLooks } from "../capture/gate-looks.ts";
import { apiStatus } from "../github/rest-api.ts";
import type { Clock } from "../model/time.ts";
import type { Store } from "../store/store.ts";
import { type AppClients, type ClientParts, createClients } from "./clients.ts";
import type { EventHandler, Handled } from "./handler.ts";
import { INSTALLATION_EVENTS, type InstallationChange, isInstalled } from "./installation.ts";
import { type AppMetrics, createAppMetrics } from "./metrics.ts";
import { type Missed, takeMissed } from "./missed.ts";
import { performWork } from "./perform.ts";
import type { Place } from "./place.ts";
import { type Incoming, receiveDelivery, type Received, type ReceiveParts } from "./receive.ts";
import type { AppIdentity, RepositoryAccess } from "./repository.ts";
import { RETRY } from "./retry.ts";
import type { WorkerParts } from "./worker.ts";
import type { ClaimedWork, WorkQueue } from "./work/port.ts";

/** What a repository is opened with. */
export type Opening = Pick<Place, "owner" | "repo"> & {
  readonly self: AppIdentity;
  readonly client: GitHubGraph;
  /** Id of the delivery or task. */
  readonly run: string;
};

/** What the App says while it works: a line, and the facts that a program would look for. */
export type AppLog = {
  readonly info: (line: string, facts?: Readonly<Record<string, string | number>>) => void;
  readonly error: (line: string, error: unknown, facts?: Readonly<Record<string, string | number>>) => void;
};

/** What the App is made of. */
export type ServiceParts = Omit<ClientParts, "note" | "onCall" | "now"> &
  Pick<ReceiveParts, "verify"> &
  Pick<WorkerParts, "pause"> & {
    readonly handlers: readonly EventHandler[];
    readonly queue: WorkQueue;
    readonly open: (opening: Opening) => RepositoryAccess;
    /** Deletes what this machine keeps of a repository, or of all of an account. */
    readonly forget: (place: string) => Promise<void>;
    readonly telemetry?: Store | undefined;
    readonly looks?: GateLooks | undefined;
    readonly clock: Clock;
    /** Uniform in [0, 1). */
    readonly random: () => number;
    readonly log: AppLog;
    /** Called when there is something to do. */
    readonly onWork?: () => void;
    /** Called when GitHub's log of deliveries should be looked at soon. */
    readonly onDoubt?: () => void;
  };

/** The App without a server: takes deliveries, does work, looks for what was missed. */
export type AppService = {
  readonly receive: (incoming: Incoming) => Promise<Received>;
  /** For `startWorker` and `drainQueue`. */
  readonly worker: WorkerParts;
  /** Deliveries of GitHub's log since an instant (epoch ms) that never arrived. */
  readonly takeMissed: (since: number) => Promise<Missed>;
  readonly clients: AppClients;
  readonly metrics: AppMetrics;
};

/** Works at the same time; most of them wait, for GitHub or for the pauses that it asks for between writes. */
const CONCURRENCY = 32;
/**
 * How long work is held without a sign of life, ms: so long the work of a server that was killed waits. A sign is given every two
 * seconds, and a server whose hold ran out while it lives takes its own work up again without doing it twice.
 */
export const LEASE_MS = 10_000;

/** Ids of deliveries that GitHub was asked to send again, which are remembered. */
const MOST_AWAITED = 10_000;

/** Puts the App together. */
export function createService(parts: ServiceParts): AppService {
  const { queue, clock, log } = parts;
  const metrics = createAppMetrics();
  const now = (): number => Number(clock.now() / 1_000_000n);
  const clients = createClients({
    ...parts,
    now,
    note: (line) => log.info(line),
    onCall: (status) => metrics.count("whetstone_app_github_requests_total", { status: String(status) }),
  });
  const heard = new Set<string>([...INSTALLATION_EVENTS, ...parts.handlers.flatMap(({ events }) => events)]);
  const isHeard = (name: string): boolean => heard.has(name);
  const wake = (): void => parts.onWork?.();
  const awaited = new Set<string>();
  const onResent = (guid: string): void => {
    awaited.delete(guid);
    awaited.add(guid);
    const [oldest] = awaited;
    if (awaited.size > MOST_AWAITED && oldest !== undefined) awaited.delete(oldest);
  };
  const receiving: ReceiveParts = {
    ...parts,
    isHeard,
    isAwaited: (id) => awaited.has(id),
    now,
    onDelivery: (labels) => metrics.count("whetstone_app_deliveries_total", labels),
    onAdded: wake,
    onDoubt: () => parts.onDoubt?.(),
  };
  return {
    clients,
    metrics,
    receive: (incoming) => receiveDelivery(receiving, incoming),
    worker: workerParts(parts, { metrics, now, clients }),
    takeMissed: async (since) => {
      const missed = await takeMissed({ client: await clients.app(), queue, isHeard, onResent, now }, since);
      metrics.count("whetstone_app_missed_deliveries_total", {}, missed.fetched + missed.resent);
      if (missed.fetched > 0) wake();
      return missed;
    },
  };
}

type Inside = { readonly metrics: AppMetrics; readonly now: () => number; readonly clients: AppClients };

function workerParts(parts: ServiceParts, { metrics, now, clients }: Inside): WorkerParts {
  const { queue, pause, random, log } = parts;
  return {
    queue,
    now,
    pause,
    retry: { ...RETRY, random },
    concurrency: CONCURRENCY,
    leaseMs: LEASE_MS,
    perform: (work) => perform(parts, { metrics, now, clients }, work),
    onAttempt: ({ event, result, ms }) => {
      metrics.count("whetstone_app_attempts_total", { event, result });
      metrics.observe("whetstone_app_attempt_seconds", ms / 1_000);
    },
    onError: (message, error) => log.error(message, error),
  };
}

function perform(parts: ServiceParts, { metrics, now, clients }: Inside, work: ClaimedWork): Promise<Handled> {
  const { log } = parts;
  const open = async (place: Place, run: string): Promise<RepositoryAccess | "suspended" | undefined> => {
    const self = await clients.identity();
    const client = await reach(clients, place);
    if (client === undefined || client === "suspended") return client;
    const opening = { ...(await clients.placeNow(place)), self, run };
    const urgent = async (): Promise<RepositoryAccess | undefined> => {
      const apart = await clients.repository(place, "urgent");
      return apart && parts.open({ ...opening, client: apart });
    };
    return { ...parts.open({ ...opening, client }), urgent };
  };
  return performWork(
    {
      ...parts,
      open,
      onInstallation: (change) => changeInstallation(parts, change, { now, clients }),
      log: ({ id, event, key }, line) => log.info(line, { delivery: id, event, key }),
      onScheduled: () => {
        metrics.count("whetstone_app_tasks_scheduled_total");
        parts.onWork?.();
      },
    },
    work,
  );
}

async function reach(clients: AppClients, place: Place): Promise<GitHubGraph | "suspended" | undefined> {
  try {
    return await clients.repository(place);
  } catch (error) {
    if (apiStatus(error) === 403 && (await clients.isSuspended(place.installation))) return "suspended";
    throw error;
  }
}

/** Repositories that come need nothing; of those that go nothing is kept. */
async function changeInstallation(
  parts: ServiceParts,
  change: InstallationChange,
  { now, clients }: Pick<Inside, "now" | "clients">,
): Promise<void> {
  for (const place of change.removed) {
    if (await isInstalled(await clients.app(), place)) {
      parts.log.info(
        `${place}: removed, as a delivery says, but GitHub says that the App is there; nothing is deleted`,
        facts(change),
      );
      continue;
    }
    const dropped = await parts.queue.drop(place, now());
    await parts.forget(place);
    parts.log.info(`${place}: removed, ${dropped} pieces of work and the folder of it were deleted`, facts(change));
  }
  for (const place of change.added) parts.log.info(`${place}: the App is installed`, facts(change));
}

function facts({ name, installation }: InstallationChange) {
  return { event: name, installation };
}
