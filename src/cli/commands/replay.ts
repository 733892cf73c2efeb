import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

/** `whetstone replay`: recomputes every verdict of a dossier offline. */
export const replay: Register = (program, context) => {
  const command = program
    .command("replay")
    .description("recompute every verdict of a dossier, offline, and compare")
    .argument("<dossier>", "id or folder of the dossier");
  common(
    command,
    "replay .whetstone/dossiers/d-20261120T104512Z-3f9a1c",
    "0 every verdict comes out as recorded, 1 one does not",
  );
  command.action(async (dossier: string, options: CommonOptions) => {
    const { runReplay } = await import("../run/replay.ts");
    context.exit(await runReplay(dossier, options, context.io));
  });
};
