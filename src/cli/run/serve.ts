import { once } from "node:events";
import { createLog } from "../../app/log.ts";
import { STOP_PATH } from "../../app/stop/page-html.ts";
import { type Mount, startAppServer, WEBHOOK_PATH } from "../../app/server.ts";
import type { Api } from "../../dashboard/api.ts";
import { processText } from "../../dashboard/metrics-text.ts";
import { BASE_PATH } from "../../dashboard/openapi.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { systemClock } from "../../wire.ts";
import type { ServeOptions } from "../commands/serve.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { type Io, printJson } from "../io.ts";
import { parsePort } from "../port.ts";
import { openServedApi } from "./serve-api.ts";
import { openServedApp, type ServedApp } from "./serve-app.ts";
import { openStopPage } from "./serve-stop.ts";
import { openServedSetup } from "./serve-setup.ts";
import { keepYoungGeneration } from "./steady-heap.ts";

/** How long a stop waits for work under way; orchestrators wait 30 s before they kill. */
const PATIENCE_MS = 25_000;

/** `whetstone serve`: until Ctrl-C or SIGTERM; exit 1 when work under way had to be left behind. */
export async function runServe(options: ServeOptions, io: Io, version: string): Promise<number> {
  keepYoungGeneration();
  const port = parsePort(options.port);
  const log = createLog({ write: io.err, clock: systemClock, json: options.json === true });
  return interruptible(async (signal) => {
    const onError = (error: unknown): void => log.error(error);
    const setup = openServedSetup(options, io, (line) => log.info(line));
    const hasApp = io.env.githubApp !== undefined && setup === undefined;
    await using app = hasApp ? await openServedApp(options, io, log) : undefined;
    const ofApp = app && { moreMetrics: app.metrics, ...(options.auth && { stop: app.stops.press }) };
    const around = { version, onError, ...ofApp };
    await using served = await openServedApi(options, io, around);
    const api = served?.api;
    if (app === undefined && api === undefined && setup === undefined) throw nothingToServe();
    const stopPage = app && openStopPage(options, io, app.stops);
    const others = [stopPage, app && metricsOf(app), setup?.mount].filter((mount) => mount !== undefined);
    const mounts = [...(api ? [api.handle] : []), ...others];
    const listening = { host: options.host, port, patienceMs: PATIENCE_MS, onError, mounts };
    const server = await startAppServer({ ...listening, ...(app && { isReachable: app.isReachable }) });
    app?.start();
    server.ready(app?.webhooks);
    const stop = stopPage && `${server.url}${STOP_PATH}`;
    announce(io, options, { appId: app?.appId, api, stop, url: server.url, setup: setup?.address });
    if (!signal.aborted) await once(signal, "abort");
    api?.close();
    // What was begun ends; what is delivered meanwhile is kept for the next start.
    if (app) server.track(app.stop());
    return farewell(io, await server.stop());
  });
}

/** `GET /metrics` where no API answers it. */
function metricsOf(app: ServedApp): Mount {
  return async (request, response) => {
    if (request.method !== "GET" || request.url?.split("?")[0] !== "/metrics") return false;
    const text = processText() + (await app.metrics());
    response.writeHead(200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }).end(text);
    return true;
  };
}

function nothingToServe(): WhetstoneError {
  const message =
    "There is nothing to serve: there is no API key, and the GitHub App needs APP_ID, PRIVATE_KEY or " +
    "PRIVATE_KEY_PATH, WEBHOOK_SECRET in the environment.";
  return new WhetstoneError("usage", message, {
    remedy:
      "Make a key with `whetstone api-key create NAME --role developer`, or open the API to this machine with " +
      "--no-auth. Make a GitHub App with --setup URL.",
  });
}

type Announced = {
  readonly appId: number | undefined;
  readonly api: Api | undefined;
  /** The page that stops. */
  readonly stop: string | undefined;
  readonly url: string;
  readonly setup: string | undefined;
};

function announce(io: Io, { json, auth }: ServeOptions, { appId, api, stop, url, setup }: Announced): void {
  const places = { health: `${url}/healthz`, ready: `${url}/readyz` };
  const metrics = `${url}/metrics`;
  const app = appId === undefined ? {} : { appId, webhooks: `${url}${WEBHOOK_PATH}`, metrics, ...(stop && { stop }) };
  const served = api === undefined ? {} : { api: `${url}${BASE_PATH}`, metrics };
  if (json) return printJson(io, { ...app, url, ...served, ...places, ...(setup === undefined ? {} : { setup }) });
  if (api !== undefined) {
    const who = auth ? "for holders of API keys" : "for anybody on this machine";
    io.out(`Serving the JSON API on ${url}${BASE_PATH}, ${who}.\n`);
  } else io.out("The JSON API is not served: there is no API key (`whetstone api-key create`).\n");
  if (appId !== undefined) io.out(`Serving the GitHub App ${appId}; deliveries go to ${url}${WEBHOOK_PATH}.\n`);
  if (stop !== undefined) io.out(`The page that stops everything is ${stop}; it asks for an API key.\n`);
  if (setup !== undefined) io.out(`Make the GitHub App on ${setup}; whoever has this address can.\n`);
  io.out("Stop with Ctrl-C.\n");
}

function farewell(io: Io, left: number): number {
  io.err(
    left === 0 ? "Stopped.\n" : `Stopped; after ${PATIENCE_MS / 1000} s work was still under way and was cut off.\n`,
  );
  return left === 0 ? EXIT.pass : EXIT.fail;
}
