import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";
import { tokenOptions, type TokenOptions } from "../token-options.ts";

export type BackupOptions = CommonOptions & { readonly force?: boolean };
export type RestoreOptions = BackupOptions & TokenOptions;

/** `whetstone backup`: a checked copy of the store while it is in use. */
export const backup: Register = (program, context) => {
  const command = program
    .command("backup")
    .description("copy the SQLite store to a file, with its checksum beside it; others may go on writing")
    .argument("<file>", "the file to write")
    .option("--force", "replace an older backup");
  common(command, "backup backups/2026-11-20.db");
  command.action(async (file: string, options: BackupOptions) => {
    const { runBackup } = await import("../run/backup.ts");
    context.exit(await runBackup(file, options, context.io));
  });
};

/** `whetstone restore`: a backup in the place of the store. */
export const restore: Register = (program, context) => {
  const command = program
    .command("restore")
    .description("put a backup in the place of the SQLite store, after checking it as a whole")
    .argument("<file>", "a file that `whetstone backup` wrote, with its .sha256 beside it")
    .option(
      "--force",
      "replace the store that is there, if nobody uses it; in a repository this needs a token for the operation backup.restore",
    );
  tokenOptions(command);
  common(command, "restore backups/2026-11-20.db");
  command.action(async (file: string, options: RestoreOptions) => {
    const { runRestore } = await import("../run/backup.ts");
    context.exit(await runRestore(file, options, context.io));
  });
};
