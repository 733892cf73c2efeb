import { startAppServer } from "../../../src/app/server.ts";
import type { Place } from "../../../src/app/place.ts";
import { openStopDesk } from "../../../src/app/stop/desk.ts";
import type { Installed } from "../../../src/app/stop/installed.ts";
import { stopPage } from "../../../src/app/stop/page.ts";
import { pressAt } from "../../../src/app/stop/press.ts";
import { memoryQueue } from "../../../src/app/work/memory.ts";
import type { WorkQueue } from "../../../src/app/work/port.ts";
import { slidingWindow } from "../../../src/dashboard/rate-limit.ts";
import type { Role } from "../../../src/model/role.ts";
import type { StopState } from "../../../src/model/stop.ts";
import { manualClock, type ManualClock } from "../../../src/model/time.ts";
import { newApiKey } from "../../../src/protect/api-key.ts";
import { createAuthenticator } from "../../../src/protect/authenticate.ts";
import { type KeyStore, memoryKeys } from "../../../src/protect/key-store.ts";
import type { KillSwitch } from "../../../src/protect/kill-switch.ts";
import { countingBytes } from "../../protect/random-bytes.ts";

/** The page that stops behind the real server, over a queue in memory and repositories that stand as the test says. */
export type ServedPage = AsyncDisposable & {
  readonly url: string;
  readonly queue: WorkQueue;
  readonly keys: KeyStore;
  readonly clock: ManualClock;
  readonly lines: readonly string[];
  /** How a repository stands, by its name; running where nothing is said. */
  readonly stands: Map<string, StopState>;
  readonly key: (role: Role) => Promise<{ readonly id: string; readonly text: string }>;
  /** Sends the form; does not follow where it leads. */
  readonly send: (fields: Fields, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  /** Sends the form and opens where it leads. */
  readonly open: (fields: Fields) => Promise<{ readonly url: string; readonly html: string }>;
  readonly get: (path: string) => Promise<{ readonly status: number; readonly html: string }>;
};

type Fields = Readonly<Record<string, string>> | string | URLSearchParams;

export type ServedOptions = {
  readonly places?: readonly Place[];
  readonly installed?: () => Promise<Installed>;
  readonly queue?: WorkQueue;
};

const RUNS: StopState = { local: { kind: "running" }, state: { kind: "running" } };

/** A repository of the App. */
export const place = (repo: string, id: number): Place => ({ installation: 99, id, owner: "Octo-Org", repo });

/** Starts it. */
export async function servePage(options: ServedOptions = {}): Promise<ServedPage> {
  const places = options.places ?? [place("notes", 1), place("tools", 2)];
  const { installed = async () => ({ places, unread: [] }), queue = memoryQueue() } = options;
  const [clock, keys, random] = [manualClock(), memoryKeys(), countingBytes()];
  const stands = new Map<string, StopState>();
  const lines: string[] = [];
  const now = (): number => Number(clock.now() / 1_000_000n);
  const known = async () => ({ ...(await installed()), at: now() });
  const desk = openStopDesk({
    clients: {
      identity: async () => ({ appId: 4711, login: "whetstone[bot]" }),
      reader: async () => ({ request: () => Promise.reject(new Error("not asked")), graphql: () => Promise.reject() }),
    },
    queue,
    installed: known,
    open: ({ repo }) => ({ killSwitch: { look: async () => stands.get(repo) ?? RUNS } as unknown as KillSwitch }),
    now,
    onWork: () => undefined,
  });
  const log = { info: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) };
  const signer = { secret: new Uint8Array(32).fill(7) };
  const mount = stopPage({
    desk,
    authenticator: createAuthenticator({ keys, signer, clock }),
    attempts: slidingWindow({ limit: 5, windowMs: 60_000 }, clock),
    requests: slidingWindow({ limit: 20, windowMs: 60_000 }, clock),
    senderOf: ({ socket }) => socket.remoteAddress ?? "",
    press: pressAt(desk, { newPress: () => Buffer.from(random(16)).toString("hex"), log }),
    clock,
    log,
  });
  const onError = (error: unknown): void => void lines.push(String(error));
  const server = await startAppServer({ host: "127.0.0.1", port: 0, patienceMs: 5_000, onError, mounts: [mount] });
  server.ready();
  const send: ServedPage["send"] = (fields, headers = {}) => {
    const body = typeof fields === "string" ? fields : new URLSearchParams(fields);
    return fetch(`${server.url}/stop`, { method: "POST", body, headers, redirect: "manual" });
  };
  const get: ServedPage["get"] = async (path) => {
    const response = await fetch(new URL(path, server.url));
    return { status: response.status, html: await response.text() };
  };
  return {
    url: server.url,
    queue,
    keys,
    clock,
    lines,
    stands,
    send,
    get,
    key: async (role) => {
      const { text, record } = newApiKey({ name: `a ${role}`, role, nowNs: clock.now(), random });
      await keys.add(record);
      return { id: record.id, text };
    },
    open: async (fields) => {
      const url = (await send(fields)).headers.get("location") ?? "/";
      return { url, html: (await get(url)).html };
    },
    [Symbol.asyncDispose]: async () => void (await server.stop()),
  };
}
