import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { type Api, type ApiParts, createApi } from "../../src/dashboard/api.ts";
import type { Role } from "../../src/model/role.ts";
import { manualClock, type ManualClock } from "../../src/model/time.ts";
import { newApiKey } from "../../src/protect/api-key.ts";
import { createAuthenticator } from "../../src/protect/authenticate.ts";
import { type KeyStore, memoryKeys } from "../../src/protect/key-store.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { countingBytes } from "../protect/random-bytes.ts";

/** The API behind a real server, with a key of every role. */
export type RunningApi = AsyncDisposable & {
  readonly api: Api;
  readonly url: string;
  readonly store: Store;
  readonly clock: ManualClock;
  readonly keys: KeyStore;
  readonly errors: unknown[];
  /** A new key's text. */
  readonly key: (role?: Role) => Promise<string>;
  /** Asks below `/api/v1`; `credential` is put behind `Bearer`. */
  readonly get: (
    path: string,
    credential?: string,
    init?: { method?: string; headers?: Readonly<Record<string, string>>; signal?: AbortSignal },
  ) => Promise<Response>;
  /** Bytes on a bare socket; resolves with all that comes back until the server closes. */
  readonly raw: (bytes: string) => Promise<string>;
};

const neverPause: ApiParts["pause"] = (_, signal) =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

/** Starts it; `change` replaces parts. */
export async function runningApi(change: Partial<ApiParts> & { readonly store?: Store } = {}): Promise<RunningApi> {
  const clock = manualClock();
  const keys = memoryKeys();
  const store = change.store ?? memoryStore();
  const errors: unknown[] = [];
  const authenticator = createAuthenticator({ keys, signer: { secret: new Uint8Array(32).fill(3) }, clock });
  const api = createApi({
    access: { kind: "keys", authenticator },
    clock,
    pause: neverPause,
    version: "1.2.3",
    onError: (error) => errors.push(error),
    ...change,
    store,
  });
  const server = createServer((request, response) => {
    void api.handle(request, response).then((taken) => (taken ? undefined : response.writeHead(404).end("not ours")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const random = countingBytes();
  return {
    api,
    url,
    store,
    clock,
    keys,
    errors,
    key: async (role = "developer") => {
      const { text, record } = newApiKey({ name: role, role, nowNs: clock.now(), random });
      await keys.add(record);
      return text;
    },
    get: (path, credential, { headers = {}, ...init } = {}) =>
      fetch(`${url}/api/v1${path}`, {
        ...init,
        headers: { ...(credential !== undefined && { Authorization: `Bearer ${credential}` }), ...headers },
      }),
    raw: async (bytes) => {
      const socket = connect(port, "127.0.0.1");
      let seen = "";
      socket.setEncoding("utf8").on("data", (text: string) => (seen += text));
      // A server that refuses a body closes while it is still being sent.
      socket.on("error", () => undefined);
      socket.write(bytes);
      await new Promise((resolve) => socket.once("close", resolve));
      return seen;
    },
    [Symbol.asyncDispose]: async () => {
      api.close();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
