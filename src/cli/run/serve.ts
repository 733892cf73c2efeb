import { once } from "node:events";
import { readCredentials } from "../../app/credentials.ts";
import { createLog } from "../../app/log.ts";
import { createWebhookHandler, loadProbot } from "../../app/probot.ts";
import { startAppServer, WEBHOOK_PATH } from "../../app/server.ts";
import { EXIT } from "../../model/codes.ts";
import { systemClock } from "../../wire.ts";
import type { ServeOptions } from "../commands/serve.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { type Io, printJson } from "../io.ts";
import { parsePort } from "../port.ts";

/** How long a stop waits for commands under way; orchestrators wait 30 s before they kill. */
const PATIENCE_MS = 25_000;

/** `whetstone serve`: until Ctrl-C or SIGTERM; exit 1 when commands under way had to be left behind. */
export async function runServe(options: ServeOptions, io: Io): Promise<number> {
  const port = parsePort(options.port);
  const credentials = await readCredentials(io.env.githubApp);
  const probot = await loadProbot();
  const log = createLog({ write: io.err, clock: systemClock, json: options.json === true });
  return interruptible(async (signal) => {
    const server = await startAppServer({
      host: options.host,
      port,
      patienceMs: PATIENCE_MS,
      onError: (error) => log.error(error),
    });
    const parts = { credentials, clock: systemClock, track: server.track, log };
    server.ready(await createWebhookHandler(probot, parts));
    announce(io, options, { appId: credentials.appId, url: server.url });
    if (!signal.aborted) await once(signal, "abort");
    return farewell(io, await server.stop());
  });
}

function announce(io: Io, { json }: ServeOptions, { appId, url }: { appId: number; url: string }): void {
  const places = { webhooks: `${url}${WEBHOOK_PATH}`, health: `${url}/healthz`, ready: `${url}/readyz` };
  if (json) return printJson(io, { appId, url, ...places });
  io.out(`Serving the GitHub App ${appId}; deliveries go to ${places.webhooks}. Stop with Ctrl-C.\n`);
}

function farewell(io: Io, left: number): number {
  io.err(
    left === 0 ? "Stopped.\n" : `Stopped; after ${PATIENCE_MS / 1000} s work was still under way and was cut off.\n`,
  );
  return left === 0 ? EXIT.pass : EXIT.fail;
}
