import { createHmac } from "node:crypto";
import type { AppLog } from "../../app/service.ts";
import type { Mount } from "../../app/server.ts";
import { type DeskParts, openStopDesk, type StopDesk } from "../../app/stop/desk.ts";
import { readInstalled, rememberInstalled } from "../../app/stop/installed.ts";
import { stopPage } from "../../app/stop/page.ts";
import { pressAt, type PressStop } from "../../app/stop/press.ts";
import { type VariableParts, watchVariables } from "../../app/stop/variable-watch.ts";
import type { AppClients } from "../../app/clients.ts";
import type { Secret } from "../../config/env.ts";
import { addressOf } from "../../dashboard/access.ts";
import { API_LIMITS } from "../../dashboard/limits.ts";
import { slidingWindow } from "../../dashboard/rate-limit.ts";
import { createAuthenticator } from "../../protect/authenticate.ts";
import { systemClock, systemRandom } from "../../wire.ts";
import type { ServeOptions } from "../commands/serve.ts";
import type { Io } from "../io.ts";
import { openKeys } from "./api-key.ts";

/** Stops that come over the page and by the variable. */
export type ServedStops = {
  readonly desk: StopDesk;
  readonly press: PressStop;
  /** Signs links to how it stands. */
  readonly secret: Uint8Array;
  readonly log: AppLog;
  /** Looks at the variables until the signal aborts. Never rejects. */
  readonly watch: (signal: AbortSignal) => Promise<void>;
};

type StopsParts = Omit<DeskParts & VariableParts, "clients" | "installed"> & {
  readonly clients: AppClients;
  readonly webhookSecret: Secret;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
};

/** Puts them together; asks GitHub for nothing yet. */
export function openServedStops(parts: StopsParts): ServedStops {
  const installed = rememberInstalled(() => readInstalled(parts.clients), parts.now);
  const desk = openStopDesk({ ...parts, installed });
  const newPress = (): string => Buffer.from(systemRandom(16)).toString("hex");
  return {
    desk,
    press: pressAt(desk, { newPress, log: parts.log }),
    // The same after a restart and on every server of the App, and good for nothing else.
    secret: createHmac("sha256", parts.webhookSecret.reveal()).update("whetstone stop page").digest(),
    log: parts.log,
    watch: (signal) => watchVariables({ ...parts, installed }, signal),
  };
}

/** What one key asks for on the page. */
const REQUESTS = { limit: 60, windowMs: 60_000 };

/** The page that stops, for holders of API keys; undefined where keys are not asked for, since it is a key that proves who asks. */
export function openStopPage(
  options: ServeOptions,
  io: Io,
  { desk, press, secret, log }: ServedStops,
): Mount | undefined {
  if (!options.auth) return undefined;
  return stopPage({
    desk,
    // Keys are read when they are shown: one that is made later, or revoked, counts at once.
    authenticator: createAuthenticator({
      keys: openKeys(options.keys, io.cwd),
      signer: { secret },
      clock: systemClock,
    }),
    attempts: slidingWindow(API_LIMITS.attempts, systemClock),
    requests: slidingWindow(REQUESTS, systemClock),
    senderOf: addressOf,
    press,
    clock: systemClock,
    log,
  });
}
