import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { SPAN_KINDS } from "../../src/model/span.ts";
import { growthOf, type Growth, type Sample } from "./growth.ts";
import { trafficClient, type TrafficClient } from "./traffic-client.ts";

/** Calls through stdio proxies whose spans go over OTLP to one receiver with a SQLite store. */
export type TrafficSoak = {
  readonly folder: string;
  readonly seconds: number;
  /** Calls per second, all proxies together. */
  readonly rate: number;
  readonly proxies: number;
  /** Told about every second: how long it has gone, s, and calls answered. */
  readonly onProgress?: (seconds: number, answered: number) => void;
};

/** What both ends counted, and how the processes did. */
export type TrafficResult = {
  readonly calls: number;
  readonly seconds: number;
  /** Most calls that were under way at once; the client makes no more of them than {@link MOST_WAITING}. */
  readonly mostWaiting: number;
  /** What differs between the calls that were answered and the spans in the store; empty when nothing does. */
  readonly differences: readonly string[];
  /** Spans in the rollups. */
  readonly rolledUp: number;
  /** What a process said that it should not have, and answers to nothing that was asked. */
  readonly complaints: readonly string[];
  readonly memory: Readonly<Record<string, Growth>>;
};

/** A client with this many calls under way waits, so that a slow machine gives a lower rate and no heap of calls. */
export const MOST_WAITING = 2_000;

/** The receiver's name in {@link TrafficResult.memory}; the proxies have those of their services. */
export const RECEIVER = "receiver";

const TICK_MS = 10;
const SAMPLE_MS = 1_000;

/** Runs receiver, proxies and servers as processes, calls at the rate, ends all in order and compares the counts. */
export async function soakTraffic(options: TrafficSoak): Promise<TrafficResult> {
  const db = join(options.folder, "soak.db");
  const receiver = launch(RECEIVER, ["collect", "--port", "0", "--json", "--db", db]);
  const [line] = (await once(receiver.lines(), "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  const proxies = Array.from({ length: options.proxies }, (_, n) => {
    const server = [process.execPath, resolve("bench/load/echo-server.ts"), "stdio"];
    const proxy = launch(serviceOf(n), ["proxy", "--service", serviceOf(n), "--otlp", url, "--", ...server]);
    return { ...proxy, client: trafficClient(proxy.child) };
  });
  const watched = [receiver, ...proxies];
  const { seconds, mostWaiting, samples } = await drive({ ...options, watched, clients: proxies.map((p) => p.client) });
  for (const { child } of proxies) child.stdin.end();
  await Promise.all(proxies.map(({ ended }) => ended));
  receiver.child.kill("SIGTERM");
  await receiver.ended;
  const clients = proxies.map(({ client }) => client);
  return {
    calls: sum(clients.flatMap(({ answered }) => Object.values(answered))),
    seconds,
    mostWaiting,
    ...compare(db, clients),
    complaints: [...watched.flatMap(({ complaints }) => complaints()), ...strays(clients)],
    memory: Object.fromEntries(watched.map(({ name, child }) => [name, growthOf(samples.get(child.pid ?? 0) ?? [])])),
  };
}

const serviceOf = (n: number): string => `proxy-${n + 1}`;

const strays = (clients: readonly TrafficClient[]): string[] =>
  clients.flatMap((client) => (client.strays() === 0 ? [] : [`${client.strays()} answers to nothing that was asked`]));

function launch(name: string, args: readonly string[]) {
  const child = spawn(process.execPath, [resolve("bin/whetstone.js"), ...args], { stdio: "pipe" });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(child, "close").then(([code]: (number | null)[]) => {
    if (code !== 0) said += `\nended with ${code}`;
  });
  return {
    name,
    child,
    ended,
    lines: () => createInterface({ input: child.stdout }),
    // The receiver tells its address and its totals; that is no complaint unless something was refused or sent back.
    complaints: () =>
      said
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("Receiving ") && !line.endsWith(" 0 rejected, 0 sent back."))
        .map((line) => `${name}: ${line}`),
  };
}

type Driven = TrafficSoak & {
  readonly watched: readonly { readonly child: ChildProcess }[];
  readonly clients: readonly TrafficClient[];
};

/** Calls at the rate until the time is over, then waits for the last answers. */
async function drive({ seconds, rate, clients, watched, onProgress }: Driven) {
  const samples = new Map<number, Sample[]>();
  const waiting = (): number => sum(clients.map((client) => client.waiting()));
  const answered = (): number => sum(clients.flatMap((client) => Object.values(client.answered)));
  // The first answers come when the processes have started.
  for (const client of clients) client.send(1);
  while (waiting() > 0) await delay(TICK_MS);
  const begun = performance.now();
  const elapsed = (): number => performance.now() - begun;
  let [owed, tickedMs, sampledMs, mostWaiting] = [0, 0, -SAMPLE_MS, 0];
  while (elapsed() < seconds * 1_000) {
    const now = elapsed();
    // At most a second's calls are made up for, or a moment's load would become a flood.
    owed = Math.min(rate, owed + ((now - tickedMs) / 1_000) * rate);
    tickedMs = now;
    const count = Math.max(0, Math.min(Math.floor(owed), MOST_WAITING - waiting()));
    owed -= count;
    for (const [n, client] of clients.entries()) client.send(shareOf(count, n, clients.length));
    mostWaiting = Math.max(mostWaiting, waiting());
    if (now - sampledMs >= SAMPLE_MS) {
      sampledMs = now;
      await sample(watched, now, samples);
      onProgress?.(now / 1_000, answered());
    }
    await delay(TICK_MS);
  }
  while (waiting() > 0) await delay(TICK_MS);
  return { seconds: elapsed() / 1_000, mostWaiting, samples };
}

const shareOf = (count: number, n: number, of: number): number =>
  Math.floor((count * (n + 1)) / of) - Math.floor((count * n) / of);

async function sample(watched: Driven["watched"], atMs: number, into: Map<number, Sample[]>): Promise<void> {
  const pids = watched.map(({ child }) => String(child.pid));
  const { stdout } = await promisify(execFile)("ps", ["-o", "pid=,rss=", "-p", pids.join(",")]);
  for (const line of stdout.trim().split("\n")) {
    const [pid = 0, kib = 0] = line.trim().split(/\s+/).map(Number);
    into.set(pid, [...(into.get(pid) ?? []), { atMs, bytes: kib * 1_024 }]);
  }
}

/** What the store holds beside what the clients counted: each call is a CLIENT and a SERVER span. */
function compare(db: string, clients: readonly TrafficClient[]) {
  using database = new DatabaseSync(db, { readOnly: true });
  const stored = new Map(
    database
      .prepare(
        "SELECT o.service, o.name, o.kind, count(*) AS n FROM spans s JOIN operations o ON o.ref = s.operation_ref GROUP BY o.ref",
      )
      .all()
      .map(({ service, name, kind, n }): [string, number] => [
        [service, SPAN_KINDS[Number(kind)], name].map(String).join(" "),
        Number(n),
      ]),
  );
  const expected = new Map<string, number>(
    clients.flatMap(({ answered }, n) =>
      Object.entries(answered).flatMap(([name, count]) =>
        ["client", "server"].map((kind) => [`${serviceOf(n)} ${kind} ${name}`, count] as const),
      ),
    ),
  );
  const keys = [...new Set([...expected.keys(), ...stored.keys()])];
  return {
    differences: keys
      .filter((key) => expected.get(key) !== stored.get(key))
      .map((key) => `${key}: ${expected.get(key) ?? 0} calls, ${stored.get(key) ?? 0} spans`),
    rolledUp: rolledUp(database),
  };
}

function rolledUp(database: DatabaseSync): number {
  return Number(database.prepare("SELECT sum(spans) AS n FROM rollups WHERE width = 60").get()?.["n"]);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
