import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

/** `whetstone propose`: opens the branch of a proposal whose dossier says that it passed validation. */
export const propose: Register = (program, context) => {
  const command = program
    .command("propose")
    .description("commit a validated proposal on its branch, with its report")
    .argument("<dossier>", "id or folder of the dossier that holds proposal and validation report")
    .option("--local", "on this git repository alone");
  common(command, "propose --local d-20261120T104512Z-3f9a1c", "0 the branch is there, 1 refused");
  command.action(async (dossier: string, options: CommonOptions & { readonly local?: boolean }) => {
    const { runPropose } = await import("../run/propose.ts");
    context.exit(await runPropose(dossier, options, context.io));
  });
};
