import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type ValidateOptions = CommonOptions & { readonly target?: string; readonly output?: string };

/** `whetstone validate`: the validation pipeline on one proposal. */
export const validate: Register = (program, context) => {
  const command = program
    .command("validate")
    .description("scope, safety, apply, checks and replay of one proposal, in a worktree of its own")
    .argument("<proposal>", "a recorded session, a proposal.json, or a dossier's folder")
    .option("--target <name>", "target of whetstone.yaml (default: the proposal's)")
    .option("-o, --output <file>", "write the validation report here");
  common(command, "validate examples/notes-server/sessions/good.json -o report.json", "0 pass, 1 fail, 3 inconclusive");
  command.action(async (proposal: string, options: ValidateOptions) => {
    const { runValidate } = await import("../run/validate.ts");
    context.exit(await runValidate(proposal, options, context.io));
  });
};
