import type * as ProbotModule from "probot";
import type { Logger } from "pino";
import { z } from "zod";
import { codeOf, WhetstoneError } from "../model/error.ts";
import type { ClientParts } from "./clients.ts";
import type { AppCredentials } from "./credentials.ts";
import type { ReceiveParts } from "./receive.ts";

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

/** What Probot does for the App: it proves signatures, and signs who the App is. */
export type ProvenApp = Pick<ReceiveParts, "verify"> & Pick<ClientParts, "appToken">;

const Token = z.object({ token: z.string().min(1) });

/**
 * Probot with the App's credentials. Its own dispatcher is not used, because it keeps nothing over the end of the process;
 * nor are its clients, because they refuse nothing.
 */
export async function openProbot(
  { Probot }: typeof ProbotModule,
  { appId, privateKey, webhookSecret, baseUrl }: AppCredentials,
  log: Logger,
): Promise<ProvenApp> {
  const credentials = { appId, privateKey: privateKey.reveal(), secret: webhookSecret.reveal(), baseUrl };
  const probot = await new Probot({ ...credentials, log }).ready();
  const octokit = await probot.auth();
  return {
    verify: (body, signature) => probot.webhooks.verify(body, signature),
    appToken: async () => Token.parse(await octokit.auth({ type: "app" })).token,
  };
}
