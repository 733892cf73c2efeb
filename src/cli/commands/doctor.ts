import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

/** `whetstone doctor`: checks the set-up and says how to mend each fault. */
export const doctor: Register = (program, context) => {
  const command = program.command("doctor").description("check the set-up and say how to mend each fault");
  common(command, "doctor");
  command.action(async (options: CommonOptions) => {
    const { runDoctor } = await import("../run/doctor.ts");
    context.exit(await runDoctor(options, context.io));
  });
};
