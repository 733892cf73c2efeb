import { setTimeout } from "node:timers/promises";
import { isLoopback } from "../../capture/http/admission.ts";
import type { Access } from "../../dashboard/access.ts";
import { type Api, type ApiParts, createApi } from "../../dashboard/api.ts";
import { API_LIMITS } from "../../dashboard/limits.ts";
import { WhetstoneError } from "../../model/error.ts";
import { createAuthenticator } from "../../protect/authenticate.ts";
import { openSpanStore, systemClock, systemRandom } from "../../wire.ts";
import type { ServeOptions } from "../commands/serve.ts";
import { configIfAny } from "../config.ts";
import type { Io } from "../io.ts";
import { openKeys } from "./api-key.ts";

/** The API over its open store. */
export type ServedApi = AsyncDisposable & { readonly api: Api };

type Around = Pick<ApiParts, "version" | "onError" | "moreMetrics" | "stop">;

/**
 * Opens what the API needs; undefined when nobody could use it, since there is no key.
 * @throws WhetstoneError `usage`: `--no-auth` beyond loopback, or a limit that is none; `not_found`: no such store
 */
export async function openServedApi(options: ServeOptions, io: Io, around: Around): Promise<ServedApi | undefined> {
  const requests = { ...API_LIMITS.requests, limit: parseRateLimit(options.rateLimit) };
  const access = await accessOf(options, io);
  if (access === undefined) return undefined;
  const places = { ...options, cwd: io.cwd, mustExist: true };
  const store = await openSpanStore(places, io.env, await configIfAny(options, io));
  const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
    await setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined); // ended early, as was asked for
  };
  const api = createApi({ ...around, store, access, clock: systemClock, pause, limits: { requests } });
  return { api, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

async function accessOf({ auth, host, keys: folder }: ServeOptions, io: Io): Promise<Access | undefined> {
  if (auth) {
    const keys = openKeys(folder, io.cwd);
    if ((await keys.list()).length === 0) return undefined;
    // Sessions end with the process: no secret that could make tokens is kept anywhere.
    const signer = { secret: systemRandom(32) };
    return { kind: "keys", authenticator: createAuthenticator({ keys, signer, clock: systemClock }) };
  }
  if (isLoopback(host)) return { kind: "open" };
  throw new WhetstoneError("usage", `--no-auth would open the traces to whoever reaches ${host}.`, {
    remedy: "Leave --no-auth out and make a key with `whetstone api-key create`, or listen on 127.0.0.1.",
  });
}

function parseRateLimit(text: string): number {
  const limit = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (limit >= 1) return limit;
  throw new WhetstoneError("usage", `--rate-limit ${text} is not a whole number of requests.`, {
    remedy: "Write a number from 1 to 9999999.",
  });
}
