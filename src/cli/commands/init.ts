import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type InitOptions = CommonOptions & {
  readonly target: string;
  readonly command?: string;
  readonly workflow?: string;
  readonly force?: boolean;
};

/** `whetstone init`: writes a commented whetstone.yaml, and the workflows for GitHub where they are asked for. */
export const init: Register = (program, context) => {
  const command = program
    .command("init")
    .description("write a commented whetstone.yaml and a workload to fill in into this repository")
    .option("--target <name>", "name of the first target", "my-server")
    .option("--command <command>", "how the server starts (default: guessed from .mcp.json or package.json)")
    .option(
      "--workflow <release>",
      "write the workflows of GitHub too, on OWNER/REPO@COMMIT of Whetstone; a whetstone.yaml that exists is kept",
    )
    .option("--force", "overwrite files that exist");
  common(command, 'init --target notes --command "node server.js"');
  command.action(async (options: InitOptions) => {
    const { runInit } = await import("../run/init.ts");
    context.exit(await runInit(options, context.io));
  });
};
