import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type DoctorOptions = CommonOptions & { readonly github?: string | true };

/** `whetstone doctor`: checks the set-up and says how to mend each fault. */
export const doctor: Register = (program, context) => {
  const command = program
    .command("doctor")
    .description("check the set-up and say how to mend each fault")
    .option(
      "--github [repository]",
      "check the settings of OWNER/REPO on GitHub (default: origin) instead, with GITHUB_TOKEN of the environment",
    );
  common(command, "doctor", "0 all is well, 1 there is something to mend");
  command.action(async (options: DoctorOptions) => {
    const { runDoctor } = await import("../run/doctor.ts");
    context.exit(await runDoctor(options, context.io));
  });
};
