import type * as ProbotModule from "probot";
import { codeOf, WhetstoneError } from "../model/error.ts";
import type { Clock } from "../model/time.ts";
import { whetstoneApp } from "./app.ts";
import type { AppCredentials } from "./credentials.ts";
import type { createLog } from "./log.ts";
import { type AppServer, WEBHOOK_PATH, type WebhookHandler } from "./server.ts";

/**
 * Loads Probot, which is installed only where the App is served.
 * @throws WhetstoneError `usage` with the line that installs it.
 */
export async function loadProbot(): Promise<typeof ProbotModule> {
  try {
    return await import("probot");
  } catch (error) {
    if (codeOf(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new WhetstoneError("usage", "Serving the GitHub App needs the package probot, which is not installed.", {
      remedy: "Install it beside whetstone: npm install probot@14",
      cause: error,
    });
  }
}

/** What the App is made of. */
export type AppParts = {
  readonly credentials: AppCredentials;
  readonly clock: Clock;
  readonly track: AppServer["track"];
  readonly log: ReturnType<typeof createLog>;
};

/** The App behind Probot's webhook handling: signatures are checked before anything of a delivery is read. */
export async function createWebhookHandler(
  { Probot, createNodeMiddleware }: typeof ProbotModule,
  { credentials, clock, track, log }: AppParts,
): Promise<WebhookHandler> {
  const { appId, privateKey, webhookSecret, baseUrl } = credentials;
  const probot = new Probot({
    appId,
    privateKey: privateKey.reveal(),
    secret: webhookSecret.reveal(),
    baseUrl,
    log,
  });
  const handle = await createNodeMiddleware(whetstoneApp({ appId, clock, track }), {
    probot,
    webhooksPath: WEBHOOK_PATH,
  });
  return async (request, response) => (await handle(request, response)) === true;
}
