import { common, type CommonOptions, type Register } from "../command.ts";
import { tokenOptions, type TokenOptions } from "../token-options.ts";

export type StopOptions = CommonOptions & { readonly why?: string; readonly github?: string };
export type ResumeOptions = CommonOptions & TokenOptions & { readonly github?: string };

/** `whetstone stop`. */
export const stop: Register = (program, context) => {
  const command = program
    .command("stop")
    .description("kill switch: no stage of any run acts from now on; needs no permission")
    .option("--why <text>", "for the others and for the record")
    .option(
      "--github <repository>",
      "stop OWNER/REPO on GitHub, its workflows and runs too, with GITHUB_TOKEN of the environment",
    );
  common(
    command,
    'stop --why "too many alerts"',
    "0 stopped, 1 stopped but for a part that is named: run it again",
  ).action(async (options: StopOptions) => {
    const { runStop } = await import("../run/stop.ts");
    context.exit(await runStop(options, context.io));
  });
};

/** `whetstone resume`. */
export const resume: Register = (program, context) => {
  const command = program
    .command("resume")
    .description("lift the kill switch, with a token of `whetstone authorize grant` for exactly this stop")
    .option(
      "--github <repository>",
      "let OWNER/REPO on GitHub go on and switch its workflows on; GITHUB_TOKEN of one of its administrators permits it",
    );
  tokenOptions(command);
  common(command, "resume --token-file token").action(async (options: ResumeOptions) => {
    const { runResume } = await import("../run/stop.ts");
    context.exit(await runResume(options, context.io));
  });
};
