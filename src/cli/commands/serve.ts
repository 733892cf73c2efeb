import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type ServeOptions = CommonOptions & {
  readonly port: string;
  readonly host: string;
  /** False after `--no-auth`. */
  readonly auth: boolean;
  readonly keys?: string;
  readonly rateLimit: string;
  /** Where GitHub reaches this server: offers the pages that make the GitHub App. */
  readonly setup?: string;
  readonly organisation?: string;
};

/** `whetstone serve`: JSON API and GitHub App as a server. */
export const serve: Register = (program, context) => {
  const command = program
    .command("serve")
    .description("serve the JSON API below /api/v1, and the GitHub App when its credentials are there")
    .option("--port <number>", "port to listen on; 0 takes any free one", "3000")
    .option(
      "--host <address>",
      "address to listen on; put a TLS proxy in front of any other than loopback",
      "127.0.0.1",
    )
    .option("--keys <folder>", "folder of the API keys (default: .whetstone/api-keys)")
    .option("--no-auth", "answer the API without keys; on loopback only")
    .option("--rate-limit <number>", "requests per hour and API key", "1000")
    .option(
      "--setup <url>",
      "offer the page that makes the GitHub App, for a server that GitHub reaches at this address",
    )
    .option("--organisation <name>", "with --setup: the organisation that is to own the App");
  common(command, "serve --port 3000 --db .whetstone/whetstone.db");
  command.addHelpText(
    "after",
    "\nWith the GitHub App:\n  $ APP_ID=4711 PRIVATE_KEY_PATH=app.pem WEBHOOK_SECRET=… whetstone serve\n" +
      "\nEnvironment of the App:\n  APP_ID, PRIVATE_KEY or PRIVATE_KEY_PATH, WEBHOOK_SECRET; GHE_HOST for GitHub Enterprise Server",
  );
  command.action(async (options: ServeOptions) => {
    const { runServe } = await import("../run/serve.ts");
    context.exit(await runServe(options, context.io, context.version()));
  });
};
