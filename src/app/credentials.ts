import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { GitHubAppEnv, Secret } from "../config/env.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";

/** What the App proves itself with, checked. */
export type AppCredentials = {
  readonly appId: number;
  /** PEM text of an RSA key. */
  readonly privateKey: Secret;
  readonly webhookSecret: Secret;
  /** Address of the REST API. */
  readonly baseUrl: string;
};

const HOW_TO =
  "Make a GitHub App with `whetstone serve --setup URL`, which writes a file with them, or by hand with the permissions of " +
  "docs/app.md; install it. Then set APP_ID, PRIVATE_KEY_PATH (or PRIVATE_KEY) and WEBHOOK_SECRET in the environment.";

/**
 * The App's credentials from the environment. Values of secrets are in no message.
 * @throws WhetstoneError `usage`: something is missing or malformed; `input_unreadable`: the key file cannot be read.
 */
export async function readCredentials(env: GitHubAppEnv | undefined): Promise<AppCredentials> {
  const { appId, webhookSecret } = env ?? {};
  const hasKey = env?.privateKey !== undefined || env?.privateKeyPath !== undefined;
  if (env === undefined || appId === undefined || webhookSecret === undefined || !hasKey) {
    const missing = [
      ...(appId === undefined ? ["APP_ID"] : []),
      ...(hasKey ? [] : ["PRIVATE_KEY or PRIVATE_KEY_PATH"]),
      ...(webhookSecret === undefined ? ["WEBHOOK_SECRET"] : []),
    ];
    throw new WhetstoneError("usage", `The GitHub App needs ${missing.join(", ")} in the environment.`, {
      remedy: HOW_TO,
      data: { missing },
    });
  }
  if (!/^[1-9]\d{0,15}$/.test(appId)) {
    throw malformed("APP_ID is not a number.", "Take the App ID from the page of the App; the client id is another.");
  }
  return { appId: Number(appId), webhookSecret, privateKey: await readKey(env), baseUrl: apiAddress(env) };
}

async function readKey({ privateKey, privateKeyPath }: GitHubAppEnv): Promise<Secret> {
  const name = privateKey === undefined ? "PRIVATE_KEY_PATH" : "PRIVATE_KEY";
  const text = pemText(privateKey?.reveal() ?? (await readKeyFile(privateKeyPath ?? "")));
  try {
    if (createPrivateKey(text).asymmetricKeyType === "rsa") return { reveal: () => text };
  } catch {
    // What the library says may quote the key; that it is none is all that is told.
  }
  throw malformed(
    `${name} does not hold an RSA private key.`,
    "Generate one on the page of the App. In a variable, keep its line breaks, write them as \\n, or encode it in base64.",
  );
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new WhetstoneError("input_unreadable", `PRIVATE_KEY_PATH cannot be read: ${messageOf(error)}.`, {
      remedy: "Name the .pem file that was downloaded from the page of the App.",
      cause: error,
    });
  }
}

/** A key as it may stand in one variable: with line breaks, with `\n` for them, or in base64. */
function pemText(text: string): string {
  const decoded = text.includes("-----BEGIN") ? text : Buffer.from(text, "base64").toString("utf8");
  return decoded.replaceAll("\\n", "\n").trim();
}

function apiAddress({ enterpriseHost, enterpriseProtocol = "https" }: GitHubAppEnv): string {
  if (enterpriseHost === undefined) return "https://api.github.com";
  const address = `${enterpriseProtocol}://${enterpriseHost}/api/v3`;
  const url = /^https?$/.test(enterpriseProtocol) && URL.canParse(address) ? new URL(address) : undefined;
  if (url?.host === enterpriseHost.toLowerCase()) return address;
  throw malformed(
    "GHE_HOST and GHE_PROTOCOL make no address.",
    "GHE_HOST is a host such as github.example.com, without https:// and path; GHE_PROTOCOL is https or http.",
  );
}

function malformed(message: string, remedy: string): WhetstoneError {
  return new WhetstoneError("usage", message, { remedy });
}
