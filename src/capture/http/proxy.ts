import { createServer, type Server, type ServerResponse } from "node:http";
import type { Clock } from "../../model/time.ts";
import { captureDoor } from "../../protect/capture-door.ts";
import type { RedactRules } from "../../protect/redact.ts";
import { authority, listen, type Address } from "../collect/listen.ts";
import { closeSinks, lossLine, openSinks, type SinkOptions } from "../sinks.ts";
import { randomId, type RandomBytes } from "../trace-context.ts";
import { adminServer } from "./admin.ts";
import { arms, type ArmServer, type Weight } from "./arms.ts";
import { countLines, zeroCounts, type Counts } from "./counts.ts";
import { forward, MAX_HEADER_BYTES } from "./forward.ts";
import type { ForwardParts } from "./passage.ts";
import { scopes } from "./scope.ts";
import { sessions } from "./sessions.ts";
import { startHttpShadow, type HttpShadowOptions } from "./shadow.ts";
import type { ShadowRecord } from "../mirror.ts";
import { openUpstream } from "./upstream.ts";

/** What an HTTP proxy may hold and how long it waits. */
export type HttpProxyLimits = {
  /** Largest message that is held to be read and given a context, bytes; larger ones pass as they are. */
  readonly messageBytes: number;
  /** All messages that are held at a time, bytes. */
  readonly totalBytes: number;
  readonly connections: number;
  /** For a request's head, and for a whole request, to arrive, ms. */
  readonly headersMs: number;
  readonly requestMs: number;
  /** How long a stop waits for requests under way, ms. */
  readonly patienceMs: number;
};

const HTTP_PROXY_LIMITS: HttpProxyLimits = {
  messageBytes: 64 * 1024 * 1024,
  totalBytes: 256 * 1024 * 1024,
  connections: 4_096,
  headersMs: 15_000,
  requestMs: 300_000,
  patienceMs: 10_000,
};

/** A server of one arm: its URL and, when known, its version. */
export type ArmOptions = { readonly url: URL; readonly version?: string | undefined };

/** What the HTTP half of `whetstone proxy` runs with. */
export type HttpProxyOptions = SinkOptions & {
  readonly listen: Address;
  readonly baseline: ArmOptions;
  readonly canary?: ArmOptions | undefined;
  /** Share of new sessions that go to the canary, percent. */
  readonly weight: number;
  /** Port of the admin endpoint on 127.0.0.1; none when absent, any free one when 0. */
  readonly adminPort?: number | undefined;
  /** Header that names a client of the stateless wire; default: address and user agent. */
  readonly stickyHeader?: string | undefined;
  /** Host names that may stand in `Host` and `Origin` besides loopback. */
  readonly allowedHosts?: readonly string[] | undefined;
  readonly service: string;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly captureContent?: boolean | undefined;
  /** What is redacted besides the built-in rules. */
  readonly redact?: RedactRules | undefined;
  readonly injectContext?: boolean | undefined;
  readonly limits?: Partial<HttpProxyLimits> | undefined;
  /** Calls that only read are made again there. `report`: what the admin endpoint shows of it. */
  readonly shadow?: (HttpShadowOptions & { readonly report: (record: ShadowRecord) => object }) | undefined;
};

/** Counts of a proxy, with what each sink kept and lost. */
export type HttpProxyStatus = Counts & {
  readonly weight: number;
  readonly openSessions: number;
  readonly spans: Readonly<Record<string, { written: number; dropped: number; failed: number }>>;
};

/** A running proxy. Disposing it stops it. */
export type HttpProxy = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly adminUrl?: string;
  readonly status: () => HttpProxyStatus;
  /** A line for each sink that has lost spans up to now. */
  readonly losses: () => readonly string[];
  /** What the shadow found up to now; undefined without one. */
  readonly shadow: () => ShadowRecord | undefined;
  /** Lets requests under way end, writes what waits, and returns a line for everything that is missing. */
  readonly stop: () => Promise<readonly string[]>;
};

/**
 * Stands between MCP clients and one or two servers on Streamable HTTP and records a SERVER and a CLIENT span per
 * request. The traffic never waits for the store and never suffers from it.
 * @throws WhetstoneError `usage`: a port cannot be listened on
 */
export async function startHttpProxy(options: HttpProxyOptions): Promise<HttpProxy> {
  const limits = { ...HTTP_PROXY_LIMITS, ...options.limits };
  const sinks = openSinks(options);
  const weight: Weight = { percent: options.weight };
  const { parts, close, shadow } = partsOf(options, { limits, weight, sinks });
  const status = (): HttpProxyStatus => statusOf(parts, { weight, sinks });
  const underWay = new Set<ServerResponse>();
  const server = httpServer(parts, limits, underWay);
  const port = await listen(server, options.listen);
  const admin = await startAdmin(options.adminPort, {
    weight,
    isSplit: parts.isSplit,
    status,
    shadow: shadow && (() => options.shadow?.report(shadow.record()) ?? {}),
  }).catch(async (error: unknown) => {
    await stopServer(server, underWay, 0);
    throw error;
  });
  const stop = once(async () => {
    await Promise.all([
      stopServer(server, underWay, limits.patienceMs),
      admin && stopServer(admin.server, new Set(), 0),
    ]);
    await close();
    return [...countLines(parts.counts), ...(await closeSinks(sinks))];
  });
  return {
    url: `http://${authority({ ...options.listen, port })}`,
    port,
    ...(admin && { adminUrl: admin.url }),
    status,
    shadow: () => shadow?.record(),
    losses: () => sinks.flatMap(({ name, queue }) => lossLine(name, queue.summary())),
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

type Running = {
  readonly limits: HttpProxyLimits;
  readonly weight: Weight;
  readonly sinks: ReturnType<typeof openSinks>;
};

function partsOf(options: HttpProxyOptions, { limits, weight, sinks }: Running) {
  const counts = zeroCounts();
  const door = captureDoor(options);
  const known = sessions(counts);
  const baseline = armServer("baseline", options.baseline, limits);
  const canary = options.canary && armServer("canary", options.canary, limits);
  const isSplit = canary !== undefined;
  const shadow = options.shadow && startHttpShadow(options.shadow, options.clock);
  const parts: ForwardParts = {
    admission: { listenHost: options.listen.host, allowedHosts: options.allowedHosts ?? [] },
    arms: arms({ baseline, canary, weight, random: options.random }),
    isSplit,
    stickyHeader: options.stickyHeader,
    sessions: known,
    counts,
    budget: { messageBytes: limits.messageBytes, totalBytes: limits.totalBytes, heldBytes: 0 },
    salt: randomId(options.random, 16),
    pending: new Set(),
    openScope: scopes({
      ...options,
      instance: randomId(options.random, 16),
      isSplit,
      counts,
      shadow,
      onSpan: (span) => {
        const kept = [door.span(span)];
        for (const { queue } of sinks) queue.push(kept);
      },
    }),
  };
  const close = async (): Promise<void> => {
    for (const { upstream } of canary ? [baseline, canary] : [baseline]) upstream.agent.destroy();
    await Promise.all(parts.pending);
    known.closeAll();
    await shadow?.stop(limits.patienceMs);
    counts.faults += door.counts().faults;
  };
  return { parts, close, shadow };
}

function armServer(arm: ArmServer["arm"], { url, version }: ArmOptions, limits: HttpProxyLimits): ArmServer {
  return { arm, upstream: openUpstream(url, limits.connections), version, reported: { version: undefined } };
}

function statusOf(parts: ForwardParts, { weight, sinks }: Pick<Running, "weight" | "sinks">): HttpProxyStatus {
  const spans = sinks.map(({ name, queue }) => {
    const { written, dropped, failed } = queue.summary();
    return [name, { written, dropped, failed }] as const;
  });
  const openSessions = parts.sessions.size();
  return { ...parts.counts, weight: weight.percent, openSessions, spans: Object.fromEntries(spans) };
}

function httpServer(parts: ForwardParts, limits: HttpProxyLimits, underWay: Set<ServerResponse>): Server {
  const timing = { headersTimeout: limits.headersMs, requestTimeout: limits.requestMs };
  const checks = { connectionsCheckingInterval: Math.min(1_000, limits.headersMs) };
  const server = createServer({ ...timing, ...checks, maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    forward({ request, response }, parts).catch(() => {
      // A fault in Whetstone; the client may try again, and the end of the run says it.
      parts.counts.faults += 1;
      response.destroy();
    });
  });
  server.maxConnections = limits.connections;
  server.on("drop", () => {
    parts.counts.connectionsRefused += 1;
  });
  return server;
}

async function startAdmin(port: number | undefined, parts: Parameters<typeof adminServer>[0]) {
  if (port === undefined) return undefined;
  const server = adminServer(parts);
  const address = { host: "127.0.0.1", port };
  return { server, url: `http://${authority({ ...address, port: await listen(server, address) })}` };
}

/** Streams that a client opened with GET end at once, for they never end by themselves; others may finish. */
async function stopServer(server: Server, underWay: ReadonlySet<ServerResponse>, patienceMs: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  for (const response of underWay) if (response.req.method === "GET") response.destroy();
  if (underWay.size === 0) server.closeAllConnections();
  const patience = setTimeout(() => server.closeAllConnections(), patienceMs);
  await closed.promise;
  clearTimeout(patience);
}

/** The work is done at the first call; later ones get the same result. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}
