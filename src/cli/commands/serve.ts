import type { Register } from "../command.ts";

export type ServeOptions = { readonly json?: boolean; readonly port: string; readonly host: string };

/** `whetstone serve`: the GitHub App as a server. */
export const serve: Register = (program, context) => {
  program
    .command("serve")
    .description("serve the GitHub App: answers /whetstone commands in issues and pull requests")
    .option("--port <number>", "port to listen on; 0 takes any free one", "3000")
    .option(
      "--host <address>",
      "address to listen on; put a TLS proxy in front of any other than loopback",
      "127.0.0.1",
    )
    .option("--json", "print one JSON document when it listens, and log JSON lines to standard error")
    .addHelpText(
      "after",
      "\nEnvironment:\n  APP_ID, PRIVATE_KEY or PRIVATE_KEY_PATH, WEBHOOK_SECRET; GHE_HOST for GitHub Enterprise Server\n" +
        "\nExample:\n  $ APP_ID=4711 PRIVATE_KEY_PATH=app.pem WEBHOOK_SECRET=… whetstone serve --port 3000",
    )
    .action(async (options: ServeOptions) => {
      const { runServe } = await import("../run/serve.ts");
      context.exit(await runServe(options, context.io));
    });
};
